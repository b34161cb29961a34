"""What one invocation came to: a value, or the exception that the function raised.

Written by hand rather than with attrs, whose import costs more than everything else that a hit imports.
"""

from typing import Any, Generic, NoReturn, TypeAlias, TypeVar, final

T_co = TypeVar("T_co", covariant=True)


@final
class Success(Generic[T_co]):
    """The function returned. Not to be changed; equal if the values are."""

    __match_args__ = ("value",)
    __slots__ = ("value",)

    def __init__(self, value: T_co) -> None:
        self.value = value

    def unwrap(self) -> T_co:
        """Return the value."""
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Success) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((Success, self.value))

    def __repr__(self) -> str:
        return f"Success({self.value!r})"


@final
class Failure:
    """The function raised, or could not be run to its end. Not to be changed; equal if it is the same exception."""

    __match_args__ = ("exception",)
    __slots__ = ("exception",)

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception

    def unwrap(self) -> NoReturn:
        """Raise the exception."""
        raise self.exception

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and self.exception is other.exception

    def __hash__(self) -> int:
        return hash((Failure, id(self.exception)))

    def __repr__(self) -> str:
        return f"Failure({self.exception!r})"


Result: TypeAlias = Success[Any] | Failure
