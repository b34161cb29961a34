"""What runs on for nobody: its claim was ended, and whoever did so was killed before he could stop it."""

from pathlib import Path

from mops.api.worlds import world_of
from mops.core.blob_layout import memo_from_folder
from mops.core.claim import CANCELLED, Epoch, close, read_epoch, read_log
from mops.runtime.inline import drive
from tests.integration.test_docker_orchestrators import start_program
from tests.services.docker_jobs import eventually


def epoch_under(root: Path):
    """The only epoch under a root, and what it takes to change it."""
    (claim,) = root.glob("mops1/memo/**/e1")
    memo = memo_from_folder(str(claim.parent.relative_to(root)))
    perform = world_of(str(root), 10.0).perform_waiting
    epoch = drive(read_epoch(memo, 1, 5.0), perform)
    assert isinstance(epoch, Epoch)
    drive(read_log(memo, epoch, 5.0), perform)
    return memo, epoch, perform


def end_claim_under(root: Path) -> None:
    memo, epoch, perform = epoch_under(root)
    assert epoch.log, "a remote has adopted it"
    assert drive(close(memo, epoch, CANCELLED, 5.0), perform)


def test_a_container_whose_claim_was_ended_ends_itself(jobs):
    with start_program(jobs) as program:
        eventually(Path(jobs.signs[0]).exists)
        program.kill()
    end_claim_under(jobs.root)
    eventually(lambda: not jobs.docker.docker("ps", "-q"))
    assert "has ended" in jobs.collect()
    assert not list(jobs.root.glob("mops1/memo/**/r0"))
    assert epoch_under(jobs.root)[1].end.why == CANCELLED, "nothing was written behind the end"
