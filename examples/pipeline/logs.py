"""The data: access logs, made once, the same on every machine."""

from pathlib import Path
from random import Random

_PAGES = {"/": 12.0, "/search": 80.0, "/basket": 35.0, "/api/stock": 20.0}  # milliseconds
_AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone)", "Googlebot/2.1", "curl/8.4.0")
_LINES = 12_000


def make_logs(folder: Path, days: int = 12) -> list[Path]:
    """Return one log a day, written where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"access-{day:02}.log" for day in range(1, days + 1)]
    for day, path in enumerate(paths, start=1):
        if not path.exists():
            path.write_text("".join(_lines(day)))
    return paths


def _lines(day: int) -> list[str]:
    random = Random(day)
    lines = []
    for number in range(_LINES):
        second = number * 86_400 // _LINES
        page = random.choice(list(_PAGES))
        status = random.choices((200, 404, 500), (95, 4, 1))[0]
        milliseconds = _PAGES[page] * random.lognormvariate(0.0, 0.6)
        time = f"2026-03-{day:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        lines.append(f'{time} GET {page} {status} {milliseconds:.1f} "{random.choice(_AGENTS)}"\n')
    return lines
