"""Functions to memoize, and values to give them. They compute next to nothing: what is measured is the remembering."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

MEBIBYTE = 2**20
_array: np.ndarray[Any, Any] | None = None
file_was_there = False


def small_array(salt: int) -> np.ndarray[Any, Any]:
    """Return a few numbers: a first call with it loads what arrays need."""
    return np.arange(salt)


def large_array(salt: int) -> np.ndarray[Any, Any]:
    """Return 256 MiB that nobody has stored yet, without spending time on making them."""
    global _array  # noqa: PLW0603 - made once a process: making it takes longer than storing it
    if _array is None:
        _array = np.random.default_rng(1).integers(0, 2**63, 32 * MEBIBYTE)
    _array[0] = salt
    return _array


def large_array_was_made() -> bool:
    """Whether this process has run ``large_array``."""
    return _array is not None


def size_of(array: np.ndarray[Any, Any]) -> int:
    """Return something small about a large argument."""
    return array.nbytes


def same_frame(frame: Any, salt: int) -> Any:
    """Return the frame."""
    return frame


def frame_of(rows: int) -> Any:
    """Make a frame of two integer columns, two float columns and one of strings."""
    import pandas as pd

    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "customer": random.integers(0, 10**9, rows),
            "quantity": random.integers(0, 100, rows),
            "price": random.random(rows),
            "discount": random.random(rows),
            "city": np.array(["Lisbon", "Osaka", "Lima", "Accra", "Oslo"])[random.integers(0, 5, rows)],
        }
    )


def two_seconds(log: str, round_number: int) -> int:
    """Note in a file that it runs, sleep for 2 s, and return the number."""
    descriptor = os.open(Path(log), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{round_number}\n".encode())
    os.close(descriptor)
    time.sleep(2)
    return round_number


def small_dicts(ragged: bool) -> list[dict[str, object]]:
    """Make 300,000 small dicts, with the same keys or with differing ones."""
    if ragged:
        return [{"id": i, f"field{i % 97}": i / 7, "name": f"n{i % 1000}"} for i in range(300_000)]
    return [{"id": i, "value": i / 7, "name": f"n{i % 1000}"} for i in range(300_000)]


def write_file(path: Path, size: int, salt: int = 0) -> Path:
    """Write a file without two equal MiB, and without holding it in memory."""
    chunk = np.random.default_rng(salt).bytes(MEBIBYTE)
    with path.open("wb") as file:
        for number in range(-(-size // MEBIBYTE)):
            file.write((number.to_bytes(8, "little") + chunk)[: min(MEBIBYTE, size - number * MEBIBYTE)])
    return path


def new_file(folder: str, size: int) -> Path:
    """Return a file that nobody has stored yet."""
    return write_file(Path(folder) / f"new-{size}", size, size)


def file_there(path: str, salt: int) -> Path:
    """Return a file that was written before, in the knowledge of which one it is."""
    global file_was_there  # noqa: PLW0603 - whether this process has run it
    file_was_there = True
    return Path(path)


def size_of_file(path: Path) -> int:
    """Return something small about a file."""
    return path.stat().st_size


def content_of_file(path: str) -> np.ndarray[Any, Any]:
    """Return what a file consists of."""
    return np.fromfile(path, np.uint8)


def score(model: dict[str, np.ndarray[Any, Any]], salt: int) -> float:
    """Return something small about a model, without reading it all."""
    return salt + sum(float(layer[0]) for layer in model.values())
