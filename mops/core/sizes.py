"""Numbers of bytes as people write them: ``"10GiB"``, ``"64Gi"``, ``"500MB"``, ``1073741824``."""

from typing import Any, Final

from mops.core.errors import ConfigurationError

_UNITS: Final = {
    "": 1,
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}i{end}": 1024**power for power, letter in enumerate("KMGT", 1) for end in ("", "B")},
}


def size_of(value: Any, where: str) -> int:
    """Bytes.

    Args:
        value: a number, or a text that is one with a unit behind it.
        where: names the setting in the error.

    Raises:
        ConfigurationError: it is no such thing.
    """
    number, unit = str(value).strip(), ""
    while number and number[-1].isalpha():
        number, unit = number[:-1], number[-1] + unit
    try:
        size = float(number) * _UNITS[unit]
        if size >= 0:
            return int(size)
    except (KeyError, ValueError, OverflowError):
        pass
    raise ConfigurationError(f"{where} must be a number of bytes, or a text such as '10GiB', not {value!r}")
