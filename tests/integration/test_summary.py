"""What MOPS_SUMMARY=1 says at the exit of a program."""

import pytest

PROGRAM = """
    @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
    def text(length):
        return "a" * length

    @use_runner(MemoizingPicklingRunner(blob_root=root))
    def inverse(number):
        return 1 / number

    if __name__ == "__main__":
        text(1000), text(1000), inverse(2)
        try:
            inverse(0)
        except ZeroDivisionError:
            pass
"""


def test_a_program_is_summed_up_at_its_exit_and_its_remotes_are_not(project):
    program = project.write("program.py", PROGRAM)
    told = project.run(program, env=project.environment(MOPS_SUMMARY="1")).stderr.splitlines()
    assert len(told) == 3, told
    assert told[0].startswith("mops: 1 hit, 2 misses, 1 failure; ")
    assert told[1].startswith("  __main__:inverse: 0 hits, 1 miss, 1 failure; ")
    assert told[2].startswith("  __main__:text: 1 hit, 1 miss, 0 failures; ")
    assert "1.02 kB read, 1.02 kB stored" in told[2]


@pytest.mark.parametrize("value", [None, "", "0"])
def test_a_program_that_did_not_ask_is_not_summed_up_and_imports_nothing_for_it(project, value):
    text = PROGRAM + "        assert 'mops.api.summary' not in sys.modules\n"
    more = {} if value is None else {"MOPS_SUMMARY": value}
    assert project.run(project.write("program.py", text), env=project.environment(**more)).stderr == ""


def test_a_program_without_a_standard_error_ends_as_it_would(project):
    program = project.write("program.py", "os.close(2)\npure(abs)(-1)\n")
    assert project.run(program, env=project.environment(MOPS_SUMMARY="1")).returncode == 0


def test_a_fork_that_ends_like_a_program_is_not_summed_up(project):
    text = "pure(abs)(-1)\nif pid := os.fork():\n    os.waitpid(pid, 0)\n"
    told = project.run(project.write("program.py", text), env=project.environment(MOPS_SUMMARY="1")).stderr
    assert told.count("mops:") == 1
