"""What befalls processes, whoever they are."""

from tests.simulation.process import Process
from tests.simulation.world import World


def befall(world: World, process: Process, share: float) -> None:
    """Some crash, some are suspended for a while, some lose sight of the store."""
    rng = world.random
    if world.has("crash") and rng.random() < share:
        world.after(rng.uniform(0, 120), process.die)
    if world.has("pause") and rng.random() < 0.5:
        length = rng.uniform(1, 200)
        world.after(rng.uniform(0, 100), lambda: setattr(process, "resume_at", world.now + length))
    if world.has("partition") and rng.random() < 0.3:
        begin = world.now + rng.uniform(0, 100)
        world.outages.append((begin, begin + rng.uniform(5, 300), process.host))
