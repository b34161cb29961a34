"""What a DockerShell is told, and the containers that it plans. No engine is asked."""

import os
import pickle
import sys

import pytest

from mops import DockerShell
from mops.adapters.shells.docker.plan import plan
from mops.adapters.shells.docker.reach import reach
from mops.core.errors import ConfigurationError
from mops.core.ports.shell import BatchCommand, RemoteCommand

ARGV = RemoteCommand("/root folder", "mops1/memo/default/pkg--f/any/00", 3).argv(sys.executable)


def planned(environment=(), **settings):
    shell = DockerShell("image", user="1:2", **settings)
    return plan("image", ARGV, shell._settings, reach("/root folder", {}, None, "unix:"), dict(environment))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": ""}, "image is a name"),
        ({"image": 3}, "image is a name"),
        ({"command": "python"}, "a list of words"),
        ({"command": []}, "command is the Python inside"),
        ({"pull": "often"}, "'missing', 'always' or 'never'"),
        ({"cpu": 0}, "number of processors"),
        ({"memory": "much"}, "memory must be a number of bytes"),
        ({"memory": 0}, "memory is a positive number"),
        ({"gpu": -1}, "gpu is a number of them"),
        ({"mounts": {"here": "/there"}}, "absolute paths"),
        ({"mounts": {"/here": "there"}}, "absolute paths"),
        ({"max_workers": 0}, "max_workers must be"),
        ({"run_timeout": 0}, "run_timeout must be"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(wrong, words):
    with pytest.raises(ConfigurationError, match=words):
        DockerShell(**{"image": "image", **wrong})


def test_a_batch_is_refused():
    with pytest.raises(ConfigurationError, match="no batches"):
        DockerShell("image", user=0)(BatchCommand("/root", "b.1", "INDEX").argv(sys.executable))


def test_the_command_stands_in_place_of_the_interpreter_alone():
    assert planned(command=["nice", "/opt/bin/python"]).argv == ["nice", "/opt/bin/python", *ARGV[1:]]


def test_variables_are_stated_or_handed_on_and_no_others():
    environment = {"TOKEN": "t", "PASSWORD": "p", "HOME": "/root"}
    given = planned(environment, env={"TOKEN": None, "ABSENT": None, "MODE": "fast"}).environment
    assert given == {"PYTHONUNBUFFERED": "1", "HOME": "/tmp", "TOKEN": "t", "MODE": "fast"}


def test_mounts_can_be_written_to_where_that_is_said():
    mounts = {each.target: each for each in planned(mounts={"/data": "/in", "/out": "/out:rw"}).mounts}
    assert {target: each.read_only for target, each in mounts.items()} == {
        "/root folder": False, "/in": True, "/out": False, "/tmp": False
    }  # fmt: skip
    assert [mounts[target].source for target in ("/root folder", "/in", "/out", "/tmp")] == [
        "/root folder", "/data", "/out", None
    ]  # fmt: skip


def test_a_layer_that_is_not_written_to_is_mounted_to_be_read():
    shell = DockerShell("image", user=0)
    mounts = plan("image", ARGV, shell._settings, reach("/first|/second", {}, None, "unix:"), {}).mounts
    assert {each.target: each.read_only for each in mounts} == {"/first": False, "/second": True, "/tmp": False}


def test_a_command_is_found_whichever_interpreter_starts_it():
    shell = DockerShell("image", user=0)
    needs = reach("/root folder", {}, None, "unix:")
    labels = [
        plan("image", argv, shell._settings, needs, {}).labels["mops.command"]
        for argv in (ARGV, ["other", *ARGV[1:]], [*ARGV[:-1], "4"])
    ]
    assert labels[0] == labels[1] != labels[2]


def test_it_pickles_and_is_equal_afterwards():
    shell = DockerShell("image", memory="1Gi", env={"A": None}, mounts={"/a": "/b"}, max_workers=3)
    assert pickle.loads(pickle.dumps(shell)) == shell
    assert shell != DockerShell("image", memory="2Gi", env={"A": None}, mounts={"/a": "/b"}, max_workers=3)


def test_memory_without_a_limit_is_what_the_machine_has():
    assert DockerShell("image").memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert DockerShell("image").with_memory(1 << 30).memory == 1 << 30


def test_its_name_shows_no_environment():
    assert repr(DockerShell("image", env={"TOKEN": "secret"})) == "DockerShell('image', max_workers=None)"


class Engine:
    """What an image asks of an engine."""

    def __init__(self):
        self.images, self.pulls = set(), []

    def has_image(self, image):
        return image in self.images

    def pull(self, image):
        self.pulls.append(image)
        self.images.add(image)


def test_who_gives_the_image_is_asked_until_he_does_and_then_never_again():
    answers = iter([OSError("no builder"), "built:1"])

    def build():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    image = DockerShell(build)._image
    with pytest.raises(OSError, match="no builder"):
        image.name()
    assert image.name() == image.name() == "built:1"


def test_an_image_that_is_no_name_is_refused():
    with pytest.raises(ConfigurationError, match="gave None"):
        DockerShell(lambda: None)._image.name()


def test_an_image_is_pulled_once():
    engine, image = Engine(), DockerShell("image")._image
    assert image.is_ready("missing")
    assert not image.is_ready("always")
    for _ in range(3):
        image.pull_once(engine)
        image.pull(engine)
    assert engine.pulls == ["image"]
    assert image.is_ready("always")
