"""Whoever names an image is asked once a process, and it is pulled once."""

import os
import pickle
import threading

import pytest

from mops import DockerShell
from mops.adapters.shells.docker.image import Image
from mops.core.errors import ConfigurationError


class Engine:
    """What an image asks of an engine."""

    def __init__(self):
        self.images, self.pulls = set(), []

    def has_image(self, image):
        return image in self.images

    def pull(self, image):
        self.pulls.append(image)
        self.images.add(image)


class Builder:
    """Gives the name of an image, and counts how often it is asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def __call__(self):
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Unhashable(Builder):
    __hash__ = None


@pytest.mark.parametrize("kind", [Builder, Unhashable])
def test_who_gives_the_image_is_asked_until_he_does_and_then_never_again(kind):
    build = kind(OSError("no builder"), KeyboardInterrupt(), "built:1")
    image = Image(build)
    for error in (OSError, KeyboardInterrupt):
        with pytest.raises(error):
            image.name()
    assert image.name() == image.name() == "built:1"
    assert build.asked == 3


def test_all_shells_of_a_process_ask_together():
    build = Builder("built:1")
    shells = [DockerShell(build), DockerShell(build, memory="1Gi"), DockerShell(build).with_memory(1 << 30)]
    assert [shell._image.name() for shell in shells] == ["built:1"] * 3
    assert build.asked == 1


def module_level_builder():
    module_level_builder.asked += 1
    return "built:2"


module_level_builder.asked = 0


def test_a_copy_that_was_pickled_does_not_ask_again():
    shell = DockerShell(module_level_builder)
    copy = pickle.loads(pickle.dumps(shell))
    assert copy == shell
    assert shell._image.name() == copy._image.name() == "built:2"
    assert module_level_builder.asked == 1


def test_many_threads_ask_once_and_wait_for_the_answer():
    begun, go = threading.Event(), threading.Event()

    class Slow(Builder):
        def __call__(self):
            begun.set()
            go.wait()
            return super().__call__()

    build, names = Slow("built:1", "built:2"), []
    threads = [threading.Thread(target=lambda: names.append(Image(build).name())) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.wait()
    assert not names
    go.set()
    for thread in threads:
        thread.join()
    assert names == ["built:1"] * 8
    assert build.asked == 1


def test_a_child_that_was_forked_while_a_thread_builds_asks_itself():
    begun, go = threading.Event(), threading.Event()

    def build():
        if os.getpid() == parent:
            begun.set()
            go.wait()
        return f"built:{os.getpid() == parent}"

    parent, image = os.getpid(), Image(build)
    thread = threading.Thread(target=image.name)
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if image.name() == "built:False" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go.set()
    thread.join()
    assert image.name() == "built:True"


def test_a_forked_child_knows_what_its_parent_knew():
    build = Builder("built:1")
    image = Image(build)
    image.name()
    child = os.fork()
    if child == 0:
        os._exit(0 if image.name() == "built:1" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("answer", [None, "", 3, "two words", "--privileged"])
def test_what_is_no_name_is_refused_and_asked_for_again(answer):
    image = Image(Builder(answer, "built:1"))
    with pytest.raises(ConfigurationError, match="is to give the name of an image"):
        image.name()
    assert image.name() == "built:1"


def test_an_image_is_pulled_once_whichever_shell_wants_it():
    engine, images = Engine(), [Image("pulled-once"), Image("pulled-once")]
    assert all(image.is_ready("missing") for image in images)
    assert not any(image.is_ready("always") for image in images)
    for image in images * 2:
        image.pull_once(engine)
        image.pull(engine)
    assert engine.pulls == ["pulled-once"]
    assert all(image.is_ready("always") for image in images)


def test_whoever_knows_the_name_does_not_wait_for_a_pull():
    begun, go = threading.Event(), threading.Event()

    class Slow(Engine):
        def pull(self, image):
            begun.set()
            go.wait()

    image = Image("pulled-slowly")
    thread = threading.Thread(target=image.pull, args=(Slow(),))
    thread.start()
    begun.wait()
    assert image.name() == "pulled-slowly"
    go.set()
    thread.join()
