"""How often a call asks the store, with nothing in its way. Heartbeats and polls while waiting come on top."""

from tests.simulation.callers import Caller
from tests.simulation.process import Process
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import World

QUICK_START = 1  # a seed with which the command starts before the caller would look again


def call_once(world, number, *, inline):
    """One caller alone, who looks again only when something happened."""
    process = Process(world, f"caller {number}", "host")
    caller = Caller(world, process, number)
    caller.call.inline, caller.call.timing.poll = inline, 1_000.0
    process.start = caller.start
    process.begin_beating()
    caller.go()
    world.run(world.now + 500, lambda: caller.done and not any(other.busy() for other in world.processes.values()))
    assert caller.done
    return [what for name, what in world.requests if name == process.name]


def test_a_hit_asks_once():
    world = World(1, SCENARIOS["calm"])
    call_once(world, 0, inline=True)
    assert call_once(world, 1, inline=True) == ["get r0"]


def test_a_miss_in_this_process_asks_three_times():
    assert call_once(World(1, SCENARIOS["calm"]), 0, inline=True) == ["get r0", "create e1", "create r0"]


def test_a_miss_with_a_remote_asks_three_times_here_and_four_times_there():
    world = World(QUICK_START, SCENARIOS["calm"])
    world.work = 1.0
    assert call_once(world, 0, inline=False) == ["get r0", "create e1", "get r0"]
    there = [what for name, what in world.requests if name.startswith("remote")]
    assert there == ["get e1", "create e1.1", "get r0", "create r0"]


def test_a_simulation_can_be_replayed():
    from tests.simulation.scenarios import simulate

    first, second = simulate(7, "chaos"), simulate(7, "chaos")
    assert first.requests == second.requests
    assert first.now == second.now
