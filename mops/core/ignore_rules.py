"""Patterns in the grammar of ``.gitignore``: which names of a folder they mean.

What git documents holds: of several patterns that match, the last one decides; one without a slash, but at its end,
matches at any depth; ``*`` and ``?`` match no slash, ``**`` does; a slash at the end means folders alone; ``!`` takes
back what an earlier pattern said. That nothing can be taken back below a folder that is ignored is up to whoever walks
the folders: he does not enter one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple, final

_MEMBER: Final = r"\[:[a-z]+:\]|\\.|[^\]\\]"
_TOKEN: Final = re.compile(rf"\\(.)|(\*{{2,}}/)|(/\*{{2,}}\Z)|(\*+)|(\?)|\[([!^]?)(\]?(?:{_MEMBER})*)\]|(.)", re.DOTALL)
_MEMBERS: Final = re.compile(rf"{_MEMBER}|\]", re.DOTALL)
_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-.:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_WILD: Final = re.compile(r"[*?\[\\]")
_NOTHING: Final = "(?!)"


class _Line(NamedTuple):
    """One pattern: a regular expression, what it says of what it matches, and whether it says that of folders alone."""

    expression: str
    verdict: bool
    folders_alone: bool


@final
class Patterns:
    """The lines of one file of patterns.

    Args:
        lines: as they stand there; comments and empty lines mean nothing.
    """

    __slots__ = ("_groups",)
    _groups: list[tuple[bool, re.Pattern[str], re.Pattern[str]]]

    def __init__(self, lines: Iterable[str]) -> None:
        read = filter(None, map(_read, lines))
        # Those that say the same are one expression: a walk asks for each of its files.
        groups = [(verdict, list(group)) for verdict, group in groupby(read, lambda line: line.verdict)]
        self._groups = [
            (verdict, _any_of(line for line in group if not line.folders_alone), _any_of(group))
            for verdict, group in reversed(groups)
        ]

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """What the last pattern that matches says; ``None`` where none does.

        Args:
            path: relative to where the patterns stand, joined by ``/``.
            is_folder: it is the one of a folder.
        """
        for verdict, for_files, for_folders in self._groups:
            if (for_folders if is_folder else for_files).match(path):
                return verdict
        return None


def is_ignored(scopes: Sequence[tuple[int, Patterns]], path: str, *, is_folder: bool) -> bool:
    """Whether patterns in the folders above a path mean it. Those nearest to it come last, and decide first.

    Args:
        scopes: the length of a folder's path, its slash included, by which `path` starts; and the patterns in there.
        path: joined by ``/``.
        is_folder: it is the one of a folder.
    """
    for length, patterns in reversed(scopes):
        verdict = patterns.verdict(path[length:], is_folder=is_folder)
        if verdict is not None:
            return verdict
    return False


def _any_of(lines: Iterable[_Line]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{line.expression})" for line in lines) or _NOTHING, re.DOTALL)


def _read(line: str) -> _Line | None:
    text = re.sub(r"(?<!\\)((?:\\\\)*)[ \t]+\Z", r"\1", line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    taken_back = text.startswith("!")
    text = text.removeprefix("!")
    folders_alone = text.endswith("/")
    text = text.removesuffix("/")
    if not text:
        return None
    anywhere = "" if "/" in text else r"(?:.*/)?"
    expression = "".join(_translated(text.removeprefix("/")))
    return _Line(rf"{anywhere}{expression}\Z", not taken_back, folders_alone)


def _translated(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        escaped, folders, everything, stars, one, negated, inside, literal = token.groups()
        if folders:
            before = text[: token.start()]
            # Git takes a beginning without wildcards off first: what follows it is a beginning, too.
            yield r"[^/]*/" if before[-1:] != "/" and _WILD.search(before) else r"(?:.*/)?"
        elif everything:
            yield r"/.+"
        elif stars:
            yield r".*" if token.group() == text == "**" else r"[^/]*"
        elif one:
            yield r"[^/]"
        elif inside:
            yield _one_of(inside, negated=bool(negated))
        else:  # a backslash at the end, or a bracket that is not closed, matches nothing
            yield _NOTHING if literal in {"\\", "["} else re.escape(escaped or literal or token.group())


def _one_of(inside: str, *, negated: bool) -> str:
    """A class of characters. With a name in it that git does not know it has no members, nor has a range backwards."""
    tokens = _MEMBERS.findall(inside)
    members = []
    while tokens:
        token = tokens.pop(0)
        if len(token) > 2:
            if token[2:-2] not in _CLASSES:
                return _NOTHING
            members.append(_CLASSES[token[2:-2]])
        elif len(tokens) > 1 and tokens[0] == "-" and len(tokens[1]) <= 2:
            first, last = token[-1], tokens[1][-1]
            del tokens[:2]
            members.append(re.escape(first) + (f"-{re.escape(last)}" if first <= last else ""))
        else:
            members.append(re.escape(token[-1]))
    return rf"(?!/)[{'^' if negated else ''}{''.join(members)}]"
