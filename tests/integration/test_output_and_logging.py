"""What a caller sees and hears: the output of remotes as it appears, and silence where nothing happens."""

import time


def test_what_a_remote_prints_appears_on_standard_error_as_it_is_printed(project):
    program = project.write(
        "program.py",
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            print("printed at once", flush=True)
            print("and to the other stream", file=sys.stderr, flush=True)
            while not os.path.exists("seen"):
                time.sleep(0.01)
            os.system("echo from a grandchild")
            return 1

        print(work())
    """,
    )
    process = project.start(program, stderr=-1)
    assert {process.stderr.readline(), process.stderr.readline()} == {"printed at once\n", "and to the other stream\n"}
    (project.folder / "seen").touch()
    out, err = process.communicate(timeout=30)
    assert out == "1\n"
    assert err == "from a grandchild\n"


def test_output_without_end_does_not_hold_up_a_remote(project):
    out = project.script(
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            for i in range(20_000):
                print("line", i, "x" * 50)
            sys.stdout.write("no newline at the end")
            return 1
        print(work())
    """,
        stderr=-3,
    )
    assert out == "1\n"


def test_the_tail_of_the_output_is_in_the_error(project):
    result = project.run(
        project.write(
            "program.py",
            """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            for i in range(200):
                print("line", i, flush=True)
            os._exit(1)
        try:
            work()
        except Exception as error:
            print(error)
    """,
        )
    )
    assert "line 199\n" in result.stdout
    assert "line 150\n" in result.stdout
    assert "line 100\n" not in result.stdout
    assert result.stderr.count("\n") == 200


def test_a_process_that_a_function_leaves_behind_does_not_hold_up_the_call(project):
    begun = time.monotonic()
    out = project.script(
        """
        import subprocess

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work():
            subprocess.Popen(["sleep", "20"])
            return 1
        print(work())
    """,
        stderr=-3,
    )
    assert out == "1\n"
    assert time.monotonic() - begun < 15


def test_no_handlers_are_added_and_a_hit_is_silent_at_info(project):
    program = """
        import logging
        before = list(logging.root.handlers), set(logging.root.manager.loggerDict)
        if len(sys.argv) > 1:
            logging.basicConfig(level=logging.INFO, stream=sys.stdout)

        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work(x):
            return x

        work(1)
        work.submit(1).result()
        if len(sys.argv) == 1:
            assert logging.root.handlers == before[0]
            assert all(not getattr(logger, "handlers", None) for name, logger in logging.root.manager.loggerDict.items()
                       if name.startswith("mops"))
    """
    path = project.write("program.py", program)
    first = project.run(path)
    assert first.stdout + first.stderr == ""
    hit = project.run(path, "configured")
    assert hit.stdout + hit.stderr == ""


def test_warnings_go_to_the_logger_of_mops(project):
    out = project.script("""
        import logging, threading
        logging.basicConfig(format="%(name)s %(levelname)s", stream=sys.stdout)

        @pure
        def work():
            return threading.Lock()

        work()
    """)
    assert out == "mops WARNING\n"
