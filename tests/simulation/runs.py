"""Many simulations, on two cores, and what came of them."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Final

from tests.simulation.mutations import MUTATIONS, mutated
from tests.simulation.scenarios import simulate

WORKERS: Final = 2
_CHUNK: Final = 25


class Tally:
    """What many simulations of one scenario came to.

    Attributes:
        executions: how often the function ran -> number of simulations.
        violations: what was violated -> seeds.
        seconds: of processor time.
    """

    def __init__(self, scenario: str, mutation: str = "") -> None:
        self.scenario, self.mutation = scenario, mutation
        self.executions: Counter[int] = Counter()
        self.violations: dict[str, list[int]] = {}
        self.seconds = 0.0

    def add(self, other: "Tally") -> None:
        self.executions += other.executions
        self.seconds += other.seconds
        for what, seeds in other.violations.items():
            self.violations.setdefault(what, []).extend(seeds)

    def __str__(self) -> str:
        count = self.executions.total()
        head = f"{self.scenario:16} {count:6} seeds, {1000 * self.seconds / count:4.1f} ms each, executions"
        return "\n".join([f"{head} {dict(sorted(self.executions.items()))}", *self.complaints()])

    def complaints(self) -> Iterator[str]:
        """Each violation, with the command that shows it again."""
        for what, seeds in self.violations.items():
            mutation = f' "{self.mutation}"' if self.mutation else ""
            replay = f"python -m tests.simulation {self.scenario} seed={seeds[0]}{mutation}"
            yield f"    {what}: {len(seeds)} seeds; replay: {replay}"


def run(scenario: str, seeds: Iterable[int], mutation: str = "") -> Tally:
    """Simulate every seed, in two processes."""
    tally, rest = Tally(scenario, mutation), iter(seeds)
    chunks = iter(lambda: tuple(islice(rest, _CHUNK)), ())
    jobs = [(scenario, chunk, mutation) for chunk in chunks]
    if len(jobs) == 1:
        return simulate_all(*jobs[0])
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        for part in pool.map(simulate_all, *zip(*jobs, strict=True)):
            tally.add(part)
    return tally


def simulate_all(scenario: str, seeds: Iterable[int], mutation: str = "") -> Tally:
    """Simulate every seed, in this process."""
    tally, began = Tally(scenario, mutation), time.process_time()
    with mutated(mutation):
        for seed in seeds:
            world = simulate(seed, scenario)
            tally.executions[len(world.executions)] += 1
            for what in sorted(world.violations):
                tally.violations.setdefault(what, []).append(seed)
    tally.seconds = time.process_time() - began
    return tally


def caught_by(mutation: str, seeds: int) -> Tally | None:
    """The first simulation, within that many seeds of its scenarios, in which a mutation violates something."""
    for seed in range(seeds):
        for scenario in MUTATIONS[mutation].scenarios:
            tally = simulate_all(scenario, (seed,), mutation)
            if tally.violations:
                return tally
    return None
