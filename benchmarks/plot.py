"""The plot of docs/performance.md; needs matplotlib, which only a full run asks for."""

from pathlib import Path
from typing import Any

from .measuring import Results
from .scenarios import CLIENTS
from .servers import LIMIT, OURS


def draw(results: Results, file: Path) -> bool:
    """Draw deliveries/s over the number of clients, a line a server; whether there was something to draw, and with."""
    counts = [count for count in CLIENTS if f"{count} clients" in results.measurements]
    if len(counts) < 2:
        return False
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    styles: dict[str, dict[str, Any]] = {
        OURS: {"linewidth": 3, "color": "black"},
        LIMIT: {"linestyle": ":", "color": "gray"},
    }
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for server in results.servers(f"{counts[0]} clients"):
        points = [(count, rate) for count in counts if (rate := results.value(f"{count} clients", server)) is not None]
        axes.plot(*zip(*points, strict=True), marker="o", label=server, **styles.get(server, {}))
    axes.set(xscale="log", yscale="log", xlabel="clients", ylabel="deliveries/s", title="One camera, flat out")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return True
