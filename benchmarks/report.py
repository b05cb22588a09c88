"""Results → the tables of docs/performance.md, its plot and its numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .measuring import Results
from .plot import draw
from .scenarios import CLIENTS, MANY_CLIENTS, OBJECT_CLIENTS
from .servers import LIMIT, OURS
from .variants import VARIANTS

_PAGE: Final = "performance.md"
_NUMBERS: Final = "performance.json"
_PLOT: Final = "performance.svg"
_BEGIN: Final = "<!-- measured: what follows is written by `python -m benchmarks --output` -->"
_END: Final = "<!-- measured: end -->"

_QUIET: Final = 0.5
_IN_OTHER_LANGUAGES: Final = frozenset({"ws", LIMIT})


def tables(results: Results) -> str:
    """All that was measured, as Markdown; what was not is left out."""
    parts = [_taken(results), _fan_out(results), _paced(results), _many_processors(results), _objects(results)]
    parts += [_tls(results), _linearity(results), _neighbours(results), _idle(results), _ablation(results)]
    return "\n".join(part for part in parts if part) + "\n"


def write(results: Results, folder: Path) -> None:
    """Put page, plot and numbers into `folder`; what people wrote in the page stays.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / _PAGE
    text = page.read_text() if page.exists() else f"# Performance\n\n{_BEGIN}\n{_END}\n"
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    picture = f"![Deliveries per second]({_PLOT})\n\n" if draw(results, folder / _PLOT) else ""
    page.write_text(f"{before}{_BEGIN}\n\n{picture}{tables(results)}\n{_END}{after}")
    (folder / _NUMBERS).write_text(json.dumps(results.as_json(), indent=1) + "\n")


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"### {title}", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", " ")  # noqa: RUF001 - a dash in a cell


def _ratio(value: float | None, other: float | None) -> str:
    return f"{value / other:.2f}" if value and other else "–"  # noqa: RUF001


def _best(results: Results, load: str, *, python: bool = False) -> tuple[str, float | None]:
    """The fastest peer."""
    peers = [name for name in results.servers(load) if name not in (OURS, LIMIT)]
    rates = {
        name: rate
        for name in peers
        if (rate := results.value(load, name)) is not None and not (python and name in _IN_OTHER_LANGUAGES)
    }
    best = max(rates, key=rates.__getitem__, default=None)
    return ("none", None) if best is None else (best, rates[best])


def _taken(results: Results) -> str:
    lines = [f"Taken {results.taken} in {results.took / 60:.1f} minutes.", ""]
    if results.others > _QUIET:
        busy = f"The machine was busy with {results.others:.1f} other processes when the run began"
        lines += [f"**{busy}: these numbers are not to be relied on.**", ""]
    lines += [f"- {name}: {text}" for name, text in results.machine.items()]
    for scenario, settings in results.settings.items():
        told = ", ".join(f"`{name}={value}`" for name, value in settings.items())
        lines.append(f"- {scenario}: more connections from one address than are taken by default, so {told}")
    lines += [f"- left out: {name} ({why})" for name, why in results.left_out.items()]
    lines += [f"- **not sound**: {text}" for text in results.unsound]
    return "\n".join([*lines, ""])


def _fan_out(results: Results) -> str:
    loads = [f"{count} clients" for count in CLIENTS if f"{count} clients" in results.measurements]
    if not loads:
        return ""
    servers = list(dict.fromkeys(name for load in loads for name in results.servers(load)))
    rows = [[name, *(_count(results.value(load, name)) for load in loads)] for name in servers]
    bests = [_best(results, load) for load in loads]
    ours = [results.value(load, OURS) for load in loads]
    rows.append(["best peer", *(name for name, _ in bests)])
    rows.append(["ours ÷ best peer", *(_ratio(mine, rate) for mine, (_, rate) in zip(ours, bests, strict=True))])
    limits = [results.value(load, LIMIT) for load in loads]
    rows.append(["ours ÷ least work", *(_ratio(mine, rate) for mine, rate in zip(ours, limits, strict=True))])
    cores = [results.per_core_second(load, OURS) for load in loads]
    best_cores = [results.per_core_second(load, name) for load, (name, _) in zip(loads, bests, strict=True)]
    rows.append(["… the same for each second of the server's core: ÷ best peer",
                 *(_ratio(mine, other) for mine, other in zip(cores, best_cores, strict=True))])  # fmt: skip
    limit_cores = [results.per_core_second(load, LIMIT) for load in loads]
    rows.append(["… ÷ least work", *(_ratio(mine, other) for mine, other in zip(cores, limit_cores, strict=True))])
    busy = [results.value(load, OURS, "load_busy") for load in loads]
    limit_busy = [results.value(load, LIMIT, "load_busy") for load in loads]
    rows.append(["load generator busy, beside ours / least work",
                 *(f"{_percent(a)} / {_percent(b)}" for a, b in zip(busy, limit_busy, strict=True))])  # fmt: skip
    return _table("Deliveries/s, one processor flat out", ["", *loads], rows)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"  # noqa: RUF001


def _paced(results: Results) -> str:
    rows = [
        [
            name,
            _count(results.value("paced", name)),
            *(_count(results.value("paced", name, what)) for what in ("p50_us", "p99_us")),
            _percent(results.value("paced", name, "server_cpu")),
            _count(results.value("paced", name, "missing")),
        ]
        for name in results.servers("paced")
    ]
    head = ["", "deliveries/s", "p50 µs", "p99 µs", "of a core", "left out"]
    return _table("100 cameras at 30 frames/s to 20 clients (60 000 deliveries/s)", head, rows) if rows else ""


def _many_processors(results: Results) -> str:
    return _against_peers(results, "50 processors", "50 processors flat out to one client")


def _tls(results: Results) -> str:
    table = _against_peers(results, "10 clients, TLS", "Ten clients over TLS")
    plain = _ratio(results.value("10 clients, TLS", OURS), results.value("10 clients", OURS))
    return f"{table}\nOurs over TLS ÷ ours in clear: {plain}.\n" if table else ""


def _against_peers(results: Results, load: str, title: str) -> str:
    servers = results.servers(load)
    if not servers:
        return ""
    mine = results.value(load, OURS)
    rows = [
        [name, _count(results.value(load, name)), _ratio(mine, results.value(load, name)),
         _ratio(results.per_core_second(load, OURS), results.per_core_second(load, name))]
        for name in servers
    ]  # fmt: skip
    best, rate = _best(results, load, python=True)
    table = _table(title, ["", "deliveries/s", "ours ÷ this", "per core-second"], rows)
    return f"{table}\nOurs ÷ best Python peer ({best}): {_ratio(mine, rate)}.\n"


def _objects(results: Results) -> str:
    rows = []
    for count in OBJECT_CLIENTS:
        plain, marked = f"{count} clients", f"{count} clients, objects"
        if marked in results.measurements:
            rows.append([
                plain, _count(results.value(plain, OURS)), _count(results.value(marked, OURS)),
                _ratio(results.value(marked, OURS), results.value(plain, OURS)),
                _ratio(results.per_core_second(marked, OURS), results.per_core_second(plain, OURS)),
            ])  # fmt: skip
    head = ["", "deliveries/s, no ids", "half the boxes with ids", "ratio", "per core-second"]
    return _table("Half of the boxes with ids of live objects", head, rows) if rows else ""


def _linearity(results: Results) -> str:
    rows = []
    first = results.per_core_second(f"{MANY_CLIENTS[0]} clients, linearity", OURS)
    for count in MANY_CLIENTS:
        load = f"{count} clients, linearity"
        if load in results.measurements:
            each = results.per_core_second(load, OURS)
            rows.append([str(count), _count(results.value(load, OURS)), _count(each), _ratio(each, first)])
    head = ["clients", "deliveries/s", "deliveries per core-second", f"÷ at {MANY_CLIENTS[0]}"]
    return _table("From a hundred clients to thousands", head, rows) if rows else ""


def _neighbours(results: Results) -> str:
    rows = []
    for load in ("undisturbed", "beside a flood", "beside slow readers"):
        if load in results.measurements:
            values = [results.value(load, OURS, what) for what in ("p50_us", "p99_us", "flood_per_second")]
            left_out = results.value(load, OURS, "left_out_for_slow")
            rows.append([load, *(_count(value) for value in values), _count(left_out)])
    head = ["", "p50 µs", "p99 µs", "tiny frames/s taken from the flood", "frames left out for the slow"]
    return _table("Ten cameras at 30 frames/s to ten clients, disturbed", head, rows) if rows else ""


def _idle(results: Results) -> str:
    names = ("server_memory", "server_memory_connected", "idle", "connect_seconds")
    before, after, idle, seconds = (results.value("beside idle ones", OURS, name) for name in names)
    if idle is None:
        return ""
    each = (after - before) / idle / 1024 if before and after and idle else None
    rows = [
        [load, *(_count(results.value(load, OURS, what)) for what in ("p50_us", "p99_us", "missing", "pings")),
         _percent(results.value(load, OURS, "server_cpu"))]
        for load in ("without idle ones", "beside idle ones")
    ]  # fmt: skip
    title = f"{_count(idle)} idle connections beside ten busy ones"
    table = _table(title, ["", "p50 µs", "p99 µs", "left out", "pings answered", "of a core"], rows)
    memory = "not known" if each is None else f"{each:.1f} KiB of the server's memory"
    connected = f"{_count(idle)} of them connected in {seconds:.1f} s"
    return f"{table}\nAn idle connection costs {memory}; {connected}.\n"


def _ablation(results: Results) -> str:
    loads = [load for load in results.measurements if load.endswith("ablation")]
    rows = []
    for name in (OURS, *VARIANTS):
        if loads and name in results.servers(loads[0]):
            cells = [
                f"{_count(results.value(load, name))} "
                f"({_ratio(results.per_core_second(load, name), results.per_core_second(load, OURS))})"
                for load in loads
            ]
            rows.append(["the whole" if name == OURS else name, *cells])
    title = "What each idea brings: deliveries/s without it (and its rate per core-second ÷ the whole's)"
    return _table(title, ["", *(load.removesuffix(", ablation") for load in loads)], rows) if rows else ""
