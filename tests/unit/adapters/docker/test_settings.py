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
        ({"image": ""}, "name of an image"),
        ({"image": 3}, "image is a name"),
        ({"image": None}, "image is a name"),
        ({"image": "two words"}, "name of an image"),
        ({"image": "image:1 "}, "name of an image"),
        ({"image": "image\n"}, "name of an image"),
        ({"image": "--privileged"}, "no option"),
        ({"image": "a:b:c"}, "name of an image"),
        ({"command": "python"}, "a list of words"),
        ({"command": b"python"}, "a list of words"),
        ({"command": []}, "a list of words"),
        ({"command": [""]}, "a list of words"),
        ({"command": [" "]}, "a list of words"),
        ({"command": ["python", 3]}, "a list of words"),
        ({"command": ["python", "a\0b"]}, "a list of words"),
        ({"command": None}, "a list of words"),
        ({"env": ["A"]}, "env is a mapping"),
        ({"env": None}, "env is a mapping"),
        ({"env": {"A": 1}}, r"env\['A'\] is a text, not int"),
        ({"env": {"A": 0, "B": None}}, r"env\['A'\] is a text, not int"),
        ({"env": {"A": True}}, "is a text, not bool"),
        ({"env": {"A": "x\0y"}}, "zero byte"),
        ({"env": {"A=B": "x"}}, "names without '='"),
        ({"env": {"": "x"}}, "names without '='"),
        ({"env": {3: "x"}}, "names without '='"),
        ({"labels": "team"}, "labels is a mapping"),
        ({"labels": {"team": 1}}, r"labels\['team'\] is a text"),
        ({"labels": {"team": None}}, r"labels\['team'\] is a text"),
        ({"labels": {1: "team"}}, "labels has names"),
        ({"labels": {"mops.kept": "yes"}}, "how mops finds its containers"),
        ({"labels": {"mops.command": "x"}}, "how mops finds its containers"),
        ({"pull": "often"}, "'missing', 'always' or 'never'"),
        ({"pull": None}, "'missing', 'always' or 'never'"),
        ({"pull": ["missing"]}, "'missing', 'always' or 'never'"),
        ({"network": ""}, "network is the name of one"),
        ({"network": 3}, "network is the name of one"),
        ({"cpu": 0}, "number of processors"),
        ({"cpu": -1}, "number of processors"),
        ({"cpu": "2"}, "number of processors"),
        ({"cpu": True}, "number of processors"),
        ({"cpu": float("nan")}, "number of processors"),
        ({"cpu": float("inf")}, "number of processors"),
        ({"cpu": 1e-12}, "number of processors"),
        ({"memory": "much"}, "memory must be a number of bytes"),
        ({"memory": True}, "memory must be a number of bytes"),
        ({"memory": -1}, "memory must be a number of bytes"),
        ({"memory": 0}, "memory is a positive number"),
        ({"gpu": -1}, "gpu is a number of them"),
        ({"gpu": True}, "gpu is a number of them"),
        ({"gpu": "1"}, "gpu is a number of them"),
        ({"gpu": None}, "gpu is a number of them"),
        ({"user": ""}, "user is a name or number"),
        ({"user": " 0"}, "user is a name or number"),
        ({"user": ":0"}, "user is a name or number"),
        ({"user": "1:"}, "user is a name or number"),
        ({"user": "1:2:3"}, "user is a name or number"),
        ({"user": -1}, "user is a name or number"),
        ({"user": True}, "user is a name or number"),
        ({"user": False}, "user is a name or number"),
        ({"user": 1.0}, "user is a name or number"),
        ({"read_only": "no"}, "read_only is True or False"),
        ({"remove": 0}, "remove is True or False"),
        ({"mounts": ["/here"]}, "mounts is a mapping"),
        ({"mounts": {3: "/there"}}, "absolute paths"),
        ({"mounts": {"/here": None}}, "absolute paths"),
        ({"mounts": {"here": "/there"}}, "absolute paths"),
        ({"mounts": {"/here": "there"}}, "absolute paths"),
        ({"mounts": {"~/here": "/there"}}, "absolute paths"),
        ({"mounts": {"/here": ":rw"}}, "absolute paths"),
        ({"mounts": {"/here": "/"}}, "mounts cannot have '/' inside"),
        ({"mounts": {"/here": "/there:ro"}}, "read only unless ':rw'"),
        ({"mounts": {"/here": "/there:z:rw"}}, "read only unless ':rw'"),
        ({"max_workers": 0}, "max_workers must be"),
        ({"max_workers": "3"}, "max_workers must be"),
        ({"start_timeout": 0}, "start_timeout must be"),
        ({"start_timeout": "5"}, "start_timeout must be"),
        ({"start_timeout": None}, "start_timeout must be"),
        ({"run_timeout": 0}, "run_timeout must be"),
        ({"run_timeout": "5"}, "run_timeout must be"),
        ({"run_timeout": float("nan")}, "run_timeout must be"),
        ({"run_timeout": True}, "run_timeout must be"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(wrong, words):
    with pytest.raises(ConfigurationError, match=words):
        DockerShell(**{"image": "image", **wrong})


@pytest.mark.parametrize(
    "image",
    [
        "python",
        "python:3.11-slim",
        "localhost:5000/team/app:1",
        "registry.example.org/app@sha256:" + "0" * 64,
        "localhost:5000/app:1@sha256:" + "0" * 64,
        "sha256:" + "0" * 64,
        "0" * 64,
    ],
)
def test_an_image_is_named_as_the_engine_names_it(image):
    assert DockerShell(image)._image.name() == image


def test_no_error_shows_a_value_of_the_environment():
    with pytest.raises(ConfigurationError) as refused:
        DockerShell("image", env={"TOKEN": b"very secret"})
    assert "secret" not in str(refused.value)


def test_containers_are_made_as_others_state_it():
    shell = DockerShell("image", user=1000, cpu=1, memory="1Gi", mounts={"/a:b": "/in/"}, command=("nice", "python"))
    stated = shell._settings
    assert (stated.user, stated.cpu, stated.memory, stated.command) == ("1000", 1, 1 << 30, ("nice", "python"))
    assert stated.mounts == {"/a:b": "/in"}


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
