"""The table and the plot."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from harness import FLOOR, OURS, Budget, Measured

MARKERS = {
    FLOOR: "|", "tar": "<", "diskcache": "s", "joblib": "D", "thds.mops": "^", "pool": "v", "ray": "P", "dask": "X",
    "unshared": "+", "SDK": "*", "obstore": "d", OURS: "o",
}  # fmt: skip
COLUMNS = tuple(MARKERS)
DISTRIBUTIONS = (
    "mops-run", "joblib", "diskcache", "thds.mops", "dask", "ray", "numpy", "pandas", "azure-storage-blob", "obstore",
)  # fmt: skip


def markdown(rows: Sequence[Measured], file_system: str) -> str:
    """The whole report."""
    lines = ["# Benchmarks", "", *conditions(file_system), ""]
    lines += [f"| what | {' | '.join(COLUMNS)} | budget | |", f"|---|{'---:|' * len(COLUMNS)}---|---|"]
    lines += [line(measured) for measured in rows]
    reasons = [(m.row.name, name, reason) for m in rows for name, reason in m.reasons.items()]
    if reasons:
        lines += ["", "Could not run:", "", *(f"- {name} in *{row}*: {reason}" for row, name, reason in reasons)]
    return "\n".join(lines) + "\n"


def conditions(file_system: str) -> list[str]:
    """Where and with what it was measured."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in DISTRIBUTIONS)
    return [
        f"{os.cpu_count()} cores ({processor()}), Linux {platform.release()}, Python {platform.python_version()}.",
        f"Stored on {file_system}.",
        f"{versions}.",
        "pool is the standard library's ProcessPoolExecutor; unshared is mops without shared=.",
        "Azure is Microsoft's emulator on this machine: requests, CPU and ratios count, not its seconds.",
        "SDK is azure-storage-blob as it comes, eight requests at once; obstore is mops through that client.",
        "thds.mops has no part in that: it speaks to the DFS endpoint of real accounts, which the emulator lacks.",
        "Of a file joblib gets the content, as an array; thds.mops links files into its store, mops copies them.",
        "Contestants take turns; the figures are medians. thds.mops runs with its messages switched off.",
        "Before a large value, memory is touched and given back: a virtual machine waits for it at the first touch.",
    ]


def processor() -> str:
    """The model of the processor, as far as the kernel knows it."""
    for each in Path("/proc/cpuinfo").read_text().splitlines():
        if each.startswith("model name"):
            return each.partition(":")[2].strip()
    return platform.machine()


def line(measured: Measured) -> str:
    """One row of the table."""
    unit = measured.row.unit
    cells = [readable(measured.medians[name], unit) if name in measured.medians else "" for name in COLUMNS]
    return f"| {measured.row.name} | {' | '.join(cells)} | {budget(measured)} | {measured.verdict} |"


def budget(measured: Measured) -> str:
    """The limit in words, and how much of it was used."""
    allowed = measured.row.budget
    if allowed is None:
        return ""
    limit = allowed.limit(measured.medians)
    words = in_words(allowed, measured.row.unit)
    if limit is None or OURS not in measured.medians:
        return words
    return f"{words}; used {measured.medians[OURS] / limit:.0%}" if limit else words


def in_words(allowed: Budget, unit: str) -> str:
    """The limit alone."""
    return f"{allowed.factor:.3g} x {allowed.peer}" if allowed.peer else f"at most {readable(allowed.factor, unit)}"


def readable(value: float, unit: str) -> str:
    """A number with three digits and the unit that suits it."""
    scales = {
        "s": ((1, "s"), (1e-3, "ms"), (1e-6, "µs")),
        "B": ((2**20, "MiB"), (1e3, "kB"), (1, "B")),
    }.get(unit, ((1, ""),))
    factor, name = next((scale for scale in scales if abs(value) >= scale[0]), scales[-1])
    return f"{value / factor:.3g} {name}".rstrip()


def plot(rows: Sequence[Measured], path: Path) -> None:
    """Draw what each row takes as a multiple of its budget, on a logarithmic axis: left of the line is within."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    drawn = [(m, m.row.budget.limit(m.medians)) for m in rows if m.row.budget]
    with_limit = [(m, limit) for m, limit in reversed(drawn) if limit]
    figure, axes = plt.subplots(figsize=(10, 0.45 * len(with_limit) + 1.5), layout="constrained")
    for name, marker in MARKERS.items():
        points = [(m.medians[name] / limit, y) for y, (m, limit) in enumerate(with_limit) if m.medians.get(name, 0) > 0]
        if points:
            axes.scatter(*zip(*points, strict=True), marker=marker, label=name, zorder=3 if name == OURS else 2)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(with_limit)), [m.row.name for m, _ in with_limit])
    axes.set_xlabel("multiple of the budget (left of the line: within)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=120)
