"""What each idea brings: the orchestrator with one part of it put the plain way, beside the whole."""

from collections.abc import Sequence
from typing import Final

from .scenarios import Load, Scenario
from .servers import OURS, Server, orchestrator
from .variants import VARIANTS

NAME: Final = "ablation"
CLIENTS: Final = (1, 10, 100)
PROCESSORS: Final = 50


def scenario(clients: Sequence[int] = CLIENTS) -> Scenario:
    """One processor flat out, and many."""
    loads = [Load(f"{count} clients, ablation", {"clients": count}) for count in clients]
    loads.append(Load(f"{PROCESSORS} processors, ablation", {"clients": 1, "processors": PROCESSORS}))
    return Scenario(NAME, loads, only_ours=True, rounds=3)


def servers() -> list[Server]:
    """The whole, then each variant."""
    without = [orchestrator(name, "benchmarks.variants", name) for name in VARIANTS]
    return [orchestrator(OURS), *without]
