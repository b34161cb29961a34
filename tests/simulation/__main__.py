"""Simulations from the command line.

python -m tests.simulation SCENARIO SEEDS [MUTATION]
python -m tests.simulation SCENARIO seed=N [MUTATION]      one of them alone
python -m tests.simulation all SEEDS
python -m tests.simulation mutations SEEDS
"""

import sys
from collections.abc import Sequence

from tests.simulation.mutations import MUTATIONS
from tests.simulation.runs import Tally, caught_by, run
from tests.simulation.scenarios import SCENARIOS


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; the exit status is 1 where something was violated, or a mutation was not noticed."""
    what, count, *mutation = arguments
    if what == "mutations":
        noticed = [_report_mutation(name, int(count)) for name in MUTATIONS]
        return int(not all(noticed))
    names = list(SCENARIOS) if what == "all" else [what]
    violated = [_report(run(name, _seeds(count), *mutation)) for name in names]
    return int(any(violated))


def _seeds(count: str) -> range:
    first, _, seed = count.partition("seed=")
    return range(int(seed), int(seed) + 1) if seed else range(int(first))


def _report(tally: Tally) -> bool:
    print(tally, flush=True)
    return bool(tally.violations)


def _report_mutation(name: str, seeds: int) -> bool:
    tally = caught_by(name, seeds)
    print(f"{name:48} " + ("\n".join(tally.complaints()).strip() if tally else "NOT NOTICED"), flush=True)
    return tally is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
