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

_TOKEN: Final = re.compile(r"\\(.)|(\*\*/)|(/\*\*\Z)|(\*+)|(\?)|\[([!^]?)(\]?[^\]]*)\]|(.)", re.DOTALL)


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
    return re.compile("|".join(f"(?:{line.expression})" for line in lines) or r"(?!)", re.DOTALL)


def _read(line: str) -> _Line | None:
    text = re.sub(r"(?<!\\)[ \t]+\Z", "", line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    taken_back = text.startswith("!")
    text = text.removeprefix("!")
    folders_alone = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    anywhere = "" if "/" in text else r"(?:.*/)?"
    expression = "".join(_translated(text.removeprefix("/")))
    return _Line(rf"{anywhere}{expression}\Z", not taken_back, folders_alone)


def _translated(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        escaped, folders, everything, stars, one, negated, inside, literal = token.groups()
        if folders:
            yield r"(?:.*/)?" if token.start() == 0 or text[token.start() - 1] == "/" else r"[^/]*/"
        elif everything:
            yield r"/.+"
        elif stars:
            yield r".*" if token.group() == text == "**" else r"[^/]*"
        elif one:
            yield r"[^/]"
        elif inside:
            yield _one_of(inside, negated=bool(negated))
        else:
            yield re.escape(escaped or literal or token.group())


def _one_of(inside: str, *, negated: bool) -> str:
    members = re.sub(r"([\[\]\\^&~|])", r"\\\1", inside.replace("\\", ""))
    expression = rf"(?!/)[{'^' if negated else ''}{members}]"
    try:
        re.compile(expression)
    except re.error:
        return "(?!)"  # a range that runs backwards: git says that nothing matches
    return expression
