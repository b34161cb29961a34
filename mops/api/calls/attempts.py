"""The attempts of one call: what became of them, whether there is another one, and where it runs."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mops.core.errors import ConfigurationError, FailureKind
from mops.core.ports.shell import Attempt, RunsInline, Shell, ShellBuilder, SupportsMemory
from mops.core.retries import Grow, Retries

_OUT_OF_MEMORY: Final[FailureKind] = "out_of_memory"


class Attempts:
    """Used by one thread at a time.

    Args:
        retries: what is tried again.
    """

    __slots__ = ("_chosen", "_counts", "_failures", "_retries")

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._counts: dict[FailureKind, int] = {}
        self._failures: list[BaseException] = []
        self._chosen: Shell | None = None

    def after(self, failure: BaseException, kind: FailureKind | None, shell: object = None) -> float | None:
        """Note a failure.

        Args:
            failure: of the attempt.
            kind: of it; ``None`` for what cannot end otherwise the next time.
            shell: where the attempt ran, for a lack of memory.

        Returns:
            Seconds until the next attempt; ``None`` where there is none.
        """
        memory = shell.memory if isinstance(shell, SupportsMemory) else None
        if kind is None or not self._retries.goes_on(kind, self._counts.get(kind, 0), memory):
            return None
        if self._retries.when is not None and not self._asked(self._retries.when, failure):
            return None
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._failures.append(failure)
        self._chosen = None
        return self._retries.delay(len(self._failures))

    def _asked(self, when: Callable[[BaseException], bool], failure: BaseException) -> bool:
        try:
            return when(failure)
        except Exception as error:
            raise ConfigurationError(
                f"whether to try again could not be decided: {when!r} raised {type(error).__name__}: {error}; "
                f"the call had failed with {type(failure).__name__}: {failure}"
            ) from error

    def shell(
        self,
        choice: Shell | ShellBuilder,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Shell:
        """Where the next attempt runs: chosen once for each.

        Raises:
            ConfigurationError: a builder chose what cannot start a command.
        """
        if self._chosen is not None:
            return self._chosen
        attempt = Attempt(len(self._failures) + 1, tuple(self._failures))
        shell: Any = choice
        if isinstance(choice, ShellBuilder):
            try:
                shell = choice.build(function, args, kwargs, attempt)
            except StopIteration as error:  # which would end more than it should
                raise ConfigurationError(f"{choice!r} raised StopIteration when it was to build a Shell") from error
        if not callable(shell) or isinstance(shell, RunsInline | type):
            raise ConfigurationError(f"{choice!r} built {shell!r}, which starts no command")
        grow, step = self._retries.out_of_memory, self._counts.get(_OUT_OF_MEMORY, 0)
        if step and isinstance(grow, Grow) and isinstance(shell, SupportsMemory):
            shell = shell.with_memory(grow.memory(shell.memory, step))
        self._chosen = shell
        return shell  # type: ignore[no-any-return]
