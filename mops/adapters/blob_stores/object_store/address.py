"""Where a root is: what ``s3://bucket/prefix`` and its kind say."""

import re
from typing import Final, NamedTuple

from mops.core.errors import ConfigurationError

SCHEMES: Final = ("s3", "gs", "az")
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REFUSED: Final = re.compile(r"[\x00-\x1f\x7f%?#\\]")  # a URI that is decoded somewhere must name the same place


class Address(NamedTuple):
    """One root.

    Attributes:
        scheme: one of ``SCHEMES``.
        account: of Azure; empty elsewhere.
        bucket: or container.
        prefix: what all keys begin with; empty, or ends with a slash.
    """

    scheme: str
    account: str
    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The one spelling of this address."""
        place = "/".join(filter(None, (self.account, self.bucket, self.prefix.rstrip("/"))))
        return f"{self.scheme}://{place}"


def address_of(uri: str) -> Address:
    """Read ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://account/container/prefix``.

    Raises:
        ConfigurationError: it names no place where blobs can be.
    """
    scheme, _, place = uri.partition("://")
    account = ""
    if scheme == "az":
        account, _, place = place.partition("/")
    bucket, _, prefix = place.partition("/")
    prefix = prefix.strip("/")
    names = [bucket, account] if scheme == "az" else [bucket]
    segments = prefix.split("/") if prefix else []
    if (
        scheme not in SCHEMES
        or not all(map(_BUCKET.fullmatch, names))
        or _REFUSED.search(prefix)
        or {"", ".", ".."} & set(segments)
    ):
        raise ConfigurationError(
            f"{_without_credentials(uri)!r} names no place in an object store; there is s3://bucket/prefix "
            "and gs://bucket/prefix, in small letters before ://, without '%', '?', '#', '\\' and empty parts",
            advice="correct the root; credentials are no part of it, and taken from the environment",
        )
    return Address(scheme, account, bucket, f"{prefix}/" if prefix else "")


def _without_credentials(uri: str) -> str:
    scheme, separator, place = uri.partition("://")
    return scheme + separator + re.split("[?#]", place.rpartition("@")[2])[0]
