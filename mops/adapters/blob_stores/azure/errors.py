"""What the service says, in the words of the port: by the code of the error, never by the class of the exception."""

from typing import Any, Final, NamedTuple

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from mops.adapters.blob_stores.azure.clients import redacted
from mops.core.errors import BlobArchived, InvalidKey, StoreDenied, StoreError, StoreUnavailable, UnsupportedStore


class _Meaning(NamedTuple):
    kind: type[StoreError]
    reason: str
    advice: str


ABSENT: Final = frozenset({"BlobNotFound", "PathNotFound"})
"""Codes of a blob that is absent for certain; ``ResourceNotFound`` is told to who is nobody, whatever stands."""
STANDS: Final = frozenset({"BlobAlreadyExists", "PathAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"})
"""Codes of a creation that was refused because a blob stands."""
REPLACED: Final = frozenset({"ConditionNotMet"})
"""Codes of a range of a blob that is another one by now."""
BLOCKS_GONE: Final = frozenset({"InvalidBlockList", "InvalidBlobOrBlock"})
"""Codes of a commit whose blocks another commit has swept away."""
FOLDER: Final = frozenset({"DirectoryIsNotEmpty"})
"""Codes of a deletion that would be one of a folder."""

_FIREWALL: Final = _Meaning(
    StoreDenied,
    "the account's network rules refuse this machine, or public access is disabled",
    "come from an allowed network, or through the account's private endpoint; a rule takes minutes to apply. Azurite "
    "says so of a wrong key and of a signature that has ended, too",
)
_ROLE: Final = _Meaning(
    StoreDenied,
    "who this process is may not do that",
    "assign the role 'Storage Blob Data Contributor' on the container ('Storage Blob Data Reader' for reading alone), "
    "which takes minutes to apply; or give a signature the permissions racwdl",
)
_AUTHENTICATION: Final = _Meaning(
    StoreDenied,
    "the signature or the key was not accepted",
    "look whether the clock of this machine is right, the signature has not expired, and the key was not rotated",
)
_NO_KEYS: Final = _Meaning(
    StoreDenied,
    "the account accepts no keys",
    "use Microsoft Entra: unset AZURE_STORAGE_CONNECTION_STRING, and sign in with 'az login' or a managed identity",
)
_TOKEN: Final = _Meaning(
    StoreDenied,
    "no token that the account accepts",
    "sign in to the account's tenant with 'az login', or set AZURE_TENANT_ID, AZURE_CLIENT_ID and the like, or "
    "AZURE_STORAGE_CONNECTION_STRING, which counts where it is of account {account}",
)
_ARCHIVED: Final = _Meaning(
    BlobArchived,
    "the blob is in the archive tier",
    "rehydrate it, which takes hours: az storage blob set-tier --tier Hot; and let no lifecycle rule archive this root",
)
_POLICY: Final = _Meaning(
    StoreDenied,
    "an immutability policy or a legal hold forbids changes",
    "let the policy not hold for this root: heartbeats and tombstones are written over",
)
_LEASE: Final = _Meaning(StoreDenied, "somebody has a lease on it", "break the lease: az storage blob lease break")
_FOLDER: Final = _Meaning(InvalidKey, "a folder has that name, or a blob that of its folder", "")
_NO_CONTAINER: Final = _Meaning(
    UnsupportedStore,
    "there is no such container",
    "correct the root, or make it: "
    "az storage container create --auth-mode login --account-name {account} --name {name}",
)
_DISABLED: Final = _Meaning(StoreDenied, "the account is disabled", "look at its state and at the subscription's")
_SOURCE: Final = _Meaning(
    StoreDenied, "the signature is not valid for this address or protocol", "make one without --ip, for https"
)

_MEANINGS: Final = {
    "AuthorizationFailure": _FIREWALL,
    "PublicAccessNotPermitted": _TOKEN,
    "ResourceNotFound": _TOKEN,
    "AuthorizationPermissionMismatch": _ROLE,
    "InsufficientAccountPermissions": _ROLE,
    "AuthorizationResourceTypeMismatch": _ROLE,
    "AuthorizationServiceMismatch": _ROLE,
    "UnauthorizedBlobOverwrite": _ROLE,
    "AuthenticationFailed": _AUTHENTICATION,
    "InvalidAuthenticationInfo": _TOKEN,
    "NoAuthenticationInformation": _TOKEN,
    "KeyBasedAuthenticationNotPermitted": _NO_KEYS,
    "AuthorizationSourceIPMismatch": _SOURCE,
    "AuthorizationProtocolMismatch": _SOURCE,
    "AccountIsDisabled": _DISABLED,
    "BlobArchived": _ARCHIVED,
    "BlobBeingRehydrated": _ARCHIVED,
    "BlobImmutableDueToPolicy": _POLICY,
    "BlobImmutableDueToLegalHold": _POLICY,
    "LeaseIdMissing": _LEASE,
    "LeaseIdMismatchWithBlobOperation": _LEASE,
    "ResourceTypeMismatch": _FOLDER,
    "PathConflict": _FOLDER,
    "ContainerNotFound": _NO_CONTAINER,
    "FilesystemNotFound": _NO_CONTAINER,
}


def code_of(error: Exception) -> str:
    """What the service calls the error; empty where no service answered, or what answered was another."""
    response: Any = error.response if isinstance(error, HttpResponseError) else None
    if response is None:
        return ""
    code = response.headers.get("x-ms-error-code") or getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def means(error: Exception, codes: frozenset[str]) -> bool:
    """Whether the service said one of these. Then the error is done with, see ``let_go``."""
    if code_of(error) not in codes:
        return False
    let_go(error)
    return True


def let_go(error: BaseException | None) -> None:
    """Drop what an error that nobody raises any more remembers of its way.

    Functions of the SDK keep the error that they raise in a variable: error, traceback and frames are a cycle, which
    would hold the buffers of callers until somebody collects it.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def store_error(error: Exception, verb: str, uri: str) -> StoreError:
    """Say which blob could not be read or written, and why, without any secret that the SDK repeats.

    What nothing is known of may work at the next attempt.
    """
    code = code_of(error)
    meaning = _MEANINGS.get(code) or _by_status(error)
    said = code or redacted(str(error)).partition("\n")[0]
    account, name = uri.split("/", 4)[2:4]
    advice = meaning.advice.format(account=account, name=name)
    return meaning.kind(f"cannot {verb} {uri}: {meaning.reason} ({said})", advice=advice)


def archived(uri: str) -> StoreError:
    """The error of a blob that stands in the archive."""
    return BlobArchived(f"cannot create {uri}: {_ARCHIVED.reason}", advice=_ARCHIVED.advice)


def folder_stands(uri: str) -> StoreError:
    """The error of a blob that would have the name of a folder."""
    return InvalidKey(f"cannot create {uri}: {_FOLDER.reason}")


def _by_status(error: Exception) -> _Meaning:
    status = getattr(error, "status_code", None) or 0
    if status in (401, 403) or (isinstance(error, ClientAuthenticationError) and not status):
        return _TOKEN if status != 403 else _Meaning(StoreDenied, "it was refused", "")
    if status in (400, 405):
        return _Meaning(UnsupportedStore, "the service does not understand the request", "")
    if status in (429, 503):
        return _Meaning(StoreUnavailable, "the account is asked for too much, or is down", "")
    return _Meaning(StoreUnavailable, "no answer" if not status else f"it was answered with {status}", "")
