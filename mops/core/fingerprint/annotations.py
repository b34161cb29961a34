"""What the annotations of a class say, as text, and the classes of the author's that they name.

Dataclasses, attrs, pydantic, typed dictionaries and whatever else reads annotations makes behaviour of them. So those
of a class count; those of a function do not. None is evaluated: a name in a text is looked up in the class's module.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, ForwardRef, Literal

from mops.core.fingerprint.members import ATOMS, entry_of, is_type_expression
from mops.core.fingerprint.surroundings import Scope

_NAMES = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_RESOLVED = (("__attrs_attrs__", "type"), ("__pydantic_fields__", "annotation"), ("model_fields", "annotation"))
_TYPING = ("typing", "typing_extensions")


def annotations_of(kind: type) -> Iterator[tuple[str, object]]:
    """Name and annotation of everything that the body of a class annotates, as far as they were evaluated already."""
    inside = vars(kind)
    annotations = inside.get("__annotations__")
    if isinstance(annotations, Mapping):
        yield from annotations.items()
    for table, attribute in _RESOLVED:
        fields = inside.get(table)
        if isinstance(fields, tuple):
            fields = {field.name: field for field in fields}
        if isinstance(fields, Mapping):
            yield from ((name, entry_of(field, attribute)) for name, field in fields.items())


class Annotations:
    """Describes the annotations of one class.

    Args:
        scope: the names of its module.
        reach: counts a class, or a value that an annotation holds; gives its name.
    """

    def __init__(self, scope: Scope, reach: Callable[[Any], str]) -> None:
        self._scope = scope
        self._reach = reach
        self._open: set[int] = set()

    def text(self, annotation: Any) -> str:
        """An annotation as text, with what the names in it stand for."""
        kind = type(annotation)
        if kind is str:
            return self._of_text(annotation)
        if kind in ATOMS:
            return repr(annotation)
        if issubclass(kind, type):
            return self._reach(annotation)
        if id(annotation) in self._open:
            return "..."
        self._open.add(id(annotation))
        try:
            return self._of_expression(annotation)
        finally:
            self._open.remove(id(annotation))

    def _of_expression(self, annotation: Any) -> str:
        if isinstance(annotation, (list, tuple)):
            return f"[{', '.join(map(self.text, annotation))}]"
        if isinstance(annotation, ForwardRef):
            return self._of_text(annotation.__forward_arg__)
        if is_type_expression(annotation):
            return self._of_arguments(annotation)
        if type(annotation).__module__ not in _TYPING:
            return self._reach(annotation)
        for name in ("__supertype__", "__value__"):  # of a new type; of an alias
            try:
                return f"{annotation.__name__}={self.text(getattr(annotation, name))}"
            except (AttributeError, NameError):  # it has none; it names what is not there yet
                continue
        return repr(annotation)

    def _of_arguments(self, annotation: Any) -> str:
        origin = getattr(annotation, "__origin__", None)
        of_argument = self._of_value if origin is Literal else self.text
        arguments = ", ".join(map(of_argument, annotation.__args__))
        metadata = ", ".join(map(self._of_value, getattr(annotation, "__metadata__", ())))
        return f"{self.text(origin)}[{arguments}]({metadata})"

    def _of_value(self, value: Any) -> str:
        return repr(value) if type(value) in ATOMS else self._reach(value)

    def _of_text(self, text: str) -> str:
        found = dict.fromkeys(self._named(each) for each in _NAMES.findall(text))
        return f"{text!r}({', '.join(name for name in found if name)})"

    def _named(self, path: str) -> str:
        first, *rest = path.split(".")
        value = self._scope.get(first)
        for name in rest:
            value = value.__dict__.get(name) if isinstance(value, ModuleType) else None
        known = issubclass(type(value), type) or is_type_expression(value) or type(value).__module__ in _TYPING
        return self.text(value) if known else ""
