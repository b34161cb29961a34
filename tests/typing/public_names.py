"""What type checkers make of the public names. Nothing here is run."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from subprocess import run
from typing import Any, assert_type

from mops import (
    Failure,
    InThreadShell,
    JsonCodec,
    MemoizingPicklingRunner,
    MopsFuture,
    Source,
    SubprocessShell,
    Success,
    codec_for,
    defaults,
    events,
    invocation_output_fqn,
    observe,
    open_output,
    pure,
    tempdir,
    use_runner,
)


@pure
def bare(number: int, *, text: str = "") -> float:
    """A function under the bare decorator."""
    return number + len(text)


@use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=2), defaults.mops_root), logic_key="1", ignore=["text"])
def remote(number: int, *, text: str = "") -> list[str]:
    """A function under a Runner."""
    return [text] * number


def shell_of_a_user(argv: Sequence[str]) -> None:
    """A function is a Shell."""
    run(argv, check=True)


class Method:
    """A class with a memoized method."""

    @pure
    def double(self, number: int) -> int:
        """Return twice the number."""
        return 2 * number


def calls_keep_their_types() -> None:
    """Arguments and results of calls are checked as without mops."""
    assert_type(bare(1, text="a"), float)
    assert_type(remote(1), list[str])
    assert_type(remote.submit(1, text="b"), MopsFuture[list[str]])
    assert_type(remote.submit(1).result(), list[str])
    assert_type(remote.peek(1), Success[list[str]] | Failure | None)
    assert_type(remote.map_peek([1, 2]), Iterator[Success[list[str]] | Failure | None])
    assert_type(remote.memo_uri(1), str)
    assert_type(remote.with_runner(MemoizingPicklingRunner())(1), list[str])
    future: Future[float] = bare.submit(2)
    assert_type(future.result(), float)
    assert_type(Method().double(2), int)


def wrong_calls_are_refused() -> None:
    """Each line is an error, or the exemption itself would be one."""
    bare("1")  # type: ignore[arg-type]
    bare(1, 2)  # type: ignore[arg-type, call-arg]
    remote()  # type: ignore[call-arg]
    remote.submit(1, texts="")  # type: ignore[call-arg]


def shells_are_functions_or_objects() -> None:
    """Whatever has the form of a Shell is one."""
    MemoizingPicklingRunner(shell_of_a_user, "file:///tmp/root")
    MemoizingPicklingRunner(InThreadShell())


def any_callable_is_a_runner(apply: Callable[..., Any]) -> None:
    """``multiprocessing.Pool.apply`` is a Runner."""
    decorated = use_runner(apply)(bare.__wrapped__)
    assert_type(decorated(1), float)


@codec_for(Method)
class MethodCodec:
    """A codec needs no base class."""

    name = "method1"

    def encode(self, value: Method) -> list[bytes]:
        """Give pieces."""
        return [type(value).__name__.encode()]

    def decode(self, buffer: bytes | memoryview) -> Method:
        """Take them all as one."""
        assert_type(len(buffer), int)
        return Method()


assert_type(codec_for(dict)(JsonCodec), type[JsonCodec])
assert_type(MethodCodec().decode(b""), Method)


def told(event: events.Event) -> None:
    """An observer tells events apart by their class."""
    match event:
        case events.Hit():
            assert_type(event.saved, float | None)
        case events.Published():
            assert_type(event.bytes, int)
        case _:
            assert_type(event.memo_uri, str)


with observe(told) as observation:
    observation.close()


def outputs_are_files_of_bytes_or_of_text() -> None:
    """What is written is checked by the mode."""
    with open_output("a.bin") as binary:
        binary.write(b"bytes")
    with open_output("a.txt", "w", encoding="utf-8") as text:
        text.write("text")
    assert_type(binary.source, Source)
    assert_type(text.source.path(), Path)
    assert_type(Source.from_file(tempdir() / "a.txt"), Source)
    assert_type(invocation_output_fqn(name="a.csv"), str)
    with open(text.source, encoding="utf-8") as file:
        assert_type(file.read(), str)
