"""The command: starts the server, lets everybody in for a while, and tells what came of it."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import trio

from . import plot, strangers
from .model import Model
from .peers import Camera, operate, watch
from .sampling import Sample, Sampler, as_json, summary
from .trends import LEAST_SECONDS, trends

CAMERAS: Final = 6
WATCHERS: Final = 3
OPERATORS: Final = 4
TRACKING_SECONDS: Final = 4.0
STOP_SECONDS: Final = 10.0
_SETTLING_SECONDS: Final = 30.0
_LOOKS: Final = 3
"""How often it is looked what the server is at rest: the tasks of the question itself are there, or just are not."""

_BETWEEN_SECONDS: Final = 5.0
"""Longer than it takes until nothing is left of the question before."""

_REST_SECONDS: Final = 2.0 + 2.0 + 2.0 + _BETWEEN_SECONDS
"""How long what is left of peers that have gone may take: the server looks every 2 seconds whether the peer of a
request is still there, gives up on one that is not after 2 more, and closes within 2 (`CLOSE_TIMEOUT`)."""

_DESCRIPTORS_KEPT: Final = 32
"""So many the server opens on its way and keeps: connections to its database, for as many threads as ask it."""

_STRANGERS: Final = {strangers.get_lost: 8, strangers.flood: 1, strangers.read_slowly: 4}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 where nothing was violated and nothing is left over."""
    parser = argparse.ArgumentParser("python -m benchmarks.soak", description="Churn of everything against a model.")
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--output", type=Path, default=Path("soak"), help="folder for soak.json and soak.svg")
    parser.add_argument("--seed", type=int, default=1, help="of all chance (default: 1)")
    parser.add_argument("--server", default=sys.executable, help="the Python that runs the server")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        report, samples = trio.run(_soak, given, Path(folder))
    (given.output / "soak.json").write_text(json.dumps({**report, "samples": as_json(samples)}, indent=1) + "\n")
    drawn = plot.draw(samples, given.output / "soak.svg")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    if not drawn:
        sys.stderr.write("no plot: matplotlib is not installed (extra `bench`)\n")
    return 1 if report["violations"] else 0


class _Server:
    """The server as a process, with a port of its own for `/metrics`."""

    def __init__(self, python: str, folder: Path) -> None:
        own = {
            "HOST": "127.0.0.1",
            "HTTP_PORT": "0",
            "ADMIN_PORT": "0",
            "TRACKING_TIMEOUT": str(TRACKING_SECONDS),
            "DATABASE_URL": f"sqlite:///{folder / 'soak.db'}",
            "LOG_LEVEL": "warning",
            # With an arena for each thread glibc's memory grows for long by what lies idle in them, and hides a leak.
            "MALLOC_ARENA_MAX": "1",
        }
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, "-m", "trio_orchestrator"], env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        self.port, self.admin_port = (int(self._process.stdout.readline().rpartition(b":")[2]) for _ in range(2))

    def stop(self) -> int:
        """End it; its exit status, -9 where it had to be killed."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


async def _soak(given: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], list[Sample]]:
    server = await trio.to_thread.run_sync(_Server, given.server, folder)
    model = Model()
    sampler = Sampler(model, server.admin_port)
    at_rest = await _at_rest(sampler)
    cameras = [f"cam{number}" for number in range(CAMERAS)]
    async with trio.open_nursery() as staying:
        for _ in range(WATCHERS):
            await staying.start(watch, model, server.port, cameras)
        staying.start_soon(sampler.run)
        over = trio.Event()
        async with trio.open_nursery() as churn:
            for number, camera_id in enumerate(cameras):
                churn.start_soon(Camera(model, server.port, camera_id, _chance(given.seed, number)).run, over)
            for number in range(OPERATORS):
                churn.start_soon(operate, model, server.port, cameras, _chance(given.seed, 100 + number), over)
            for what, count in _STRANGERS.items():
                for number in range(count):
                    churn.start_soon(what, server.port, _chance(given.seed, 1000 + number), over)
            await trio.sleep(given.minutes * 60)
            over.set()
        with trio.move_on_after(_SETTLING_SECONDS + TRACKING_SECONDS):
            while not model.settled():  # noqa: ASYNC110 - it is the peers' words that are waited for
                await trio.sleep(0.1)
        model.judge(set(await _stored(server.port)))
        staying.cancel_scope.cancel()
    over_at = trio.current_time()
    left = await _rest(sampler, at_rest)
    seconds_to_rest = round(trio.current_time() - over_at, 1)
    if left is not None:
        model.violated(left)
    if not any(model.counts.values()):
        model.violated("nothing happened")
    status = await trio.to_thread.run_sync(server.stop)
    if status != 0:
        model.violated(f"the server ended with status {status}")
    log = server.log.read_text(errors="replace")
    faults = [line for line in log.splitlines() if " error " in line]
    if faults:
        model.violated(f"the server's log: {faults[0]}")
    report = {
        **summary(sampler.samples),
        "seconds_to_rest": seconds_to_rest,
        "trends": _judged_trends(sampler.samples, given.minutes * 60, model),
        "counts": dict(model.counts),
        "violations": model.violations,
    }
    return report, sampler.samples


def _judged_trends(samples: list[Sample], seconds: float, model: Model) -> dict[str, str] | str:
    """What is said of each curve's slope in a run of so many seconds; what grows, or cannot be told, is a violation."""
    found = trends(samples)
    if not found and seconds > LEAST_SECONDS:
        model.violated(f"{len(samples)} samples in {seconds:.0f} s tell nothing: the server did not answer")
    for trend in found:
        if trend.grows:
            model.violated(f"{trend.curve.name} grows: {trend}")
    told = {trend.curve.name: str(trend) for trend in found}
    return told or f"a run of less than {LEAST_SECONDS:.0f} s tells nothing"


def _chance(*seed: int) -> random.Random:
    return random.Random(repr(seed))  # noqa: S311 - it is to be the same each time


async def _stored(port: int) -> list[int]:
    answer = b""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET /objectIds HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async for data in stream:
            answer += data
    body = answer.partition(b"\r\n\r\n")[2]
    if b"transfer-encoding: chunked" in answer.lower():
        body = b"".join(body.split(b"\r\n")[1::2])
    ids: list[int] = json.loads(body)["data"]
    return ids


async def _at_rest(sampler: Sampler) -> Sample:
    """The server as it is before anybody has come: the most that is seen of it, as a question counts itself, too."""
    looks = [await sampler.take()]
    for _ in range(_LOOKS - 1):
        await trio.sleep(_BETWEEN_SECONDS)
        looks.append(await sampler.take())
    return max(looks, key=lambda look: look.tasks)


async def _rest(sampler: Sampler, at_rest: Sample) -> str | None:
    """Wait until all is as it was at the beginning; what is left where it never is."""

    def left(now: Sample) -> dict[str, float]:
        more = {
            "tasks": now.tasks - at_rest.tasks,
            "connections": now.connections - at_rest.connections,
            "descriptors": now.descriptors - at_rest.descriptors - _DESCRIPTORS_KEPT,
        }
        return {what: number for what, number in more.items() if number > 0}

    over = left(await sampler.take())
    with trio.move_on_after(_REST_SECONDS):
        while over:
            await trio.sleep(_BETWEEN_SECONDS)
            over = left(await sampler.take())
    return f"left over: {over}" if over else None
