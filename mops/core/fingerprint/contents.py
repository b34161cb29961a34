"""What lies inside a constant: code that counts, and objects of the author's whose attributes may be rebound."""

from types import ModuleType
from typing import Any, NamedTuple

from mops.core.fingerprint.members import ATOMS, elements, instance_entries, is_code, is_container
from mops.core.fingerprint.surroundings import OwnCode

_SEARCHED = 10_000  # objects in one constant; a larger table of functions is over the limit of a constant anyway


class Contents(NamedTuple):
    """What was found in a constant.

    Attributes:
        code: functions and classes that it holds, and classes of the author's that its parts are instances of.
        objects: those instances.
    """

    code: list[Any]
    objects: list[object]


def contents_of(root: object, own: OwnCode) -> Contents:
    """Search a constant: functions in a table, the classes of instances, their callbacks.

    Of a foreign object, only what it holds itself and in its containers is looked at: what lies behind other foreign
    objects (the registry of all loggers, say) depends on what else the process did.
    """
    found = Contents([], [])
    stack, seen = [(root, False)], {id(root)}
    while stack and len(seen) < _SEARCHED:
        value, held_by_foreign = stack.pop()
        if value is not root and is_code(value):
            found.code.append(value)
            continue
        if isinstance(value, ModuleType) and not own.has(value.__name__):
            continue  # `sys` leads to half of the process
        is_own = own.has_class_of(value)
        if is_own:
            found.code.append(type(value))
            found.objects.append(value)
        within = not is_own and (held_by_foreign or not is_container(value))
        for part in reversed([*elements(value), *(each for _, each in instance_entries(value))]):
            if type(part) not in ATOMS and id(part) not in seen and (not within or _leads_on(part, own)):
                seen.add(id(part))
                stack.append((part, within))
    return found


def _leads_on(part: Any, own: OwnCode) -> bool:
    """Whether something that a foreign object holds is worth a look."""
    kind = part if issubclass(type(part), type) else type(part)
    return is_container(part) or own.has(str(kind.__module__)) or (is_code(part) and kind is not part)
