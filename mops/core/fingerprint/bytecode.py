"""What a code object does and which names it speaks, read from its bytecode.

Two rules. Everything that can change what the code computes is in its digest; nothing that only says where the code
stands is: no file, no line, no docstring, no comment. And reading runs nothing.

The docstring shares the table of constants with values, and where it stands there differs between interpreters. So
constants are renumbered by their first use, and one that no instruction uses (the docstring) is not there at all.
"""

from collections.abc import Iterable
from opcode import EXTENDED_ARG, hasconst, hasjabs, hasjrel, opmap
from types import CodeType
from typing import Any

from blake3 import blake3

_CONSTANT_USERS = frozenset(hasconst)
_SMALL_INT = opmap.get("LOAD_SMALL_INT", -1)  # 3.14: a constant without an entry in the table
_JUMPS = frozenset((*hasjrel, *hasjabs))
_STORE_GLOBALS = frozenset((opmap["STORE_GLOBAL"], opmap["DELETE_GLOBAL"]))
_STORE_ATTRIBUTES = frozenset((opmap["STORE_ATTR"], opmap["DELETE_ATTR"]))
_STORE_DEREF = opmap["STORE_DEREF"]
_STORE_NAME = opmap["STORE_NAME"]
_IMPORT_NAME = opmap["IMPORT_NAME"]
# The low bit of some operands is a flag; what remains is the index of the name.
_ROOT_SHIFTS = {opmap["LOAD_GLOBAL"]: 1, opmap["LOAD_NAME"]: 0, opmap.get("LOAD_FROM_DICT_OR_GLOBALS", -1): 0}
_ATTRIBUTE_SHIFT = 0 if "PRECALL" in opmap else 1  # an operation of 3.11, where LOAD_METHOD is one of its own
_ATTRIBUTE_SHIFTS = {opmap["LOAD_ATTR"]: _ATTRIBUTE_SHIFT, opmap.get("LOAD_METHOD", -1): 0}
_HAS_DOCSTRING = 0x4000000  # a flag of 3.13
# What the body of a class stores about its place in the file.
_PLACE_NAMES = frozenset(("__doc__", "__firstlineno__", "__static_attributes__"))


# An import statement inside a function, as written: level, module, names. ``from ..module import names`` has level 2.
Import = tuple[int, str, tuple[str, ...]]


class Reading:
    """What one code object says, nested code objects included.

    Attributes:
        digest: of everything that decides what the code does.
        paths: dotted names that start at a global, in order of first use: ``("helpers", "run")``.
        words: attributes named on whatever object, and string constants: what a module that was put into a variable,
            or given to ``getattr``, may be asked for.
        stored: globals that the code itself assigns or deletes.
        filled: those among them to which it assigns something other than None, for all that is easily seen.
        attributes: names under which it assigns or deletes attributes of whatever object.
        assigned: variables of enclosing functions that it assigns.
        imports: the import statements.
    """

    __slots__ = ("assigned", "attributes", "digest", "filled", "imports", "paths", "stored", "words")

    def __init__(self, code: CodeType) -> None:
        self.paths: dict[tuple[str, ...], None] = {}
        self.words: set[str] = set()
        self.stored: set[str] = set()
        self.filled: set[str] = set()
        self.attributes: set[str] = set()
        self.assigned: set[str] = set()
        self.imports: list[Import] = []
        self.digest = self._read(code)

    def _read(self, code: CodeType) -> bytes:
        instructions = _instructions(code.co_code)
        self._collect_names(code, instructions)
        body = bytearray(code.co_code)
        constants: dict[int, int] = {}
        operands: list[int] = []
        for at, used in _used_constants(code, instructions):
            body[at + 1] = 0
            operands.append(-1 if used is None else constants.setdefault(used, len(constants)))
        values = (self._constant(code.co_consts[index]) for index in constants)
        return framed_digest((bytes(body), repr(operands).encode(), _shape(code), *values))

    def _collect_names(self, code: CodeType, instructions: list[tuple[int, int, int]]) -> None:
        names = code.co_names
        path: tuple[str, ...] = ()
        for index, (_, operation, operand) in enumerate(instructions):
            if operation in _ATTRIBUTE_SHIFTS:
                name = names[operand >> _ATTRIBUTE_SHIFTS[operation]]
                self.words.add(name)
                path = (*path, name) if path else path
                continue
            if path:
                self.paths[path] = None
                path = ()
            if operation in _ROOT_SHIFTS:
                path = (names[operand >> _ROOT_SHIFTS[operation]],)
            elif operation in _STORE_GLOBALS:
                self.stored.add(names[operand])
                if not _only_resets(code, instructions, index):
                    self.filled.add(names[operand])
            elif operation in _STORE_ATTRIBUTES:
                self.attributes.add(names[operand])
            elif operation == _STORE_DEREF:
                self.assigned.add(code._varname_from_oparg(operand))  # type: ignore[attr-defined]  # noqa: SLF001
            elif operation == _IMPORT_NAME:
                level, wanted = (_pushed(code, each) for each in instructions[index - 2 : index])
                self.imports.append((level or 0, names[operand], wanted or ()))

    def _constant(self, value: object) -> bytes:
        kind = type(value)
        if kind is str:
            self.words.add(value)  # type: ignore[arg-type]
        elif isinstance(value, CodeType):
            return b"code:" + self._read(value)
        elif isinstance(value, tuple):
            return b"tuple:" + framed_digest(map(self._constant, value))
        elif isinstance(value, frozenset):
            return b"frozenset:" + framed_digest(sorted(map(self._constant, value)))
        elif isinstance(value, slice):
            return b"slice:" + framed_digest(map(self._constant, (value.start, value.stop, value.step)))
        elif kind is int:
            return b"int:" + hex(value).encode()  # type: ignore[arg-type]  # decimal digits are limited to 4,300
        return f"{kind.__name__}:{value!r}".encode()


def framed_digest(parts: Iterable[bytes]) -> bytes:
    """The 32-byte BLAKE3 digest of a sequence of byte strings; other sequences have other digests."""
    return blake3(b"".join([piece for part in parts for piece in (len(part).to_bytes(8, "big"), part)])).digest()


def _instructions(raw: bytes) -> list[tuple[int, int, int]]:
    """Offset, operation and whole operand of each instruction, without inline caches (operation 0)."""
    found = []
    extended = 0
    for at, operation, operand in zip(range(0, len(raw), 2), raw[::2], raw[1::2], strict=True):
        if operation == EXTENDED_ARG:
            extended = (extended | operand) << 8
        elif operation:
            found.append((at, operation, extended | operand))
            extended = 0
    return found


def _used_constants(code: CodeType, instructions: list[tuple[int, int, int]]) -> list[tuple[int, int | None]]:
    """Offset of each instruction that uses a constant, and the constant's index; None for one that says a place."""
    stores = ((at, code.co_names[operand]) for at, operation, operand in instructions if operation == _STORE_NAME)
    places = {at - 2 for at, name in stores if name in _PLACE_NAMES}
    used = [(at, index) for at, operation, index in instructions if operation in _CONSTANT_USERS and at not in places]
    return [*used, *((at, None) for at in sorted(places))]


def _pushed(code: CodeType, instruction: tuple[int, int, int]) -> Any:
    """The value that an instruction before an import pushes."""
    _, operation, operand = instruction
    return operand if operation == _SMALL_INT else code.co_consts[operand]


def _only_resets(code: CodeType, instructions: list[tuple[int, int, int]], index: int) -> bool:
    """Whether an instruction can only store None; not where code jumps, since it may jump there with something else."""
    _, operation, operand = instructions[index - 1]
    if operation not in _CONSTANT_USERS or operation == _SMALL_INT or code.co_consts[operand] is not None:
        return False
    return not any(each in _JUMPS for _, each, _ in instructions)


def _shape(code: CodeType) -> bytes:
    """What surrounds the instructions: names, arguments, flags, and which range handles which exception."""
    return repr(
        (
            code.co_name,
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_cellvars,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags & ~_HAS_DOCSTRING,
            code.co_exceptiontable,
        )
    ).encode()
