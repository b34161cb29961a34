"""The protocol of single flight, under virtual time and faults: ``MOPS_SIM_SEEDS`` seeds of each scenario."""

import os

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.runs import caught_by, run
from tests.simulation.scenarios import SCENARIOS

SEEDS = int(os.environ.get("MOPS_SIM_SEEDS", "50"))
SEEDS_OF_A_MUTATION = 300


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_is_kept(scenario):
    tally = run(scenario, range(SEEDS))
    print(f"\n{tally}", end=" ")
    assert not tally.violations, f"\n{tally}"


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_simulator_notices(mutation):
    assert caught_by(mutation, SEEDS_OF_A_MUTATION) is not None
