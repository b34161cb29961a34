"""The README's example, in a container. ``make demo-docker`` runs it, twice: the second time, nothing is computed."""

import os
import socket

import mops

shell = mops.DockerShell(os.environ["IMAGE"], user=os.getuid(), network="none")


def with_tax(price: int) -> float:
    """The price that people pay."""
    return price * 1.25


@mops.use_runner(mops.MemoizingPicklingRunner(shell))
def total(prices: list[int]) -> float:
    """The sum of prices with tax."""
    print("computing in container", socket.gethostname())
    return sum(with_tax(price) for price in prices)


print(total([10, 20]))
