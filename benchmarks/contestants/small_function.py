"""A function in a module that imports nothing."""


def add_one(number: int) -> int:
    """Return the next number."""
    return number + 1
