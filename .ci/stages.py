"""Runs stages side by side, keeps their output, and sums up what came of them."""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from xml.etree import ElementTree as ET

from environments import CACHE

LOGS = CACHE / "logs"
_ONE_AT_A_TIME = Lock()


class Counts(NamedTuple):
    """Tests of one stage, or of all."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(*map(sum, zip(self, other, strict=True)))


class Stage(NamedTuple):
    """One check: commands that must all succeed, one after the other, within a number of seconds each."""

    name: str
    commands: Callable[[], Sequence[Sequence[str]]]
    folder: Path
    environment: dict[str, str]
    seconds: float = 600


class Outcome(NamedTuple):
    """What came of one stage."""

    stage: Stage
    succeeded: bool
    seconds: float
    counts: Counts


def report_file(name: str) -> Path:
    """Where pytest writes the counts of a stage."""
    return LOGS / f"{name}.xml"


def run_lanes(*lanes: Sequence[Stage]) -> list[Outcome]:
    """Run the lanes side by side, the stages of a lane one after the other; print each outcome as it comes."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(lanes)) as pool:
        return [outcome for outcomes in pool.map(_run_lane, lanes) for outcome in outcomes]


def close(outcomes: Sequence[Outcome]) -> int:
    """Print the summary, its last line the counts of all tests, and return the exit status."""
    total = Counts()
    print("\n== summary")
    for outcome in outcomes:
        total = total.plus(outcome.counts)
        print(_line(outcome))
    broken = [outcome.stage.name for outcome in outcomes if not outcome.succeeded]
    print(f"== failed: {', '.join(broken)}" if broken else "== all stages succeeded")
    print(total, flush=True)
    return 1 if broken else 0


def _run_lane(lane: Sequence[Stage]) -> list[Outcome]:
    return [_run_stage(stage) for stage in lane]


def _run_stage(stage: Stage) -> Outcome:
    report_file(stage.name).unlink(missing_ok=True)
    started = time.monotonic()
    log = LOGS / f"{stage.name}.log"
    with log.open("w") as output:
        succeeded = _run_commands(stage, output.fileno())
    outcome = Outcome(stage, succeeded, time.monotonic() - started, _counts(report_file(stage.name)))
    with _ONE_AT_A_TIME:
        print(_line(outcome), flush=True)
        if not succeeded:  # the reason stands at the end, and a reader may be shown no more than the beginning
            print("\n".join(["...", *log.read_text(errors="replace").splitlines()[-25:], "== the whole log"]))
        if not succeeded or len(sys.argv) > 1:
            print(log.read_text(errors="replace"), flush=True)
    return outcome


def _run_commands(stage: Stage, output: int) -> bool:
    try:
        for command in stage.commands():
            subprocess.run(
                command,
                check=True,
                cwd=stage.folder,
                env=stage.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=stage.seconds,
            )
    except (OSError, subprocess.SubprocessError):
        with open(output, "a", closefd=False) as log:
            traceback.print_exc(limit=0, file=log)
        return False
    return True


def _counts(report: Path) -> Counts:
    if not report.exists():
        return Counts()
    suite = ET.parse(report).getroot().find("testsuite")
    if suite is None:
        return Counts()
    tests, failures, errors, skipped = (
        int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
    )
    return Counts(tests - failures - errors - skipped, failures + errors, skipped)


def _line(outcome: Outcome) -> str:
    word = "ok    " if outcome.succeeded else "FAILED"
    counts = str(outcome.counts) if any(outcome.counts) else ""
    return f"{word} {outcome.stage.name:<14} {outcome.seconds:7.1f} s  {counts}".rstrip()
