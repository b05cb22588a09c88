"""What is measured: which loads, in which order, on which servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

CLIENTS: Final = (1, 10, 100, 1000)
MANY_CLIENTS: Final = (100, 300, 1000, 2000, 5000)
OBJECT_CLIENTS: Final = (1, 10, 100)
IDLE: Final = 10_000
FLOOD: Final = 200_000
PING_SECONDS: Final = 41.0
"""Twice the silence after which the orchestrator pings a peer, and more: every idle one has to answer twice."""

_BUSY: Final[Mapping[str, float]] = {"clients": 10, "processors": 10, "rate": 30}
"""Ten cameras at 30 frames/s to ten clients: what somebody notices who is disturbed."""


@dataclass(frozen=True)
class Load:
    """One load.

    Attributes:
        name: what the results call it.
        arguments: options of `load.c`.
        at_least: seconds to measure where the run's own are fewer.
        only_ours: put on no other server.
        rounds: in how many rounds at most; 0 for all.
    """

    name: str
    arguments: Mapping[str, float | bool]
    at_least: float = 0
    only_ours: bool = False
    rounds: int = 0

    @property
    def connections(self) -> int:
        """How many connections it opens."""
        several = sum(self.arguments.get(role, 0) for role in ("clients", "slow", "idle"))
        return int(several + self.arguments.get("processors", 1) + (self.arguments.get("flood", 0) > 0))


@dataclass(frozen=True)
class Scenario:
    """Loads that one server after the other gets, each server started anew in every round.

    Attributes:
        name: what `--only` calls it.
        loads: in their order.
        tls: whether the servers speak TLS.
        only_ours: no other server takes part.
        with_limit: whether the least work possible is measured, too.
        rounds: at most; 0 for as many as the run has.
        before_others: whether server and load go before all else on the machine, where that is allowed.
    """

    name: str
    loads: Sequence[Load] = field(default_factory=tuple)
    tls: bool = False
    only_ours: bool = False
    with_limit: bool = False
    rounds: int = 0
    before_others: bool = False

    @property
    def connections(self) -> int:
        """How many connections a server has at once, at the most."""
        return max((load.connections for load in self.loads), default=0)


def fan_out(clients: Sequence[int] = CLIENTS) -> Scenario:
    """One processor flat out to more and more clients, and two other shapes of load."""
    loads = [Load(f"{count} clients", {"clients": count}) for count in clients]
    loads.append(Load("50 processors", {"clients": 1, "processors": 50}))
    loads.append(Load("paced", {"clients": 20, "processors": 100, "rate": 30}, at_least=2.5, rounds=3))
    loads += [
        Load(f"{count} clients, objects", {"clients": count, "objects": 5, "start-objects": True}, only_ours=True)
        for count in OBJECT_CLIENTS
    ]
    return Scenario("fan-out", loads, with_limit=True)


def tls() -> Scenario:
    """Ten clients over TLS."""
    return Scenario("tls", [Load("10 clients, TLS", {"clients": 10, "tls": True})], tls=True, rounds=3)


def linearity() -> Scenario:
    """What one delivery costs, from a hundred clients to thousands."""
    loads = [Load(f"{count} clients, linearity", {"clients": count}, at_least=2) for count in MANY_CLIENTS]
    return Scenario("linearity", loads, only_ours=True, rounds=3)


def fairness() -> Scenario:
    """What others notice of a peer that floods, and of some that do not read."""
    loads = [
        Load("undisturbed", _BUSY, at_least=2),
        Load("beside a flood", {**_BUSY, "flood": FLOOD}, at_least=2),
        Load("beside slow readers", {**_BUSY, "slow": 5, "slow-rate": 20000}, at_least=2),
    ]
    return Scenario("fairness", loads, only_ours=True, rounds=3)


def idle(connections: int = IDLE) -> Scenario:
    """What idle connections cost: memory, and others' delay while they answer pings.

    Server and load go first: what a machine does that goes through all open sockets is not the server's delay.
    """
    loads = [
        Load("without idle ones", _BUSY, at_least=PING_SECONDS / 2),
        Load("beside idle ones", {**_BUSY, "idle": connections}, at_least=PING_SECONDS),
    ]
    return Scenario("idle", loads, only_ours=True, rounds=3, before_others=True)


def quick() -> list[Scenario]:
    """A few seconds that show that everything still works; the numbers mean nothing."""
    loads = [Load(f"{count} clients", {"clients": count}) for count in (1, 10)]
    return [Scenario("fan-out", loads, only_ours=True, rounds=1)]


def everything(idle_connections: int) -> list[Scenario]:
    """All of a full run but the ablation."""
    return [fan_out(), tls(), linearity(), fairness(), idle(idle_connections)]
