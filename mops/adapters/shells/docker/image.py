"""The image of containers: whoever names it is asked once a process, and it is pulled once where it has to be."""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from mops.adapters.shells.docker.settings import Pull, image_name
from mops.core.errors import ConfigurationError

if TYPE_CHECKING:
    from mops.adapters.shells.docker.engine import Engine


class _Known:
    """What this process knows of one image."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_pulled = False
        self.lock = threading.Lock()


_images: Final[dict[object, _Known]] = {}
"""By what states them: Shells that state the same image ask for it once."""


def _begin_anew() -> None:
    for known in _images.values():
        known.lock = threading.Lock()  # a thread of the parent may have held it, which is not here


os.register_at_fork(after_in_child=_begin_anew)


@final
class Image:
    """The image of a Shell. All methods may be called from any number of threads at once.

    Args:
        stated: its name, or what gives it.

    Raises:
        ConfigurationError: it is neither.
    """

    def __init__(self, stated: str | Callable[[], str]) -> None:
        if not callable(stated) and not isinstance(stated, str):
            raise ConfigurationError(f"image is a name, or a function that gives one, not {stated!r}")
        self.stated = stated
        name = "" if callable(stated) else image_name(stated, "image is")
        known = _Known(name)
        try:
            self._known = _images.setdefault(stated, known)
        except TypeError:  # it cannot be looked up
            self._known = _images.setdefault(id(known), known)

    def name(self) -> str:
        """Its name: whoever gives it is asked until he does.

        Raises:
            ConfigurationError: what he gives is none.
            Exception: what he raises.
        """
        if not self._known.name:
            with self._known.lock:
                if not self._known.name:
                    assert callable(self.stated)
                    self._known.name = image_name(self.stated(), f"{self.stated!r} is to give")
        return self._known.name

    def is_ready(self, pull: Pull) -> bool:
        """Whether nothing has to be asked or pulled that may take its time, unless the image is missing."""
        return bool(self._known.name) and (self._known.is_pulled or pull != "always")

    def pull_once(self, engine: "Engine") -> None:
        """Pull it, unless that was done in this process."""
        with self._known.lock:
            if not self._known.is_pulled:
                engine.pull(self._known.name)
                self._known.is_pulled = True

    def pull(self, engine: "Engine") -> None:
        """Pull it, if it is still missing when it is our turn."""
        with self._known.lock:
            if not engine.has_image(self._known.name):
                engine.pull(self._known.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and other.stated == self.stated

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return Image, (self.stated,)
