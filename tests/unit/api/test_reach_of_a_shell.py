"""A Shell that cannot reach a root is never started on it."""

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.core.errors import ConfigurationError
from mops.testing import tasks


class Islander:
    """Reaches one root."""

    def __init__(self, root):
        self.root, self.started = root, []

    def __call__(self, argv):
        self.started.append(argv)

    def check_reach(self, root):
        if root != self.root:
            raise ConfigurationError(f"{root} is beyond the sea")


@pytest.mark.parametrize("submitted", [False, True])
def test_nothing_is_claimed_or_started_on_a_root_out_of_reach(tmp_path, submitted):
    shell = Islander("file:///elsewhere")
    add = use_runner(MemoizingPicklingRunner(shell, tmp_path))(tasks.add)
    with pytest.raises(ConfigurationError, match="beyond the sea"):
        add.submit(1).result() if submitted else add(1)
    assert not shell.started
    assert not list(tmp_path.rglob("e1"))
