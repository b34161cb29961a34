"""The functions whose calls the golden stores hold. Never change them: stores of every format were written by them."""

from typing import Any

from mops import MemoizingPicklingRunner, use_runner


def root() -> str:
    """Replaced by whoever reads or writes a golden store."""
    raise NotImplementedError


_runner = MemoizingPicklingRunner(
    blob_root=lambda: root(),  # noqa: PLW0108 - it is replaced
    pipeline_id="golden/store",
    on_code_change="ignore",
)


@use_runner(_runner, name="golden.functions:add")
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@use_runner(_runner, name="golden.functions:describe")
def describe(record: dict[str, Any]) -> dict[str, Any]:
    """Return plain data of many types."""
    return {"record": record, "types": sorted({type(value).__name__ for value in record.values()})}


@use_runner(_runner, name="golden.functions:large")
def large(size: int) -> bytes:
    """Return more than an envelope holds."""
    return bytes(range(256)) * (size // 256)


@use_runner(_runner, name="golden.functions:fail")
def fail(reason: str) -> None:
    """Raise."""
    raise ValueError(reason)
