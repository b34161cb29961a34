"""What a service says, in the words of the port.

The library hands on the answer of the service as text, which may hold what must not be seen: S3 repeats a session token
in the error that refuses it. So nothing of that text leaves this module but an HTTP status, the service's own code for
the error, and what went wrong with a connection.
"""

import re
from enum import Enum, auto
from typing import Final

from mops.core.errors import (
    BlobArchived,
    InvalidKey,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
    UnsupportedStore,
)


class Refusal(Enum):
    """An answer that is no error of the store."""

    ABSENT = auto()
    """There is no such blob."""
    TAKEN = auto()
    """A blob stands under the key; or another writer is at it."""
    REPLACED = auto()
    """Another blob stands under the key than before."""


_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([\w.]{1,80})</Code>")
_TRANSPORT: Final = re.compile(r"HTTP error: ([a-z ]{1,80})")
_NO_CREDENTIALS: Final = ("/latest/api/token", "/latest/meta-data/", "/computeMetadata/", "/metadata/identity/")
"""What the library asks the machine that it runs on for, if the environment has no credentials."""

CONDITIONS: Final = "name a blob root in a service that knows If-None-Match, as Amazon S3 does"
"""Advice to whoever uses one that does not."""
_NO_BUCKET: Final = "make the bucket, or correct the blob root: mops makes none"
_CLOCK: Final = "set the clock of this machine: the service compares it with its own"
_KEYS: Final = "check the credentials in the environment of this process"
_NO_KEYS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a profile is put there by "
    'eval "$(aws configure export-credentials --format env)"',
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or sign in with 'gcloud auth application-default login'",
    "az": _KEYS,
}
_NEW_KEYS: Final = "get new credentials: those in the environment of this process are not valid any more"
_REGION: Final = "name the region of the bucket: AWS_REGION"
_ARCHIVED: Final = "restore the object from its archive first, and keep archive tiers away from blob roots"
_ENCRYPTION: Final = "look after the key that encrypts this bucket, and who may use it"
_GARBLED: Final = frozenset(
    {"RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "InvalidPart"}
)
"""Codes of what did not arrive as it was sent, or not at all; all other requests are wrong each time."""
_ROLES: Final = {
    "s3": "allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucket below the root",
    "gs": "give this account the role Storage Object User on the bucket",
    "az": "give this account the role Storage Blob Data Contributor on the container",
}
_CODES: Final[dict[str, tuple[type[StoreError], str]]] = {
    "NoSuchBucket": (UnsupportedStore, _NO_BUCKET),
    "ContainerNotFound": (UnsupportedStore, _NO_BUCKET),
    "NotImplemented": (UnsupportedStore, CONDITIONS),
    "KeyTooLongError": (InvalidKey, "name a blob root with a shorter prefix"),
    "AuthorizationHeaderMalformed": (UnsupportedStore, _REGION),
    "PermanentRedirect": (UnsupportedStore, _REGION),
    "TemporaryRedirect": (StoreUnavailable, ""),
    "InvalidObjectState": (BlobArchived, _ARCHIVED),
    "BlobArchived": (BlobArchived, _ARCHIVED),
    "EntityTooLarge": (StoreFull, "store smaller pieces"),
    "QuotaExceeded": (StoreFull, ""),
    "XMinioStorageFull": (StoreFull, ""),
    "RequestTimeTooSkewed": (StoreDenied, _CLOCK),
    "ExpiredToken": (StoreDenied, _NEW_KEYS),
    "InvalidToken": (StoreDenied, _NEW_KEYS),
    "TokenRefreshRequired": (StoreDenied, _NEW_KEYS),
    "InvalidAccessKeyId": (StoreDenied, _KEYS),
    "SignatureDoesNotMatch": (StoreDenied, _KEYS),
    "AuthenticationFailed": (StoreDenied, _CLOCK),
}


def refusal_of(error: Exception, kind: str, scheme: str, what: str) -> Refusal | StoreError:
    """What an exception of the library means.

    Args:
        error: the exception; nothing of its text is handed on.
        kind: the name of its class.
        scheme: of the address.
        what: could not be done, to which blob.
    """
    text = str(error).partition("\n\nDebug source:")[0]
    code, status = _first(_CODE, text), _first(_STATUS, text)
    if code in _CODES:
        meaning, advice = _CODES[code]
        return meaning(f"{what}: {code} (HTTP {status})", advice=advice)
    match kind:
        case "FileNotFoundError":
            return Refusal.ABSENT
        case "AlreadyExistsError":
            return Refusal.TAKEN
        case "PreconditionError":
            return Refusal.REPLACED
        case "NotImplementedError" | "NotSupportedError":
            return UnsupportedStore(f"{what}: conditional writes are switched off for this service")
    return _error(text, code, status, scheme, what)


def _error(text: str, code: str, status: str, scheme: str, what: str) -> StoreError:
    if any(place in text for place in _NO_CREDENTIALS):
        return StoreUnavailable(
            f"{what}: there are no credentials in the environment of this process, and no machine gives any",
            advice=_NO_KEYS[scheme],
        )
    if status in {"401", "403"}:
        return StoreDenied(f"{what}: {code or 'refused'} (HTTP {status})", advice=_ROLES[scheme])
    if status.startswith("3") or "redirect without LOCATION" in text:
        return UnsupportedStore(f"{what}: the bucket is somewhere else", advice=_REGION if scheme == "s3" else "")
    if code.startswith("KMS"):
        return StoreDenied(f"{what}: {code} (HTTP {status})", advice=_ENCRYPTION)
    if status in {"400", "405"} and code not in _GARBLED:
        return UnsupportedStore(f"{what}: {code or 'the service does not understand the request'} (HTTP {status})")
    if status == "507":
        return StoreFull(f"{what}: {code or 'no space left'} (HTTP {status})")
    if status:
        return StoreUnavailable(f"{what}: {code or 'an error of the service'} (HTTP {status})")
    return StoreUnavailable(f"{what}: {_first(_TRANSPORT, text).strip() or 'no answer'}")


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
