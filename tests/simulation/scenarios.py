"""What may happen, by name; and one simulation of it.

A scenario is a set of traits. *Harmless* ones let nothing die, pause or fail, so nothing may run twice.
"""

from typing import Final
from unittest.mock import patch

from mops.core import envelope, payload
from tests.simulation.callers import Caller, fork
from tests.simulation.faults import befall
from tests.simulation.judge import judge
from tests.simulation.process import Process
from tests.simulation.world import World

HARMLESS: Final = {
    "calm": "",
    "skew": "skew",
    "tail": "tail",
    "lossy": "lossy",
    "outage": "outage",
    "hostfreeze": "hostfreeze",
    "void": "void late",
    "cancel": "cancel late",
    "giveup": "outage impatient late",
    "blackout": "blackout shared late",
    "black-hole": "blackout silent shared late",
    "twice": "twice",
    "inline": "inline late lossy",
    "sessions": "shared mixed late lossy",
    "sessions-leaving": "shared mixed late cancel",
    "interrupt": "interrupt mixed shared late lossy",
    "fork": "fork inline late",
}
HARMFUL: Final = {
    "crash": "lossy crash",
    "pause": "pause",
    "preempt": "preempt",
    "errors": "errors late",
    "errors-adverse": "errors late mixed pause twice childkill",
    "few": "few errors late pause twice childkill crash lossy",
    "retries": "retries errors late mixed shared",
    "attach": "attach crash late lossy",
    "attach-adverse": "attach crash late starting cancel mixed shared pause",
    "owing": "owing cancel mixed shared late outage",
    "starting": "starting late",
    "corrupt": "corrupt mixed late",
    "payload": "payload void mixed late",
    "unpublishable": "unserializable full mixed shared late",
    "partition": "partition mixed",
    "inline-chaos": "inline lossy delayed crash pause errors void cancel outage skew late shared",
    "chaos": (
        "chaos lossy delayed crash pause errors void cancel outage impatient skew twice late mixed shared partition "
        "childkill"
    ),
}
SCENARIOS: Final = {name: frozenset(traits.split()) for name, traits in (HARMLESS | HARMFUL).items()}
CALLERS: Final = 8
SMALL_ENVELOPE: Final = 64
"""Bytes above which a value is stored by content, where that is what may go wrong."""
BLACKOUT: Final = 900.0
"""Seconds of the one outage that everybody has to survive who has begun."""
HORIZON: Final = 12_000.0
SETTLING: Final = 6_000.0


def simulate(seed: int, scenario: str, callers: int = CALLERS) -> World:
    """Run one simulation and judge it."""
    traits = SCENARIOS[scenario]
    limit = SMALL_ENVELOPE if "payload" in traits else envelope.INLINE_LIMIT
    with patch.object(payload, "INLINE_LIMIT", limit):
        return _simulate(World(seed, traits), scenario, callers)


def _simulate(world: World, scenario: str, count: int) -> World:
    _befall_everybody(world)
    callers = _invite(world, world.random.randint(1, 3) if world.has("few") else count)
    world.run(HORIZON, lambda: world.now > 200 and all(caller.done or not caller.process.alive for caller in callers))
    world.run(world.now + SETTLING, lambda: not any(process.busy() for process in world.processes.values()))
    judge(world, callers, harmless=scenario in HARMLESS)
    return world


def _invite(world: World, count: int) -> list[Caller]:
    rng, callers = world.random, list[Caller]()
    processes: list[Process] = []
    for number in range(count):
        if world.has("shared") and number > 1 and rng.random() < 0.6:
            process = rng.choice(processes[1:])
        else:
            name = f"caller {number}" + (" full" if world.has("full") and number > 0 and rng.random() < 0.3 else "")
            process = Process(world, name, f"host {number % 3}", slots=rng.choice([1, 2, 1_000]))
            processes.append(process)
            process.fork = lambda parent, task: fork(world, callers, parent, task)
            world.at(0.0, process.begin_beating)
            befall(world, process, 0.4 if number else 0.0)  # the first may pause, but never dies
        caller = Caller(world, process, number)
        callers.append(caller)
        late = world.has("late") and rng.random() < 0.5
        world.at(rng.uniform(0, 150 if late else 2), caller.go)
    for process in processes:
        process.start = lambda process, task, epoch: _caller_of(callers, task).start(process, task, epoch)
        process.find = lambda task, epoch: _caller_of(callers, task).find(epoch)
    return callers


def _caller_of(callers: list[Caller], task: object) -> Caller:
    return next(caller for caller in callers if caller.task is task)


def _befall_everybody(world: World) -> None:
    rng = world.random
    if world.has("outage"):
        for _ in range(rng.randint(1, 3)):
            begin = rng.uniform(0, 150)
            world.outages.append((begin, begin + rng.uniform(5, 300), ""))
    if world.has("blackout"):
        begin = rng.uniform(3, 100)
        world.outages.append((begin, begin + BLACKOUT, ""))
    if world.has("hostfreeze"):
        length = rng.uniform(100, 600)
        world.at(rng.uniform(5, 60), lambda: _freeze(world, length))
    if world.has("corrupt"):
        for _ in range(rng.randint(1, 4)):
            world.at(rng.uniform(1, 250), lambda: _damage(world))
    if world.has("payload"):
        for _ in range(rng.randint(1, 3)):
            world.at(rng.uniform(1, 250), lambda: _lose(world))


def _freeze(world: World, length: float) -> None:
    for process in world.processes.values():
        process.resume_at = world.now + length + world.random.uniform(0, 0.5)


def _damage(world: World) -> None:
    keys = sorted(key for key, data in world.blobs.blobs.items() if data)
    if keys:
        world.blobs.damage(world.random.choice(keys))


def _lose(world: World) -> None:
    keys = sorted(key for key in world.blobs.blobs if key.startswith("mops1/blob/"))
    if keys:
        world.blobs.lose(world.random.choice(keys))
