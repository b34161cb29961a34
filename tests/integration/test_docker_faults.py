"""Faults of a call in a container: what the caller sees, within how long, and what the store holds then."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from mops import MopsFuture, Retries
from mops.adapters.shells.docker import command
from mops.adapters.shells.docker.engine import GRACE
from mops.core.errors import ConfigurationError, RemoteCrashed, SetupError, ShellFailed, StoreFull, StoreReadOnly
from tests.services.docker_jobs import Held, Jobs, eventually, has_given_a_sign_of_life, held

AT_ONCE = 30.0
"""Seconds. The engine tells of the end of a container as it comes: a tenth of one, on a machine that is not busy."""
STARTED = 30.0 + AT_ONCE
"""A container has to be made and started first: half a second, on a machine that is not busy."""
AWAY = 3.0
"""For which an engine may be away, in these tests."""
HEARTBEAT = 0.5
SILENT = 6 * HEARTBEAT + 20 + GRACE
"""A remote is replaced when six signs of life failed to come. Looks at it are up to 20 s apart, and it is stopped."""
LIVE_RESTORE = "--live-restore"
IMAGE = "localhost:1/short-lived:1"
REMOTE_ROOT = "s3://shared/faults"


class Seen(NamedTuple):
    """What a caller sees.

    Attributes:
        error: ``None`` for the right result.
        words: what it says.
        kind: under which field of ``Retries`` it falls; ``None``: under none.
    """

    error: type[Exception] | None = None
    words: str = ""
    kind: str | None = None


class Fault(NamedTuple):
    """A row of the table.

    Attributes:
        befalls: makes a call, and has the fault befall it; in the end undoes the fault, and the same call, made again,
            comes to the right result.
        seen: by the caller.
        within: seconds from the fault.
        holds: what the store holds then.
        later: what it holds in the end.
    """

    befalls: Callable[[Jobs], AbstractContextManager[MopsFuture]]
    seen: Seen
    within: float
    holds: Held
    later: Held


# ---------------------------------------------------------------------------------------------------- while it waits
def while_it_waits(strike, undo=None, heartbeat=10.0):
    """Something is done to a call that waits in its container for a file."""

    @contextmanager
    def befalls(jobs):
        future = jobs.call("begin_and_wait", heartbeat=heartbeat).submit(*jobs.signs)
        eventually(Path(jobs.signs[0]).exists)
        try:
            strike(jobs)
            yield future
        finally:
            if undo:
                undo(jobs)
        go_on(jobs)
        assert jobs.call("begin_and_wait")(*jobs.signs) == jobs.signs[1]

    return befalls


def go_on(jobs):
    Path(jobs.signs[1]).touch()


def kill(which):
    def strike(jobs):
        (container,) = jobs.docker.containers()
        os.kill(jobs.docker.pids(container)[which], signal.SIGKILL)

    return while_it_waits(strike)


def docker(*arguments):
    return while_it_waits(lambda jobs: jobs.docker.docker(*arguments, *jobs.docker.containers()))


def pause_and_resume(jobs):
    (container,) = jobs.docker.containers()
    jobs.docker.docker("pause", container)
    go_on(jobs)
    jobs.docker.docker("unpause", container)


def pause(jobs):
    eventually(lambda: has_given_a_sign_of_life(jobs.root))
    jobs.docker.docker("pause", *jobs.docker.containers())
    go_on(jobs)


def make_the_root_read_only(jobs):
    remount(jobs.root, "ro")
    go_on(jobs)


def make_the_root_writable(jobs):
    remount(jobs.root, "rw")
    go_on(jobs)
    (kept,) = jobs.docker.containers()
    jobs.docker.docker("wait", kept)
    jobs.docker.docker("rm", "-v", kept)  # it holds the result


# ---------------------------------------------------------------------------------------------------- the engine
def stop(jobs):
    jobs.docker.stop()


def start(jobs):
    jobs.docker.start()
    jobs.collect()  # an engine that is away removes nothing


def stop_and_start(jobs):
    jobs.docker.stop()
    jobs.docker.start()


def lose(jobs):
    jobs.docker.kill()


def lose_and_start(jobs):
    jobs.docker.kill()
    jobs.docker.start()


def whose_containers_live_on(end):
    """The engine is ended and started, and is one that leaves its containers alone."""

    def strike(jobs):
        end(jobs)
        jobs.docker.start(LIVE_RESTORE)
        go_on(jobs)

    @contextmanager
    def befalls(jobs):
        jobs.docker.stop()
        jobs.docker.start(LIVE_RESTORE)
        try:
            with while_it_waits(strike)(jobs) as future:
                yield future
            jobs.docker.wait_until_tidy()
        finally:
            stop_and_start(jobs)

    return befalls


# ---------------------------------------------------------------------------------------------------- what it needs
def delete_the_image(pull):
    """After it was made sure that it is there, and before it runs."""

    def image(jobs):
        jobs.docker.docker("tag", jobs.docker.image, IMAGE)
        jobs.docker.docker("rmi", IMAGE)
        return IMAGE

    @contextmanager
    def befalls(jobs):
        yield jobs.call("add", image=lambda: image(jobs), pull=pull).submit(1)
        assert jobs.call("add")(1) == 1

    return befalls


@contextmanager
def fill_the_disk(jobs):
    with small_disk(jobs.folder / "small", "4m") as small:
        fill = jobs.call("fill", mounts={str(small): "/small:rw"})
        yield fill.submit("/small/file", 8 << 20)
        remount(small, "size=16m")
        assert fill("/small/file", 8 << 20) == 8 << 20


@contextmanager
def write_elsewhere(jobs):
    yield jobs.call("write").submit("/opt/file")
    assert jobs.call("write", read_only=False, user=0)("/opt/file") == "/opt/file"


@contextmanager
def cut_the_network(jobs):
    jobs.root = REMOTE_ROOT
    yield jobs.call("add", network="none").submit(1)
    assert jobs.call("add", network="host", **jobs.with_obstore())(1) == 1


def exceed_the_memory(victim):
    """The system kills one process of the container."""

    @contextmanager
    def befalls(jobs):
        future = jobs.call("begin_and_take", memory="96MiB").submit(*jobs.signs, 300 << 20)
        eventually(Path(jobs.signs[0]).exists)
        (container,) = jobs.docker.containers()
        Path(f"/proc/{jobs.docker.pids(container)[victim]}/oom_score_adj").write_text("1000")
        go_on(jobs)
        yield future
        assert jobs.call("begin_and_take", memory="1GiB")(*jobs.signs, 300 << 20) == 300 << 20

    return befalls


@contextmanager
def small_disk(folder, size):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder, option):
    """Again and again: it is refused while a sign of life is being written."""
    command = ["mount", "-o", f"remount,{option}", folder]
    eventually(lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0)


# ---------------------------------------------------------------------------------------------------- the table
def ended(kind):
    """One attempt that failed, and when the same call was made again, a second one with a result."""
    return Held(1, (kind,), 0), Held(2, (kind,), 1)


INTERRUPTED = ended("interrupted")
ONCE = Held(1, (), 1), Held(1, (), 1)
REPLACED = Held(2, ("taken over",), 1), Held(2, ("taken over",), 1)
UNSAID = Held(1, (), 0), Held(2, ("taken over",), 1)
"""The root takes no end of the attempt."""
NEVER = Held(0, (), 0), Held(1, (), 1)

RESULT = Seen()
KILLED = Seen(RemoteCrashed, "container .* was killed from outside", "interrupted")
CHILD_KILLED = Seen(RemoteCrashed, "process that ran the function ended with signal 9", "interrupted")
STOPPED = Seen(RemoteCrashed, "container .* was stopped from outside", "interrupted")
REMOVED = Seen(RemoteCrashed, "container .* was removed from outside", "interrupted")
WENT_AWAY = Seen(RemoteCrashed, "daemon went away while .* and ended it|was stopped from outside", "interrupted")
LOST = Seen(RemoteCrashed, "no Docker engine answers at .* may run on", "interrupted")
NO_PULL = Seen(ShellFailed, f"image {IMAGE} is not in the engine, and cannot be pulled", "infrastructure")
NO_IMAGE = Seen(SetupError, f"there is no image {IMAGE} in the engine")
STARVED = Seen(RemoteCrashed, "lack of memory: its limit is 96 MiB", "out_of_memory")
FULL = Seen(OSError, "No space left on device")
UNWRITABLE = Seen(OSError, "Read-only file system")
ROOT_READ_ONLY = Seen(StoreReadOnly, "Read-only file system")
CUT_OFF = Seen(ConfigurationError, "the containers have none")

FAULTS = {
    "kill -9 of init": Fault(kill(0), KILLED, AT_ONCE, *INTERRUPTED),
    "kill -9 of the supervisor": Fault(kill(1), KILLED, AT_ONCE, *INTERRUPTED),
    "kill -9 of the function": Fault(kill(2), CHILD_KILLED, AT_ONCE, *INTERRUPTED),
    "docker kill": Fault(docker("kill"), KILLED, AT_ONCE, *INTERRUPTED),
    "docker stop": Fault(docker("stop"), STOPPED, AT_ONCE, *INTERRUPTED),
    "docker rm": Fault(docker("rm", "-f"), REMOVED, AT_ONCE, *INTERRUPTED),
    "paused": Fault(while_it_waits(pause_and_resume), RESULT, AT_ONCE, *ONCE),
    "paused for long": Fault(while_it_waits(pause, None, HEARTBEAT), RESULT, SILENT + STARTED, *REPLACED),
    "root read-only": Fault(
        while_it_waits(make_the_root_read_only, make_the_root_writable, HEARTBEAT), ROOT_READ_ONLY, AT_ONCE, *UNSAID
    ),
    "engine restarted": Fault(while_it_waits(stop_and_start, Jobs.collect), WENT_AWAY, AT_ONCE, *INTERRUPTED),
    "engine killed, started": Fault(while_it_waits(lose_and_start, Jobs.collect), WENT_AWAY, AT_ONCE, *INTERRUPTED),
    "engine restarted, containers live": Fault(whose_containers_live_on(stop), RESULT, AT_ONCE, *ONCE),
    "engine killed, started, containers live": Fault(whose_containers_live_on(lose), RESULT, AT_ONCE, *ONCE),
    "engine stopped": Fault(while_it_waits(stop, start), WENT_AWAY, AWAY + AT_ONCE, *INTERRUPTED),
    "engine killed": Fault(while_it_waits(lose, start), LOST, AWAY + AT_ONCE, *INTERRUPTED),
    "image deleted": Fault(delete_the_image("missing"), NO_PULL, AT_ONCE, *ended("infrastructure")),
    "image deleted, no pull": Fault(delete_the_image("never"), NO_IMAGE, AT_ONCE, *ended(None)),
    "memory limit, kills init": Fault(exceed_the_memory(0), STARVED, AT_ONCE, *ended("out_of_memory")),
    "memory limit, kills the supervisor": Fault(exceed_the_memory(1), STARVED, AT_ONCE, *ended("out_of_memory")),
    "memory limit, kills the function": Fault(exceed_the_memory(2), STARVED, AT_ONCE, *ended("out_of_memory")),
    "disk full": Fault(fill_the_disk, FULL, STARTED, *ended("user")),
    "file system read-only": Fault(write_elsewhere, UNWRITABLE, STARTED, *ended("user")),
    "no network": Fault(cut_the_network, CUT_OFF, AT_ONCE, *NEVER),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_in_time_and_the_store_holds_no_result_of_it(jobs, s3, tmp_path, monkeypatch, name):
    fault = FAULTS[name]
    s3.make_bucket("shared")
    monkeypatch.setattr(command, "_AWAY", AWAY)
    with small_disk(tmp_path / "root", "32m") as disk:
        with fault.befalls(jobs) as future:
            if fault.seen.error is None:
                assert future.result(fault.within) == jobs.signs[1]
            else:
                with pytest.raises(fault.seen.error, match=fault.seen.words) as raised:
                    future.result(fault.within)
                assert getattr(raised.value, "kind", None) == fault.seen.kind
            assert held(str(jobs.root)) == fault.holds
        assert held(str(jobs.root)) == fault.later
        assert not list(disk.glob("~tmp/*"))


def test_what_was_interrupted_is_tried_again(jobs):
    retries = Retries(interrupted=1, first_delay=0.01)
    future = jobs.call("begin_and_wait", retries=retries).submit(*jobs.signs)
    eventually(Path(jobs.signs[0]).exists)
    jobs.docker.docker("kill", *jobs.docker.containers())
    go_on(jobs)
    assert future.result(60) == jobs.signs[1]
    assert held(str(jobs.root)) == Held(2, ("interrupted",), 1)


def test_a_result_that_the_store_has_no_room_for_is_kept_in_its_container(jobs, capfd, tmp_path):
    with small_disk(tmp_path / "full", "2m") as root:
        future = jobs.call("large", root).submit(8 << 20)
        with pytest.raises(StoreFull) as raised:
            future.result(60)
        (kept,) = jobs.docker.containers()
        eventually(lambda: "is kept: docker cp" in capfd.readouterr().err)
        jobs.collect()
        assert jobs.docker.containers() == [kept], "gc leaves it alone"
    place = str(raised.value).partition("is kept in ")[2].split()[0]
    jobs.docker.docker("cp", f"{kept}:{place}", str(tmp_path / "result"))
    assert (tmp_path / "result").stat().st_size >= 8 << 20
    jobs.docker.docker("rm", "-v", kept)
