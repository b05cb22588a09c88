"""What the server says of itself, once a second, and the run in a few numbers."""

import re
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

import trio

from .model import Model

_LINE: Final = re.compile(r"^(?:orchestrator_)?([a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """One second of the run.

    Attributes:
        at: seconds since its beginning.
        memory: resident memory in bytes.
        tasks: Trio tasks.
        descriptors: open files.
        connections: open connections.
        live_objects: objects that are tracked.
        lag: how long the oldest note has waited for the database, in seconds.
        left_out: frames of boxes left out so far.
        p50: median of the delays of this second, from a camera to a watcher, in seconds; 0 where there were none.
        p99: their 99th percentile.
        worst: the longest of them.
    """

    at: float
    memory: float
    tasks: float
    descriptors: float
    connections: float
    live_objects: float
    lag: float
    left_out: float
    p50: float
    p99: float
    worst: float


class Sampler:
    """Takes samples.

    Args:
        model: knows the delays.
        port: where `/metrics` is.
    """

    def __init__(self, model: Model, port: int) -> None:
        self._model = model
        self._port = port
        self._begun = time.monotonic()
        self.samples: list[Sample] = []

    async def run(self) -> None:
        """Take one a second until cancelled."""
        while True:
            await trio.sleep(1)
            self.samples.append(await self.take())

    async def take(self) -> Sample:
        """One sample, of now."""
        found = {name: float(value) for name, value in _LINE.findall(await self._ask())}
        delays, self._model.delays = sorted(self._model.delays) or [0.0], []
        return Sample(
            at=round(time.monotonic() - self._begun, 2),
            memory=found["process_resident_memory_bytes"],
            tasks=found["tasks"],
            descriptors=found["process_open_fds"],
            connections=found["connections"],
            live_objects=found["live_objects"],
            lag=found["recorder_lag_seconds"],
            left_out=found["frames_left_out_total"],
            p50=delays[len(delays) // 2],
            p99=delays[int(len(delays) * 0.99)],
            worst=delays[-1],
        )

    async def _ask(self) -> str:
        answer = b""
        async with await trio.open_tcp_stream("127.0.0.1", self._port) as stream:
            await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            async for data in stream:
                answer += data
        return answer.decode()


def summary(samples: list[Sample]) -> dict[str, Any]:
    """The run in a few numbers."""
    ordered = sorted(samples, key=lambda sample: sample.p99)
    return {
        "seconds": samples[-1].at,
        "memory_mib": {
            "first": round(samples[0].memory / 2**20, 1),
            "last": round(samples[-1].memory / 2**20, 1),
            "most": round(max(sample.memory for sample in samples) / 2**20, 1),
        },
        "delay_ms": {
            "p50": round(sorted(sample.p50 for sample in samples)[len(samples) // 2] * 1000, 2),
            "p99": round(ordered[len(ordered) // 2].p99 * 1000, 2),
            "worst": round(max(sample.worst for sample in samples) * 1000, 1),
        },
        "most_connections": max(sample.connections for sample in samples),
        "most_live_objects": max(sample.live_objects for sample in samples),
        "most_lag_seconds": round(max(sample.lag for sample in samples), 2),
        "frames_left_out": samples[-1].left_out,
    }


def as_json(samples: list[Sample]) -> list[dict[str, float]]:
    """The samples as plain objects."""
    return [asdict(sample) for sample in samples]
