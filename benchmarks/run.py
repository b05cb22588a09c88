"""The command: measures everything, and writes what came of it into a folder, usually docs/."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import ablation, report, scenarios
from .loading import LoadFailed, Tools
from .machine import allow_descriptors, describe
from .measuring import Bench, Results
from .servers import OURS, Server, least_work, orchestrator, peers

_DOCS: Final = Path(__file__).parent.parent / "docs"
_SPARE_DESCRIPTORS: Final = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for.

    Returns:
        0 where every frame arrived whole and in order, 1 where not, 2 where nothing could be measured.
    """
    options = _parser().parse_args(arguments)
    try:
        results = measure(options)
    except LoadFailed as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(report.tables(results))
    if options.output is not None:
        report.write(results, options.output)
    if options.json is not None:
        options.json.write_text(json.dumps(results.as_json(), indent=1))
    return 1 if any(text.startswith(OURS) for text in results.unsound) else 0


def measure(options: argparse.Namespace) -> Results:
    """Measure what `options`, as the command line gives them, ask for.

    Raises:
        LoadFailed: the load generator cannot be built.
    """
    begin, others = time.monotonic(), os.getloadavg()[0]
    idle = min(scenarios.IDLE, allow_descriptors() - _SPARE_DESCRIPTORS)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        tools = Tools(folder)
        bench = Bench(tools, folder, rounds=options.rounds, seconds=options.seconds)
        for scenario in scenarios.quick() if options.quick else scenarios.everything(idle):
            if options.only and scenario.name not in options.only:
                continue
            everybody = [orchestrator()]
            if not scenario.only_ours:
                everybody += peers()
                everybody += [least_work(tools)] if scenario.with_limit else []
            bench.measure(scenario, _chosen(everybody, options.servers))
        if not options.quick and (not options.only or ablation.NAME in options.only):
            bench.measure(ablation.scenario(), ablation.servers())
    bench.results.machine = describe()
    bench.results.others = others
    bench.results.taken = time.strftime("%Y-%m-%d %H:%M %Z")
    bench.results.took = time.monotonic() - begin
    return bench.results


def _chosen(servers: Sequence[Server], names: Sequence[str]) -> list[Server]:
    return [server for server in servers if not names or server.name in names]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks", description="Measure how fast boxes are delivered.")
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works, no more")
    parser.add_argument("--rounds", type=int, default=5, help="measure everything so often (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.8, help="each time so long (%(default)s)")
    parser.add_argument("--only", type=_words, default=[], help="of fan-out,tls,linearity,fairness,idle,ablation")
    parser.add_argument("--servers", type=_words, default=[], help="these servers only, by the names in the tables")
    parser.add_argument(
        "--output", type=Path, nargs="?", const=_DOCS, help="write tables, plot and numbers to this folder (docs/)"
    )
    parser.add_argument("--json", type=Path, help="write all measurements to this file")
    return parser
