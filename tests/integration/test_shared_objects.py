"""Shared objects through real processes: one blob, whatever the number of calls."""

import pytest

SHELLS = ["SubprocessShell()", "ForkServerShell()"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_model_is_stored_once_for_each_of_its_states(project, shell):
    project.write(
        "stage.py",
        f"""
        runner = MemoizingPicklingRunner({shell}, root)

        @use_runner(runner, shared=("model",))
        def score(model, x):
            return sum(model["weights"]) + x

        @use_runner(runner)
        def size(of):
            return len(of["model"]["weights"])
    """,
    )
    out = project.script("""
        from stage import runner, score, size

        model = runner.shared({"weights": list(range(1000)), "state": 0})
        print(list(score.map([model] * 3, range(3))))
        print(size({"model": model, "again": model}))
        model["weights"].append(1)
        print(score(model, 0), size({"model": model, "again": model}))
    """)
    assert out == "[499500, 499501, 499502]\n1000\n499501 1001\n"
    blobs = [path for path in (project.root / "mops1" / "blob").rglob("*") if path.is_file()]
    assert len(blobs) == 2  # the model before and after
