"""Decorated functions in tests: on a root that is gone afterwards, and in the test's own process."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mops.core.ports.runner import Runner  # futures, which a test may not need

_ROOT: Final = "memory://mops.testing"
_uses: Final = itertools.count(1)


@contextmanager
def in_memory() -> Iterator[None]:
    """While the context lasts, every decorated function of this process is memoized in memory and runs in this process.

    It does not matter which Runner a function was decorated with, when, and from which thread it is called. Nothing is
    stored at first, and nothing is left: no disk, no subprocess, no network. ``skip_runner`` is asked as ever, and what
    the functions' own Runners say of retries, memoized exceptions and changed code counts; their pipeline ids do not.
    Direct calls run in the calling thread; so do submitted ones that are waited for by ``result()``.

    There is one such context a process: contexts nest, the inner one is empty at first, and threads must not
    enter and leave them side by side. As the body of a pytest fixture::

        @pytest.fixture(autouse=True)
        def mops_in_memory():
            with mops.testing.in_memory():
                yield
    """
    from mops.adapters.shells.in_thread import InThreadShell
    from mops.api.memoizing_runner import MemoizingPicklingRunner
    from mops.api.use_runner import replace_runners

    # One root for all, so that a suite of a thousand tests has one session; a pipeline each keeps them apart.
    place: dict[str, Any] = {"shell": InThreadShell(max_workers=1), "blob_root": _ROOT}
    place["pipeline_id"] = f"in-memory-{next(_uses)}"
    plain = MemoizingPicklingRunner(**place)
    made: dict[int, tuple[Runner, Runner]] = {}

    def in_place_of(runner: "Runner") -> "Runner":
        found = made.get(id(runner))
        if found is None:
            here = runner.elsewhere(**place) if isinstance(runner, MemoizingPicklingRunner) else plain
            found = made[id(runner)] = (runner, here)  # the runner is held, so that its id is not used again
        return found[1]

    outer = replace_runners(in_place_of)
    try:
        yield
    finally:
        replace_runners(outer)
        if outer is None:
            _empty()


def _empty() -> None:
    from mops.api.locate import locate_blob_store

    store = locate_blob_store(_ROOT)
    for blob in store.list():
        store.delete(blob.key)
