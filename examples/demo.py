"""A pipeline over twelve log files: run it, run it again, edit one of its stages, and run it once more.

``make demo`` runs it in an environment of its own. All that it writes lies in the folder ``.mops-demo``.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pipeline.logs import make_logs
from pipeline.places import FOLDER
from pipeline.stages import combine, interval, parse

from mops import MopsFuture

T = TypeVar("T")


def main() -> None:
    """Run the pipeline; print what ran and what was a hit."""
    logging.basicConfig(level=logging.INFO, format="     %(message)s")  # mops says here what an edit changed
    logs = make_logs(FOLDER / "logs")

    days = collect("parse", parse.submit, {log.name: (log,) for log in logs})
    requests = collect("combine", combine.submit, {"": (list(days.values()),)})[""]
    pages = {str(page): group["milliseconds"].to_numpy() for page, group in requests.groupby("page")}
    intervals = collect("interval", interval.submit, {page: (pages[page], 200) for page in pages})

    print("median answer, in milliseconds")
    for page, (low, high) in intervals.items():
        print(f"  {page:<12} {low:6.2f} to {high:6.2f}   of {pages[page].size:,} requests")
    print("\nRun it again: all hits. Edit a stage or a helper in examples/pipeline: what depends on it runs.")


def collect(stage: str, submit: Callable[..., MopsFuture[T]], calls: Mapping[str, tuple[Any, ...]]) -> dict[str, T]:
    """Make the calls of a stage all at once; print a line for each, and their sum."""
    began = time.perf_counter()
    futures = {name: submit(*arguments) for name, arguments in calls.items()}
    results = {name: future.result() for name, future in futures.items()}
    waited = time.perf_counter() - began
    for name, future in futures.items():
        what, verb = ("hit", "spared") if future.metadata["hit"] else ("ran", "took")
        print(f"{what}  {stage:<9} {name:<14} {verb:>6} {1000 * future.metadata['elapsed']:7.1f} ms")
    hits = sum(future.metadata["hit"] for future in futures.values())
    print(f"==   {stage}: {len(calls) - hits} ran, {hits} hits, {waited:.3f} s in all\n")
    return results


if __name__ == "__main__":
    main()
