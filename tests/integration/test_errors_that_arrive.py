"""What goes wrong in a function or around it reaches the caller, with its type, its text and what to do."""

import os
from textwrap import dedent

import pytest

SHELLS = ("InThreadShell()", "SubprocessShell()")
each_shell = pytest.mark.parametrize("shell", SHELLS)

CALL = """
    import stage, traceback
    try:
        print("returned", stage.work())
    except BaseException as error:
        print(type(error).__module__, type(error).__qualname__)
        print("".join(traceback.format_exception(error)))
"""


def outcome(project, body, shell="SubprocessShell()", *, run=True):
    """What `work()` of a module comes to: the type of the exception, and what a caller reads of it."""
    remember = f"import threading\nremember = use_runner(MemoizingPicklingRunner({shell}, root))\n"
    project.write("stage.py", remember + dedent(body))
    kind, _, text = project.script(CALL).partition("\n") if run else ("", "", "")
    return kind, text


# ------------------------------------------------------------------------------------------------ exceptions of users
@each_shell
def test_a_users_exception_keeps_its_type_and_shows_where_it_was_raised(project, shell):
    kind, text = outcome(
        project,
        """
        @remember
        def work():
            return helper({})

        def helper(table):
            return table["no such key"]
    """,
        shell,
    )
    assert kind == "builtins KeyError"
    assert 'return table["no such key"]' in text
    assert "in helper" in text


@each_shell
def test_an_exception_of_the_users_own_class_arrives_as_that_class(project, shell):
    kind, text = outcome(
        project,
        """
        class Problem(Exception):
            pass

        @remember
        def work():
            try:
                raise Problem("the first")
            except Problem as first:
                raise Problem("the second") from first
    """,
        shell,
    )
    assert kind == "stage Problem"
    assert "the first" in text
    assert "the second" in text


@each_shell
@pytest.mark.parametrize("call", ["work()", "work.submit().result()", "work.map([3]).wait()"])
def test_a_frozen_exception_arrives_however_it_was_called(project, shell, call):
    project.write(
        "stage.py",
        f"""
        import dataclasses, traceback
        remember = use_runner(MemoizingPicklingRunner({shell}, root))

        @dataclasses.dataclass(frozen=True)
        class Problem(Exception):
            number: int
            def __reduce__(self):
                return Problem, (self.number,)

        @remember
        def work(number=3):
            raise Problem(number)
    """,
    )
    out = project.script(
        f"""
        import traceback
        from stage import Problem, work
        try:
            {call}
        except Problem as error:
            print("".join(traceback.format_exception(error)))
        except ExceptionGroup as group:
            print("".join(traceback.format_exception(group.exceptions[0])))
    """
    )
    assert "in work" in out
    assert "stage.Problem" in out
    assert ("input 0 of" in out) == ("map" in call)


@pytest.mark.parametrize(("definition", "words"), [
    ("def __init__(self, a, b): super().__init__(f'{a} and {b}')", "stage:Problem: 1 and 2"),
    ("def __init__(self, a, *, b): super().__init__(f'{a} but {b}')", "stage:Problem: 1 but 2"),
    ("def __init__(self, a, b): super().__init__('locked'); self.lock = threading.Lock()", "stage:Problem: locked"),
    ("__init__ = lambda self, a, b: None; __str__ = lambda self: 1 / 0", "stage:Problem: <no text: its __str__"),
])  # fmt: skip
def test_an_exception_that_cannot_travel_arrives_as_text(project, definition, words):
    kind, text = outcome(
        project,
        f"""
        class Problem(Exception):
            {definition}

        @remember
        def work():
            raise Problem(1, b=2)
    """,
    )
    assert kind == "mops.core.errors RemoteError"
    assert words in text
    assert "raise Problem(1, b=2)" in text


def test_an_exit_of_a_generator_is_an_exception_like_others(project):
    """Nothing that a function raises may be taken for the end of what drives its call."""
    program = """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            raise GeneratorExit("enough")

        for _ in range(2):
            try:
                work()
            except GeneratorExit as error:
                print(error.args, "raise GeneratorExit" in str(error.__cause__))
    """
    assert project.script(program) == "('enough',) True\n" * 2


@pytest.mark.parametrize("interruption", ["KeyboardInterrupt", "Interruption"])
def test_what_ends_a_remote_shows_the_users_frames_alone(project, interruption):
    project.write(
        "stage.py",
        f"""
        class Interruption(BaseException):
            pass

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            return helper()

        def helper():
            raise {interruption}("enough")
        """,
    )
    called = project.run(
        project.write(
            "script.py",
            """
        import stage
        try:
            stage.work()
        except MopsError as error:
            print(error)
    """,
        )
    )
    assert "ended with exit status 1, without an outcome" in called.stdout
    for text in (called.stdout, called.stderr):
        assert text.index("in work") < text.index("in helper") < text.index(f"{interruption}: enough")
        assert f"{os.sep}mops{os.sep}" not in text.partition("  function:")[0]


def test_a_remote_that_cannot_store_its_result_says_so_in_words(project):
    project.write(
        "stage.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            os.mkdir(os.path.join(work.memo_uri().removeprefix("file://"), "r0"))
            return 1
        """,
    )
    kept = project.environment(TMPDIR=str(project.folder))
    called = project.run("-c", "import stage; stage.work()", check=False, env=kept)
    remotes = called.stderr.partition("mops remote: ")[2].partition("mops.core.failure.RemoteTraceback")[0]
    assert remotes.startswith("cannot create file://"), "said before or after the caller's error"
    assert "/r0: it is a directory" in remotes
    assert "is kept in" in remotes
    assert "InvalidKey: cannot create" in called.stderr


@pytest.mark.parametrize("size", [600_000, 3_000_000])
def test_an_exception_with_a_very_long_message_keeps_its_type_and_its_words(project, size):
    project.write(
        "stage.py",
        f"""
        class TooMuch(Exception):
            pass

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            raise TooMuch("x" * {size})
        """,
    )
    out = project.script("""
        import stage
        try:
            stage.work()
        except stage.TooMuch as error:
            print(len(error.args[0]))
    """)
    assert out == f"{size}\n"


def test_failures_are_not_memoized(project):
    project.write(
        "stage.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work(path):
            return open(path).read()
    """,
    )
    out = project.script("""
        from stage import work
        try:
            work("later")
        except FileNotFoundError:
            print(repr(work.peek("later")))
        open("later", "w").write("now it is there")
        print(work("later"))
    """)
    assert out == "Failure(FileNotFoundError(2, 'No such file or directory'))\nnow it is there\n"


# ------------------------------------------------------------------------------------------------ values that cannot
UNPICKLABLE = """
        class Config:
            pass

        @remember
        def work():
            config = Config()
            config.client = Config()
            config.client._lock = threading.Lock()
            return {"settings": [config]}
"""


def test_a_value_that_cannot_be_pickled_is_refused_with_its_path(project):
    kind, text = outcome(project, UNPICKLABLE)
    assert kind == "mops.core.errors UnserializableError"
    assert "['settings'][0].client._lock cannot be pickled" in text


def test_a_value_that_cannot_be_stored_is_returned_in_thread_with_a_warning(project):
    project.write("stage.py", "import threading\n" + dedent(UNPICKLABLE).replace("@remember", "@pure"))
    result = project.run("-c", "import stage; print(type(stage.work()['settings'][0].client).__name__)")
    assert result.stdout == "Config\n"
    assert "['settings'][0].client._lock cannot be pickled" in result.stderr
    assert project.results() == []


def test_an_argument_that_cannot_travel_is_named_before_anything_starts(project):
    kind, text = outcome(
        project,
        """
        class Config:
            def __init__(self):
                self.lock = threading.Lock()
            def __mops_key__(self):
                return 1

        @remember
        def with_config(config):
            return 1

        def work():
            return with_config(config=Config())
    """,
    )
    assert kind == "mops.core.errors UnserializableError"
    assert "config.lock cannot be pickled" in text


# ------------------------------------------------------------------------------------------------ processes that die
@pytest.mark.parametrize(("death", "words"), [
    ("sys.exit('bye')", "the function called sys.exit('bye')"),
    ("raise SystemExit", "the function called sys.exit(None)"),
    ("os._exit(3)", "ended with exit status 3"),
    ("os._exit(0)", "exit status 0, but published no outcome"),
    ("os.kill(os.getpid(), 9)", "SIGKILL"),
    ("os.abort()", "SIGABRT"),
    ("__import__('ctypes').string_at(0)", "SIGSEGV"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("wait_until_read(), os.kill(os.getppid(), 9), time.sleep(60)", "SIGKILL"),
])  # fmt: skip
def test_a_child_that_dies_says_how_and_its_last_words(project, death, words):
    kind, text = outcome(
        project,
        f"""
        @remember
        def work():
            print("these were my last words", flush=True)
            {death}

        def wait_until_read():
            import fcntl, termios
            while int.from_bytes(fcntl.ioctl(1, termios.FIONREAD, bytes(4)), sys.byteorder):
                time.sleep(0.01)
            time.sleep(0.2)  # from reading to writing it takes the supervisor microseconds
    """,
    )
    assert kind in {"mops.core.errors RemoteCrashed", "mops.core.errors ShellFailed"}
    assert words in text
    assert "these were my last words" in text or "sys.exit" in words or "published no outcome" in words
    assert "stage:work" in text
    assert "memo: file://" in text


def shell_with(project, change):
    """A Shell that changes what a remote finds in its environment."""
    project.write(
        "shells.py",
        f"""
        import subprocess

        def shell(argv):
            folder, path = ".", [os.path.abspath(entry) for entry in sys.path]
            {change}
            environment = {{**os.environ, "PYTHONPATH": os.pathsep.join(path)}}
            done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
    """,
    )
    return "__import__('shells').shell"


STAGE = """
        @remember
        def work():
            return helper()

        def helper():
            return "the orchestrator's"
"""


def test_a_child_that_cannot_import_the_module_says_which_and_where_it_looked(project):
    (project.folder / "image").mkdir()
    kind, text = outcome(
        project, STAGE, shell_with(project, 'folder, path = "image", [p for p in path if p != os.getcwd()]')
    )
    assert kind == "mops.core.errors FunctionNotFoundError"
    assert "there is no module 'stage' here; sys.path is [" in text


def test_other_code_in_the_remote_is_refused_with_the_names_that_differ(project):
    shell = shell_with(project, 'folder = "image"')
    (project.folder / "image").mkdir()
    outcome(project, STAGE.replace("the orchestrator's", "an old one's"), shell, run=False)
    (project.folder / "stage.py").rename(project.folder / "image" / "stage.py")
    kind, text = outcome(project, STAGE, shell)
    assert kind == "mops.core.errors CodeMismatchError"
    assert "stage:helper" in text
    assert "stage:work" not in text.split("the code here is not the orchestrator's", 1)[1].split("\n")[0]
    assert project.results() == []


def test_an_installed_package_that_counts_as_first_party_counts_in_the_remote_too(project):
    project.write(
        "stage.py",
        """
        import cloudpickle

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root, first_party=["cloudpickle"]))
        def work():
            return cloudpickle.dumps is not None
    """,
    )
    assert project.script("import stage; print(stage.work())") == "True\n"
    (claim,) = project.claims()
    assert b"cloudpickle.cloudpickle:dumps" in claim.read_bytes()


def test_other_code_in_the_remote_is_taken_where_the_author_says_so(project):
    shell = shell_with(project, 'folder = "image"')
    project.write(
        "stage.py",
        f"""
        import shells
        helper = lambda: "the orchestrator's"

        @use_runner(MemoizingPicklingRunner({shell}, root, on_code_change="ignore"))
        def work():
            return helper()
    """,
    )
    (project.folder / "image").mkdir()
    text = (project.folder / "stage.py").read_text()
    (project.folder / "image" / "stage.py").write_text(text.replace("the orchestrator's", "the image's"))
    assert project.script("import stage; print(stage.work())") == "the image's\n"


@pytest.mark.parametrize(
    "layout", ["mops.py", "mops/__init__.py"]
)  # the first does nothing, and says that it succeeded
def test_another_package_named_mops_in_the_remote_is_recognised(project, layout):
    shell = shell_with(project, 'folder = "foreign"')
    path = project.folder / "foreign" / layout
    path.parent.mkdir(parents=True)
    path.write_text("")
    kind, text = outcome(project, STAGE, shell)
    assert kind == "mops.core.errors ShellFailed"
    assert "another package named mops is installed there" in text


def test_a_remote_without_mops_is_told_what_to_install(project):
    shell = shell_with(project, 'argv = [argv[0], "-I", "-S", *argv[1:]]')
    kind, text = outcome(project, STAGE, shell)
    assert kind == "mops.core.errors ShellFailed"
    assert "pip install mops-run" in text


def test_a_python_that_does_not_exist_is_said(project):
    shell = shell_with(project, 'argv = ["/no/such/python", *argv[1:]]')
    kind, text = outcome(project, STAGE, shell)
    assert kind == "mops.core.errors ShellFailed"
    assert "/no/such/python" in text


def test_a_shell_that_reports_success_without_running_anything_is_not_believed(project):
    kind, text = outcome(project, STAGE, "lambda argv: None")
    assert kind == "mops.core.errors ShellFailed"
    assert "published no outcome" in text


def test_a_remote_that_never_reports_is_given_up(project):
    project.write(
        "stage.py",
        """
        from concurrent.futures import Future
        from mops.core.errors import StartTimeout

        class Lost:
            max_workers = 1
            start_timeout = 1.0
            run_timeout = None

            def __call__(self, argv):
                future = Future()
                future.set_running_or_notify_cancel()
                return future

        @use_runner(MemoizingPicklingRunner(Lost(), root))
        def work():
            return 1

        try:
            work()
        except StartTimeout as error:
            print(error)
    """,
    )
    assert "no sign of a remote 1 s after its command started" in project.run("stage.py", timeout=30).stdout


@pytest.mark.parametrize("arguments", ["", "--root", "--root x --memo y --epoch z", "--root /x --memo y --epoch 1"])
def test_the_remote_entry_refuses_another_command_line_in_words(project, arguments):
    result = project.run("-m", "mops", "remote", *arguments.split(), check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("mops remote: ")
    assert "Traceback" not in result.stderr
