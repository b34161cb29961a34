"""The memoized function of the simulation: its values, its exceptions, and the values that cannot be stored."""

from typing import Any, final

from mops.core.errors import UnserializableError
from mops.core.ports.serializer import Serialized
from mops.core.result import Failure, Success
from tests.simulation.world import Execution, World


class Unlucky(Exception):
    """What the function raises."""


@final
class PlainSerializer:
    """Bytes are stored as they are; some values refuse."""

    codec = "plain"

    def dumps(self, value: Any, /) -> Serialized:
        if value.endswith(b"unserializable"):
            raise UnserializableError("this value holds a lock")
        return Serialized([value])

    def loads(self, buffers: Any, /, files: Any = (), codec: str = "") -> bytes:
        return b"".join(bytes(buffer) for buffer in buffers)


def outcome_of(world: World, execution: Execution) -> Success[bytes] | Failure:
    """What an execution comes to, once its time has passed."""
    if world.has("errors") and world.random.random() < 0.3:
        return Failure(Unlucky(f"execution {execution.number}"))
    if world.has("unserializable") and world.random.random() < 0.5:
        execution.value += b"unserializable"
    return Success(execution.value)
