"""Functions of ordinary scripts, whose globals hold folders, locks, streams and clients."""

SCRIPT = """
import logging, threading
from pathlib import Path

HERE = Path(__file__).parent
LOCK = threading.Lock()
out = sys.stderr
log = logging.getLogger(__name__)

class Client:
    def __init__(self):
        self.host = "here"
        self.lock = threading.Lock()

client = Client()
LIMITS = [1] * 50_000

@use_runner(MemoizingPicklingRunner({shell}blob_root=root))
def f(x):
    with LOCK, client.lock:
        log.info("%s", HERE)
        print("runs", file=out)
        return x, client.host, len(LIMITS)
"""


def test_a_script_with_locks_streams_and_folders_is_memoized_where_it_runs(project):
    script = SCRIPT.format(shell="") + "print(f(1), f(1))\n"
    path = project.write("script.py", script)
    first, second = project.run(path), project.run(path)
    assert first.stdout == second.stdout == f"{(1, 'here', 50_000)} {(1, 'here', 50_000)}\n"
    assert (first.stderr, second.stderr) == ("runs\n", "")


def test_what_its_globals_hold_besides_counts(project):
    script = SCRIPT.format(shell="") + "print(f(1)[1:], end=' ')\n{}\nprint(f(1)[1:])\n"
    assert project.script(script.replace("{}", "client.host = 'there'")) == "('here', 50000) ('there', 50000)\n"
    assert project.script(script.replace("{}", "LIMITS.append(2)")) == "('here', 50000) ('here', 50001)\n"


def test_explain_names_what_counts_by_type_alone(project):
    said = project.script(SCRIPT.format(shell="") + "print(f.explain(1))\n")
    for name in ("LOCK", "out", "client.lock"):
        assert f"not noticed: a change of __main__:{name}, which counts by name and type alone" in said


def test_what_cannot_travel_is_refused_by_its_name_with_what_to_do(project):
    script = SCRIPT.format(shell="SubprocessShell(), ")
    said = project.script(
        script + "try:\n    f(1)\nexcept TypeError as error:\n    print(type(error).__name__, error)\n"
    )
    assert said.startswith("UnserializableError __main__:LOCK cannot be pickled")
    assert "make it inside of the function, or put it, or the function, into a module" in said


def test_captured_values_of_a_closure_stay_strict(project):
    said = project.script(
        """
        import threading

        def make():
            lock = threading.Lock()

            @mops_pure
            def f(x):
                with lock:
                    return x

            return f

        try:
            make()(1)
        except TypeError as error:
            print(type(error).__name__, error)
    """.replace("mops_pure", "use_runner(MemoizingPicklingRunner(blob_root=root))")
    )
    assert said.startswith("UnkeyableArgumentError captured['make.<locals>.f[lock]']")
    assert "to do: make it inside of the function" in said


def test_a_global_that_the_function_assigns_is_its_own_business(project):
    text = """
        count = 0

        @pure
        def work(number):
            global count
            count += 1
            return number

        print(work(1), work(1), work(1), count)
    """
    assert project.script(text) == "1 1 1 1\n"
