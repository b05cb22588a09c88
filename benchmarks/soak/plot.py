"""The run over time, as SVG."""

from pathlib import Path

from .sampling import Sample


def draw(samples: list[Sample], file: Path) -> bool:
    """Draw memory, tasks and descriptors, and delays; whether matplotlib was there to do it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(9, 9), layout="constrained")
    memory, counts, delays = figure.subplots(3, sharex=True)
    minutes = [sample.at / 60 for sample in samples]
    memory.plot(minutes, [sample.memory / 2**20 for sample in samples], color="black")
    memory.set(ylabel="memory, MiB", ylim=(0, None), title="A soak: churn of everything at once")
    for name in ("tasks", "descriptors", "connections", "live_objects"):
        counts.plot(minutes, [getattr(sample, name) for sample in samples], label=name.replace("_", " "))
    counts.set(ylabel="how many", ylim=(0, None))
    for name in ("p50", "p99", "worst"):
        delays.plot(minutes, [max(getattr(sample, name) * 1000, 0.01) for sample in samples], label=name)
    delays.set(ylabel="camera to watcher, ms", yscale="log", xlabel="minutes")
    for axes in (counts, delays):
        axes.legend(loc="upper right")
    for axes in (memory, counts, delays):
        axes.grid(alpha=0.3)
    figure.savefig(file, format="svg", metadata={"Date": None})
    return True
