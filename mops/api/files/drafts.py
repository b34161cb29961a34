"""Files that are written locally and stored when they are closed."""

import io
import os
import shutil
from types import TracebackType
from typing import NoReturn, SupportsIndex, final

from mops.adapters.files.digests import file_digest
from mops.api.files.runs import running
from mops.api.files.source import Source
from mops.api.files.temporary import temporary_folders
from mops.core.effects import PutFile
from mops.core.errors import ConfigurationError
from mops.core.files import LocalFile
from mops.core.patience import patiently
from mops.core.timing import Timing
from mops.runtime.inline import drive


@final
class Draft:
    """A file that a call is about to produce.

    Args:
        name: how the call names it.

    Attributes:
        path: where it is written.
    """

    def __init__(self, name: str) -> None:
        self._run = running()
        self._name = name
        self.path = temporary_folders.fresh_path(name)

    def store(self) -> Source:
        """Store what was written, under the root of the call; where there is none, it stays where it is.

        Raises:
            StoreError: it cannot be stored; an unreachable store is asked again for as long as for a result.
        """
        run = self._run
        if run is None:
            return Source.from_file(self.path)
        digest, size = file_digest(self.path)
        file = LocalFile(self.path, os.path.basename(self.path), digest, run.key(self._name), "source", size)
        drive(patiently(PutFile(file), Timing().in_flight), run.world.perform_waiting)
        self.discard()
        return Source(run.uri(file.key), file.name, digest, size)

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(os.path.dirname(self.path), ignore_errors=True)


class _StoredAtClose(io.IOBase):
    """What files have in common that are stored when they are closed."""

    _draft: Draft | None = None
    _source: Source | None = None

    @property
    def source(self) -> Source:
        """The file, once it is closed and stored.

        Raises:
            ConfigurationError: it is not closed yet, or was given up.
        """
        if self._source is None:
            raise ConfigurationError(
                "an output has a source once it is closed; this one is open, or was given up",
                advice="take file.source after the with, or after file.close()",
            )
        return self._source

    def close(self) -> None:
        """Store the file. Closing it again does nothing.

        Raises:
            OSError: not all of it could be written.
            StoreError: it cannot be stored.
        """
        draft, self._draft = self._draft, None
        try:
            super().close()
        except BaseException:
            if draft is not None:
                draft.discard()
            raise
        if draft is not None:
            self._source = draft.store()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("an output is no value of a call; return its .source, once it is closed")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:  # fmt: skip
        if kind is not None:
            self._give_up()
        super().__exit__(kind, error, traceback)

    def __del__(self) -> None:
        self._give_up()  # and not: close, and store what may be half of it

    def _give_up(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.discard()


@final
class BinaryOutput(_StoredAtClose, io.BufferedWriter):
    """A file of bytes that is stored when it is closed."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(io.FileIO(draft.path, "w"))
        self._draft = draft


@final
class TextOutput(_StoredAtClose, io.TextIOWrapper):
    """A file of text that is stored when it is closed."""

    def __init__(self, draft: Draft, *, encoding: str | None, errors: str | None, newline: str | None) -> None:
        plain = io.BufferedWriter(io.FileIO(draft.path, "w"))
        super().__init__(plain, encoding=encoding or "utf-8", errors=errors, newline=newline)
        self._draft = draft
