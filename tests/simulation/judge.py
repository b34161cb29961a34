"""Whether what happened in a simulation may happen."""

from collections import Counter, defaultdict
from typing import Any

from mops.core.call import Answer
from mops.core.claim import FAILED, Adoption, End, Leave, LogRecord, read_log_record
from mops.core.envelope import unseal
from mops.core.errors import CallCancelled, CorruptBlob, StoreError
from mops.core.failure import FailureRecord
from mops.core.result import Failure, Success
from tests.simulation.callers import HASTY, Caller
from tests.simulation.process import FOLDER
from tests.simulation.world import MEMO, SILENT_TIMEOUT, Execution, World

LONGEST_LOOK = 1.0
SLACK = 5.0
"""Seconds by which patience may be exceeded beside one operation that is not answered: timers are late."""
FAILING = (
    "errors",
    "crash",
    "childkill",
    "starting",
    "corrupt",
    "payload",
    "unserializable",
    "full",
    "partition",
    "chaos",
)


def judge(world: World, callers: list[Caller], *, harmless: bool) -> None:
    """Note every violation of the promises in ``world.violations``."""
    generations = _generations(world)
    for caller in callers:
        _judge_caller(world, caller, generations)
    _one_result_a_generation(world, callers, generations)
    _executions(world, generations, harmless=harmless)
    _logs(world)
    _nothing_is_held(world)
    if world.has("errors") and not world.has("pause", "crash", "cancel", "outage"):
        _holders_get_their_failures(world, callers)


def _generations(world: World) -> dict[int, int]:
    """Epoch -> the generation that it was claimed for, as its claim was written."""
    found = {}
    for key, data in world.blobs.first.items():
        slot = key[len(FOLDER) :]
        if key.startswith(FOLDER) and slot[0] == "e" and "." not in slot:
            found[int(slot[1:])] = int(unseal(data, owner=MEMO.digest, slot=slot).header()["generation"])
    return found


def _execution_of(world: World, value: bytes) -> Execution | None:
    return next((execution for execution in world.executions if execution.value == value), None)


# ------------------------------------------------------------------------------------------------ what callers got
def _judge_caller(world: World, caller: Caller, generations: dict[int, int]) -> None:
    if caller.process.alive and not caller.done:
        world.violate("a caller is stuck")
    for began, answer in caller.answers:
        if isinstance(answer, BaseException):
            _judge_exception(world, caller, answer)
        elif isinstance(answer.result, Success):
            _judge_value(world, began, answer.result.value, generations)
        else:
            _judge_failure(world, began, answer.result)


def _judge_exception(world: World, caller: Caller, error: BaseException) -> None:
    asked_for = caller.interrupted and isinstance(error, CallCancelled | KeyboardInterrupt)
    out_of_reach = isinstance(error, StoreError) and not isinstance(error, CorruptBlob)
    excused = world.has("impatient", "owing", "full") and out_of_reach and not caller.steadfast
    if world.has("blackout") and out_of_reach:
        excused = _gave_up_a_first_look(world, caller)
    if not asked_for and not excused:
        world.violate(f"{type(error).__name__} escaped")


def _gave_up_a_first_look(world: World, caller: Caller) -> bool:
    """Whether the call began when the store was out of reach, or so little before that it had claimed nothing."""
    (begin, end, _), *_ = world.outages
    longest = HASTY + SLACK + (SILENT_TIMEOUT if world.has("silent") else 0.0)
    return begin - LONGEST_LOOK <= caller.began < end and caller.ended - caller.began <= longest


def _judge_value(world: World, began: float, value: bytes, generations: dict[int, int]) -> None:
    execution = _execution_of(world, value)
    if execution is None or execution.epoch not in generations:
        world.violate("an answer that nobody computed")
        return
    generation = generations[execution.epoch]
    voids = [(int(key[len(FOLDER) + 1 :]), at) for key, at in world.blobs.voided_at.items()] + world.voids
    if any(voided >= generation and at < began for voided, at in voids):
        world.violate("a voided value was served")


def _judge_failure(world: World, began: float, failure: Failure | FailureRecord) -> None:
    if not world.has(*FAILING):
        world.violate("a failure though nothing failed")
    message = failure.message if isinstance(failure, FailureRecord) else str(failure.exception)
    ended = world.blobs.ended_at.get(message)
    if ended is not None and ended < began:
        world.violate("a failure from before the call")


def _one_result_a_generation(world: World, callers: list[Caller], generations: dict[int, int]) -> None:
    values = defaultdict(set)
    for caller in callers:
        for _, answer in caller.answers:
            if isinstance(answer, Answer) and isinstance(answer.result, Success) and not caller.unstored:
                execution = _execution_of(world, answer.result.value)
                if execution is not None and execution.epoch in generations:
                    values[generations[execution.epoch]].add(answer.result.value)
    if any(len(different) > 1 for different in values.values()):
        world.violate("two results of one generation")


# ------------------------------------------------------------------------------------------------ what was run
def _executions(world: World, generations: dict[int, int], *, harmless: bool) -> None:
    if any(execution.epoch not in generations for execution in world.executions):
        world.violate("executed without a claim")
        return
    counted = Counter(generations[e.epoch] for e in world.executions if e.epoch not in world.given_up)
    if harmless and any(count > 1 for count in counted.values()):
        world.violate("executed twice though nothing failed")
    if world.has("preempt") and f"{FOLDER}e2" in world.blobs.blobs:
        world.violate("taken over though the engine replaces the remote")
    for execution in world.executions:
        published = world.blobs.published_at.get(f"{FOLDER}r{generations[execution.epoch]}")
        if published is not None and published < execution.began:
            world.violate("executed though its result was there to be seen")


# ------------------------------------------------------------------------------------------------ what was written
def _log(world: World, epoch: int) -> list[tuple[LogRecord, Any]]:
    """The records of an epoch as they were written, each with its header."""
    records: list[tuple[LogRecord, Any]] = []
    while (data := world.blobs.first.get(f"{FOLDER}e{epoch}.{len(records) + 1}")) is not None:
        slot = f"e{epoch}.{len(records) + 1}"
        records.append((read_log_record(MEMO, slot, data), unseal(data, owner=MEMO.digest, slot=slot).header()))
    return records


def _logs(world: World) -> None:
    """Nothing follows an end, and a failed remote ends no epoch that another has adopted."""
    for epoch in _generations(world):
        log = _log(world, epoch)
        ends = [i for i, (record, _) in enumerate(log) if isinstance(record, End)]
        if ends and ends[0] != len(log) - 1 and not world.has("corrupt"):
            world.violate("something follows an end")
        adopters = [record.session for record, _ in log if isinstance(record, Adoption)]
        for i in ends:
            record, header = log[i]
            assert isinstance(record, End)
            if record.why == FAILED and header["session"] in adopters and header["session"] != adopters[-1]:
                world.violate("a remote ended an epoch that another had adopted")


def _nothing_is_held(world: World) -> None:
    """Who lives, or ended of its own will, has left every epoch that he claimed."""
    for process in world.processes.values():
        if process.alive and process.table - process.owed:
            world.violate("an epoch stays in the table of its session")
    for epoch, generation in _generations(world).items():
        slot = f"e{epoch}"
        header = unseal(world.blobs.first[FOLDER + slot], owner=MEMO.digest, slot=slot).header()
        process = world.sessions[header["session"]]
        log = [record for record, _ in _log(world, epoch)]
        over = f"{FOLDER}r{generation}" in world.blobs.blobs or any(isinstance(record, End) for record in log)
        left = any(isinstance(record, Leave) for record in log)
        owed = any(key.startswith(FOLDER + slot) for key in process.owed)
        if process.alive and not over and not left and not owed and not world.blobs.damaged:
            world.violate("a claim is left open")


def _holders_get_their_failures(world: World, callers: list[Caller]) -> None:
    """Whoever holds an epoch that failed is told so."""
    messages = defaultdict(set)
    for caller in callers:
        for _, answer in caller.answers:
            failure = answer.result if isinstance(answer, Answer) else None
            if isinstance(failure, FailureRecord):
                messages[caller.process.session].add(failure.message)
            elif isinstance(failure, Failure):
                messages[caller.process.session].add(str(failure.exception))
    for epoch in _generations(world):
        slot = f"e{epoch}"
        holder = unseal(world.blobs.first[FOLDER + slot], owner=MEMO.digest, slot=slot).header()["session"]
        for record, _ in _log(world, epoch):
            if isinstance(record, End) and record.failure and record.failure.message not in messages[holder]:
                world.violate("a holder was not told of the failure of its epoch")
