"""What one invocation came to: a value, or the exception that the function raised."""

from typing import Any, Generic, NoReturn, TypeAlias, TypeVar, final

import attrs

T_co = TypeVar("T_co", covariant=True)


@final
@attrs.frozen
class Success(Generic[T_co]):
    """The function returned."""

    value: T_co

    def unwrap(self) -> T_co:
        """Return the value."""
        return self.value


@final
@attrs.frozen
class Failure:
    """The function raised, or could not be run to its end."""

    exception: BaseException

    def unwrap(self) -> NoReturn:
        """Raise the exception."""
        raise self.exception


Result: TypeAlias = Success[Any] | Failure
