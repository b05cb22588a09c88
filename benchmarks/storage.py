"""`python -m benchmarks.storage`: how fast the store is, as a Markdown table on standard output.

recording   a recorder on SQLite, and what the event loop notices
filling     databases with many rows
archive     answers of a server from such a database, and its start
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import trio

from .archive import ask, databases, start
from .filling import SECONDS_EACH
from .machine import describe
from .recording import SCENES, record

_ENGINES = ("sqlite", "postgresql")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line names, everything where it names nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description="Measure the store.")
    parser.add_argument("parts", nargs="*", choices=["record", "ask", "start"], help="what to measure")
    parser.add_argument("--seconds", type=float, default=60, help="of recording, each scene (default: 60)")
    parser.add_argument("--rows", type=int, default=10_000_000, help="in the database asked (default: 10,000,000)")
    parser.add_argument("--engine", choices=_ENGINES, action="append", help="only this one")
    parser.add_argument("--folder", type=Path, help="where the SQLite files go (default: the temporary folder)")
    options = parser.parse_args(arguments)
    parts = options.parts or ["record", "ask", "start"]
    engines = options.engine or list(_ENGINES)
    _print_machine()
    if "record" in parts:
        _print_recording(options.seconds)
    for part, measure in (("ask", _print_answers), ("start", _print_starts)):
        if part in parts:
            with tempfile.TemporaryDirectory(prefix="storage-", dir=options.folder) as folder:
                measure(engines, Path(folder), options.rows)
    return 0


def _print_machine() -> None:
    found = describe()
    _say(f"{found['processor']}, {found['memory']}, {found['kernel']}, {found['Python']}\n")


def _print_recording(seconds: float) -> None:
    rows = []
    for scene in SCENES:
        done = trio.run(record, scene, seconds)
        waiting = f"{done.waiting[0]}, {done.waiting[1]}"
        late = f"{done.median:.2f} / {done.p99:.2f} / {done.worst:.1f}"
        rows.append((done.scene, f"{done.taken:,.0f}", f"{done.rows:,.0f}", late, waiting))
    _print_table(
        ("scene", "sightings/s", "rows/s", "loop late, ms: median / p99 / worst", "rows waiting: 2nd, 3rd third"), rows
    )


def _print_answers(engines: list[str], folder: Path, rows: int) -> None:
    filled, answered = [], []
    with databases(engines, folder) as found:
        for engine, address, files in found:
            fullness, answers = ask(engine, address, files, rows // SECONDS_EACH)
            filled.append((engine, f"{fullness.rows:,}", f"{fullness.megabytes:.0f}", f"{fullness.seconds:.0f}"))
            answered += [
                (each.engine, each.question, f"{each.cold:.1f}", f"{each.warm:.1f}", f"{each.whole:.1f}")
                for each in answers
            ]
    _print_table(("engine", "rows", "MB per million rows", "filled in s"), filled)
    _print_table(("engine", "question", "first byte cold, ms", "warm", "last byte warm"), answered)


def _print_starts(engines: list[str], folder: Path, _rows: int) -> None:
    with databases(engines, folder) as found:
        starts = [(engine, f"{start(address, 100_000, 1_000):.2f}") for engine, address, _ in found]
    _print_table(("engine", "start with 100,000 past and 1,000 live objects, s"), starts)


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for cells in (head, ["---"] * len(head), *rows):
        _say(f"| {' | '.join(cells)} |")
    _say("")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
