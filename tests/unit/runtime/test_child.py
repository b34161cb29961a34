"""The forked child of a remote: what it prints is read to the last byte, and it says where it stands."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

PREAMBLE = """
    import os, signal, sys, time
    from mops.runtime import child as module
    from mops.runtime.child import Child

    printed = {1: b"", 2: b""}

    def take(stream, data):
        printed[stream] += data

    def wait(child):
        while not child.has_ended():
            time.sleep(0.001)
"""


def run(program, **options):
    """What a process of its own prints: a child is forked from a process that has no other threads."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(PREAMBLE) + dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONFAULTHANDLER": ""},
        **options,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("death", ["os.kill(os.getpid(), 9)", "os._exit(3)", "sys.exit(3)", "return 0"])
def test_all_that_a_child_printed_before_it_ended_is_read_afterwards(death):
    out = run(f"""
        def serve(returned):
            os.write(1, b"o" * 65_536)
            os.write(2, b"last words")
            {death}

        child = Child(serve)
        wait(child)
        child.read_to_the_end(take)
        print(len(printed[1]), printed[2].decode()[:10], child.exit_code)
    """)
    exit_code = {"os.kill(os.getpid(), 9)": -9, "os._exit(3)": 3, "sys.exit(3)": 1, "return 0": 0}[death]
    assert out == f"65536 last words {exit_code}\n"


def test_a_child_that_has_ended_leaves_no_descriptor():
    out = run("""
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        before = descriptors()
        child = Child(lambda returned: 0)
        wait(child)
        child.read_to_the_end(take)
        child.close()
        print(descriptors() - before)
    """)
    assert out == "0\n"


def test_where_the_system_does_not_kill_a_thread_ends_a_child_whose_supervisor_is_gone():
    out = run("""
        def refused(alive):
            raise OSError("not here")

        module._have_the_system_kill = refused

        def serve(returned):
            time.sleep(600)

        reading, writing = os.pipe()
        supervisor = os.fork()
        if supervisor == 0:
            child = Child(serve)
            os.write(writing, str(child.pid).encode())
            signal.pause()
        pid = int(os.read(reading, 20))
        os.kill(supervisor, signal.SIGKILL)
        os.waitpid(supervisor, 0)

        def state():
            try:
                return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
            except OSError:
                return "Z"

        while state() != "Z":
            time.sleep(0.01)
        print("ended")
    """)
    assert out == "ended\n"


def test_a_process_that_is_left_behind_is_not_waited_for():
    out = run("""
        def serve(returned):
            if os.fork() == 0:
                os.setsid()
                for _ in range(600):
                    time.sleep(0.1)
                    os.write(1, b".")
            os.write(1, str(0).encode())
            return 0

        begun = time.monotonic()
        child = Child(serve)
        wait(child)
        child.read_to_the_end(take)
        print(printed[1][:1].decode(), time.monotonic() - begun < 30)
    """)
    assert out == "0 True\n"


def test_a_child_whose_function_has_returned_waits_until_its_output_is_stored():
    out = run("""
        module._STORING = 60

        def serve(returned):
            print("printed")
            returned()
            print("published")
            return 0

        child = Child(serve)
        while not child.has_just_returned():
            assert not child.has_ended()
        child.read(take)
        print(printed[1].decode(), child.has_just_returned(), child.has_ended())
        child.go_on()
        wait(child)
        child.read_to_the_end(take)
        print(printed[1].decode())
    """)
    assert out == "printed\n False False\nprinted\npublished\n\n"


def test_a_child_does_not_wait_for_ever():
    out = run("""
        def serve(returned):
            returned()
            return 0

        child = Child(serve)
        wait(child)
        print(child.exit_code, child.has_just_returned(), child.has_just_returned())
        child.go_on()
    """)
    assert out == "0 True False\n"


def test_a_function_that_closed_everything_does_not_end_its_child():
    out = run("""
        def serve(returned):
            sys.stdout = None
            os.closerange(3, 100)
            returned()
            return 7

        child = Child(serve)
        wait(child)
        print(child.exit_code)
    """)
    assert out == "7\n"


@pytest.mark.parametrize("work", ["while True: pass", "os.read(os.pipe()[0], 1)", "sum(range(10**13))"])
def test_a_child_says_where_it_stands(work):
    out = run(f"""
        def work():
            {work}

        def serve(returned):
            os.write(1, b"begun")
            work()

        child = Child(serve)
        while not printed[1]:
            child.read(take)
        while not (stack := child.stack()) or "work" not in stack[0]:
            assert not child.has_ended()
        print(*stack[:2], sep="\\n")
        child.kill()
        wait(child)
        child.kill()
        print(child.exit_code)
    """)
    assert out == "<string>:16 in work\n<string>:20 in serve\n-9\n"


def test_a_child_that_has_ended_says_nothing():
    out = run("""
        child = Child(lambda returned: 0)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        print(child.stack())
    """)
    assert out == "()\n"
