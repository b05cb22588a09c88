"""What a server that runs answers from a database that is full, and how soon; and how soon one starts."""

import http.client
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tests import postgresql as servers
from tests.e2e.running import ServerProcess, environment_for

from .filling import SECONDS_EACH, fill

_TRIES: Final = 15
_STARTS: Final = 5
_MILLION: Final = 1_000_000


class Question(NamedTuple):
    """Something to ask for.

    Attributes:
        name: as the table has it.
        path: the path of the URL, of an object's id.
    """

    name: str
    path: Callable[[int], str]


QUESTIONS: Final = (
    Question(f"/timelines, {SECONDS_EACH} rows", lambda number: f"/timelines?objectId={number}"),
    Question("/objects/{id}/visits", lambda number: f"/objects/{number}/visits"),
    Question("/objects/{id}/sightings, first page", lambda number: f"/objects/{number}/sightings"),
    Question("/objects, first page", lambda _number: "/objects"),
)


class Answered(NamedTuple):
    """How soon a question was answered, milliseconds to the first byte; medians.

    Attributes:
        engine: of which database.
        question: what was asked for.
        cold: nothing of what is asked for being in memory.
        warm: once more.
        whole: to the last byte, warm.
    """

    engine: str
    question: str
    cold: float
    warm: float
    whole: float


class Filled(NamedTuple):
    """A database that was filled.

    Attributes:
        engine: which.
        rows: how many rows of sightings it has.
        seconds: how long it took to fill.
        megabytes: how large it is for each million rows, indexes included.
    """

    engine: str
    rows: int
    seconds: float
    megabytes: float


@contextmanager
def databases(engines: list[str], folder: Path) -> Iterator[list[tuple[str, str, Path]]]:
    """An empty database of each of `engines`: its name, its URL, and where its files are."""
    found = [("SQLite", f"sqlite:///{folder / 'orchestrator.db'}", folder)] if "sqlite" in engines else []
    if "postgresql" not in engines:
        yield found
        return
    with servers.running(durable=True) as server:
        url = server.new_database()
        yield [*found, ("PostgreSQL", url, Path(url.partition("host=")[2]) / "data")]


def ask(engine: str, address: str, files: Path, objects: int) -> tuple[Filled, list[Answered]]:
    """Fill a database with so many objects and ask of it."""
    began = time.perf_counter()
    fill(address, objects)
    filled = Filled(engine, objects * SECONDS_EACH, time.perf_counter() - began, _size(files) / objects / SECONDS_EACH)
    answered: list[Answered] = []
    with _server(address) as server:
        url = urlsplit(server.urls.plain)
        for offset, question in enumerate(QUESTIONS):
            cold, warm, whole = [], [], []
            connection = http.client.HTTPConnection(url.hostname or "", url.port)
            for number in range(_TRIES + 1):
                # Another object each time, and of a time of its own.
                path = question.path(1 + (number * 617 + offset * 131) % objects)
                _forget(files)
                cold.append(_first_byte(connection, path)[0])
                first, last = _first_byte(connection, path)
                warm.append(first)
                whole.append(last)
            # The first try also warms the server's code up.
            medians = [statistics.median(each[1:]) * 1000 for each in (cold, warm, whole)]
            answered.append(Answered(engine, question.name, *medians))
            connection.close()
    return filled, answered


def start(address: str, past: int, live: int) -> float:
    """Seconds from the start of a server to the moment it listens, on a database of so many objects; the median."""
    fill(address, past, rows=False, live=live)
    took = []
    for _ in range(_STARTS):
        began = time.perf_counter()
        with _server(address):
            took.append(time.perf_counter() - began)
    return statistics.median(took)


@contextmanager
def _server(address: str) -> Iterator[ServerProcess]:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(environment_for(Path(folder), DATABASE_URL=address), Path(folder))
        try:
            yield server
        finally:
            server.stop()


def _first_byte(connection: http.client.HTTPConnection, path: str) -> tuple[float, float]:
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read(1)
    first = time.perf_counter() - began
    answer.read()
    assert answer.status == http.client.OK, (path, answer.status)
    return first, time.perf_counter() - began


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _size(folder: Path) -> int:
    """Bytes of the database, without the log that is written ahead of it."""
    return sum(path.stat().st_size for path in _files(folder) if "pg_wal" not in path.parts and "-wal" not in path.name)


def _forget(folder: Path) -> None:
    """Let the system drop its copies of what is in these files; the database's own are few beside it."""
    for path in _files(folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
