"""Puts the loads on the servers, in turns, and keeps every single measurement."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from .loading import LoadFailed, Measurement, Tools, unsound
from .scenarios import Load, Scenario
from .servers import OURS, DidNotStart, Server, settings_for, started

_WARM_UP: Final = 0.4


@dataclass
class Results:
    """All that was measured.

    Attributes:
        measurements: by load, then by server, in the order of the rounds.
        left_out: servers that did not start, and why.
        unsound: what was wrong with what arrived, or why a load gave up, in words.
        machine: what is to be known about the machine.
        taken: when, local time.
        took: seconds the whole run took.
        settings: what the orchestrator was told, by scenario; where there is nothing all was default.
        others: how many processes of others wanted to run when it began.
    """

    measurements: dict[str, dict[str, list[Measurement]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    unsound: list[str] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=dict)
    taken: str = ""
    took: float = 0
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    others: float = 0

    def value(self, load: str, server: str, name: str = "deliveries_per_second") -> float | None:
        """The median over the rounds; None where there is none."""
        values = [run[name] for run in self.measurements.get(load, {}).get(server, [])]
        known = [value for value in values if value is not None]
        return median(known) if known else None

    def per_core_second(self, load: str, server: str) -> float | None:
        """Deliveries for each second of processor time that the server used; the median over the rounds."""
        values = [
            delivered / used
            for run in self.measurements.get(load, {}).get(server, [])
            if (delivered := run["deliveries_per_second"]) and (used := run["server_cpu"])
        ]
        return median(values) if values else None

    def servers(self, load: str) -> list[str]:
        """Who was measured under `load`."""
        return list(self.measurements.get(load, {}))

    def as_json(self) -> dict[str, Any]:
        """All of it, for `json.dump`."""
        return asdict(self)


class Bench:
    """Measures.

    Args:
        tools: load generator and limit.
        folder: for servers' files and a certificate.
        rounds: how often everything is measured.
        seconds: how long each time.
    """

    def __init__(self, tools: Tools, folder: Path, *, rounds: int, seconds: float) -> None:
        self.results = Results()
        self._tools = tools
        self._folder = folder
        self._rounds = rounds
        self._seconds = seconds

    def measure(self, scenario: Scenario, servers: Sequence[Server]) -> None:
        """Put the loads of `scenario` on each of `servers` in turn, round after round."""
        tls = None
        if scenario.tls:
            if not self._tools.tls:
                self.results.left_out[scenario.name] = "the headers of OpenSSL are not installed"
                return
            tls = self._certificate()
        if given := settings_for(scenario.connections):
            self.results.settings[scenario.name] = given
        for round_number in range(min(self._rounds, scenario.rounds or self._rounds)):
            for server in servers:
                if server.name not in self.results.left_out and (server.tls or tls is None):
                    loads = [load for load in scenario.loads if round_number < (load.rounds or self._rounds)]
                    _say(f"{scenario.name}, round {round_number + 1}: {server.name}")
                    self._measure_one(server, loads, tls, scenario)

    def _measure_one(
        self, server: Server, loads: Sequence[Load], tls: tuple[Path, Path] | None, scenario: Scenario
    ) -> None:
        first, folder = scenario.before_others, self._folder / "server"
        try:
            with started(server, folder, tls, scenario.connections, before_others=first) as running:
                for load in loads:
                    too_many = load.arguments.get("clients", 0) > server.most_clients
                    if too_many or (load.only_ours and server.name != OURS):
                        continue
                    timing = {"seconds": max(self._seconds, load.at_least), "warm-up": min(_WARM_UP, self._seconds)}
                    arguments = {**load.arguments, **timing}
                    measurement = self._tools.run(running.port, running.process, arguments, before_others=first)
                    self._keep(load, server, measurement)
        except DidNotStart as error:
            self.results.left_out[server.name] = str(error)
            _say(f"{server.name} is left out: {error}")
        except LoadFailed as error:
            self._complain(f"{server.name}: {error}")

    def _keep(self, load: Load, server: Server, measurement: Measurement) -> None:
        self.results.measurements.setdefault(load.name, {}).setdefault(server.name, []).append(measurement)
        wrong = unsound(measurement, paced="rate" in load.arguments)
        if wrong:
            self._complain(f"{server.name}, {load.name}: {wrong}")

    def _complain(self, text: str) -> None:
        self.results.unsound.append(text)
        _say(text)

    def _certificate(self) -> tuple[Path, Path]:
        certificate, key = self._folder / "certificate.pem", self._folder / "key.pem"
        if not key.exists():
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
            subprocess.run(command, capture_output=True, check=True)
        return certificate, key


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
