"""Functions that tests run in containers, from a folder that is mounted there."""

import os
import sys
import time


def add(a, b=0):
    return a + b


def surroundings():
    with open("/proc/self/status") as file:
        status = dict(line.rstrip().split(":\t", 1) for line in file)
    return {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "home": os.environ["HOME"],
        "unbuffered": os.environ["PYTHONUNBUFFERED"],
        "capabilities": [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")],
        "new privileges": status["NoNewPrivs"] == "0",
        "secret": os.environ.get("MOPS_TEST_SECRET"),
    }


def write(path):
    with open(path, "w") as file:
        file.write("written")
    return path


def shout(path):
    print("began", file=sys.stderr)
    print("goes on")
    wait_for(path)
    print("ends")


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.02)
    return path


def begin_and_wait(begun, path):
    with open(begun, "a") as file:
        file.write("begun\n")
    return wait_for(path)


def leave(status):
    os._exit(status)


def take(size):
    data = bytearray(os.urandom(1 << 20) * (size >> 20))
    return len(data)


def fill(path, size):
    with open(path, "wb") as file:
        return file.write(bytes(size))


def read_secret():
    return os.environ.get("MOPS_TEST_SECRET"), os.environ.get("MOPS_TEST_OTHER")


def large(size):
    return os.urandom(size)


def begin_and_take(begun, path, size):
    begin_and_wait(begun, path)
    return take(size)
