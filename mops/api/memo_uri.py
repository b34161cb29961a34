"""From what a person types to a memo: its URI, or the path of its folder."""

import os
import re
from typing import Final

from mops.api.locate import leaves_the_process, locate_blob_store
from mops.api.settings import defaults
from mops.api.trust import trust_of_process
from mops.core.blob_layout import ROOT, Memo, memo_from_folder
from mops.core.errors import ConfigurationError
from mops.core.ports.blob_store import BlobStore

_MARK: Final = f"/{ROOT}/memo/"
_FILE: Final = "file://"
_SLOT: Final = re.compile(r"r\d+|e\d+(\.(\d+|out))?")


def store_for_people(root: object) -> BlobStore:
    """The store under a root, as ``locate_blob_store`` has it.

    Raises:
        ConfigurationError: it names no blob store, or one that only another process could see into; or signatures are
            required, and there is no key.
    """
    store = trust_of_process().around(locate_blob_store(root), _say_nothing)
    if not leaves_the_process(store):
        raise ConfigurationError(
            f"{store.uri} lives in the memory of the process that uses it; nobody else can look into it"
        )
    return store


def _say_nothing(_: str) -> None:
    """Why a record cannot be read is said where the record is shown."""


def root_for_people(root: str | None) -> BlobStore:
    """The store under a root that somebody wants to look over, by default the one that decorated functions use.

    Raises:
        ConfigurationError: as ``store_for_people``; or there is no such folder, and nothing to see.
    """
    store = store_for_people(defaults.mops_root() if root is None else root)
    if store.uri.startswith(_FILE):
        from urllib.parse import unquote

        path = unquote(store.uri.removeprefix(_FILE))
        if not os.path.isdir(path):
            what = "is a file, and no blob root" if os.path.exists(path) else "is no blob root: there is no such folder"
            raise ConfigurationError(f"{store.uri} {what}")
    return store


def locate_memo(text: str) -> tuple[BlobStore, Memo]:
    """The store and the address of a memo. Does no I/O.

    Args:
        text: a memo URI, or the path of the memo's folder on this machine; the name of a blob in it may follow.

    Raises:
        ConfigurationError: it names no memo, or no store.
        InvalidKey: what follows the root is not the folder of a memo.
    """
    where = text if "://" in text else os.path.abspath(os.path.expanduser(text))
    root, found, folder = where.rstrip("/").partition(_MARK)
    if not found:
        raise ConfigurationError(
            f"{text} is no memo URI: those have the form <blob root>{_MARK}<pipeline>/<function>/..."
        )
    above, _, last = folder.rpartition("/")
    if _SLOT.fullmatch(last):
        folder = above
    return locate_blob_store(root or "/"), memo_from_folder(_MARK[1:] + folder)


def open_memo(text: str) -> tuple[BlobStore, Memo]:
    """As ``locate_memo``, for a command, which sees into no other process.

    Raises:
        ConfigurationError, InvalidKey: as ``locate_memo``; or the store lives in the memory of a process.
    """
    store, memo = locate_memo(text)
    return store_for_people(store), memo
