"""What each idea brings: the orchestrator with one part of it put the plain way, beside the whole."""

from collections.abc import Sequence
from typing import Final

from .scenarios import Load, Scenario
from .servers import OURS, Server, orchestrator
from .variants import VARIANTS

NAME: Final = "ablation"
CLIENTS: Final = (1, 10, 100)


def scenario(clients: Sequence[int] = CLIENTS) -> Scenario:
    """One processor flat out."""
    loads = [Load(f"{count} clients, ablation", {"clients": count}) for count in clients]
    return Scenario(NAME, loads, only_ours=True, rounds=3)


def servers() -> list[Server]:
    """The whole, then each variant."""
    without = [orchestrator(name, "benchmarks.variants", name) for name in VARIANTS]
    return [orchestrator(OURS), *without]
