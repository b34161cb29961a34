"""Batches: commands that are about to be started are collected, and started with one submission."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from mops.core.batch import Order, write_manifest
from mops.core.ports.shell import BatchCommand, Shell, SupportsBatch
from mops.runtime.commands import Command
from mops.runtime.inline import drive
from mops.runtime.world import World

INDEX_VARIABLE: Final = "MOPS_BATCH_INDEX"
_LINGER: Final = 0.05
"""Seconds without another command, after which those that wait are started."""
_LONGEST: Final = 1.0
"""Seconds after which the first that waits is started in any case."""


class Batcher:
    """Collects the commands of one Shell under one blob root. Safe to use from any number of threads.

    Args:
        shell: starts them: alone, or many at once.
        world: the blob store that the manifests are written to.
        python: the interpreter.
        patience: seconds to wait for an unreachable store.
    """

    def __init__(self, shell: Shell, batches: SupportsBatch, world: World, python: str, patience: float) -> None:
        self._shell = shell
        self._batches = batches
        self._world = world
        self._python = python
        self._patience = patience
        self._waiting: list[tuple[Order, Sequence[str], Command]] = []
        self._first = self._last = 0.0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self, order: Order, argv: Sequence[str], news: Callable[[], None], ended: Callable[[], None]) -> Command:
        """Start a command soon. ``argv`` is for where it comes to be started alone."""
        command = Command(news, ended)
        with self._news:
            self._last = self._world.clock.monotonic()
            self._first = self._last if not self._waiting else self._first
            self._waiting.append((order, argv, command))
            if self._thread is None:
                self._thread = threading.Thread(target=self._collect, name="mops-batch", daemon=True)
                self._thread.start()
            self._news.notify()
        return command

    def _collect(self) -> None:
        """Submit one batch after the other, until none waits."""
        while True:
            with self._news:
                while (pause := self._until_due()) > 0:
                    self._news.wait(pause)
                size = self._batches.batch_size
                batch, self._waiting = self._waiting[:size], self._waiting[size:]
                self._first = self._last
                if not batch:
                    self._thread = None
                    return
            self._submit(batch)

    def _until_due(self) -> float:
        """With the lock held: seconds for which more commands are waited for."""
        if not self._waiting or len(self._waiting) >= self._batches.batch_size:
            return 0.0
        return min(self._last + _LINGER, self._first + _LONGEST) - self._world.clock.monotonic()

    def _submit(self, batch: Sequence[tuple[Order, Sequence[str], Command]]) -> None:
        if len(batch) == 1:
            _, argv, command = batch[0]
            command.start(self._shell, argv)
            return
        try:
            futures = self._start_batch([order for order, _, _ in batch])
        except BaseException as error:  # noqa: BLE001 - a Shell may raise anything, and each call must hear of it
            for _, _, command in batch:
                command.fail(error)
            return
        for (_, _, command), future in zip(batch, futures, strict=True):
            command.follow(future)

    def _start_batch(self, orders: Sequence[Order]) -> Sequence[Future[None]]:
        ticket = self._world.session.issue()
        batch = f"{ticket.session}.{ticket.nonce}"
        drive(write_manifest(batch, orders, self._patience), self._world.perform_waiting)
        argv = BatchCommand(self._world.store.uri, batch, INDEX_VARIABLE, self._world.verify).argv(self._python)
        futures = self._batches.start_batch(argv, len(orders))
        if len(futures) != len(orders):
            raise ValueError(f"{self._shell!r} was to start {len(orders)} copies, and gave {len(futures)} futures")
        return futures
