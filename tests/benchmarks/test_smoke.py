"""The benchmarks still run, and what they check holds: whole frames, in order, none lost. No word about speed."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import ablation, report, run
from benchmarks.loading import SOUND, LoadFailed, Tools, unsound
from benchmarks.measuring import Bench, Results
from benchmarks.scenarios import Load, Scenario, quick
from benchmarks.servers import LIMIT, OURS, DidNotStart, Server, least_work, orchestrator, started

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")

SECONDS = 0.3


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variants are started as `python -m benchmarks.variants`, wherever pytest was started."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def bench(tools: Tools, tmp_path: Path) -> Bench:
    return Bench(tools, tmp_path, rounds=1, seconds=SECONDS)


def assert_sound(results: Results, load: str, server: str) -> None:
    (measurement,) = results.measurements[load][server]
    assert not results.unsound
    assert [measurement[name] for name in SOUND] == [0] * len(SOUND)
    delivered = measurement["deliveries_per_second"]
    assert delivered is not None
    assert delivered > 0


def test_quick_run_delivers_everything_whole_and_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = tmp_path / "numbers.json"
    assert run.main(["--quick", "--seconds", str(SECONDS), "--json", str(numbers)]) == 0
    results = Results(**json.loads(numbers.read_text()))
    assert list(results.measurements) == ["1 clients", "10 clients"]
    for load in results.measurements:
        assert_sound(results, load, OURS)
    assert f"| {OURS} |" in capsys.readouterr().out


def test_ids_of_objects_are_those_of_live_ones(bench: Bench) -> None:
    marked = Load("marked", {"clients": 2, "objects": 5, "start-objects": True})
    bench.measure(Scenario("objects", [marked]), [orchestrator()])
    assert_sound(bench.results, "marked", OURS)


@pytest.mark.parametrize("variant", ablation.servers()[1:], ids=lambda server: server.name)
def test_every_variant_of_the_ablation_works(bench: Bench, variant: Server) -> None:
    bench.measure(ablation.scenario([2]), [variant])
    assert_sound(bench.results, "2 clients, ablation", variant.name)


def test_tls_and_neighbours_work_too(bench: Bench, tools: Tools) -> None:
    if not tools.tls or shutil.which("openssl") is None:
        pytest.skip("needs OpenSSL and its headers")
    disturbed = {"clients": 2, "rate": 100, "flood": 5000, "idle": 3, "slow": 1, "slow-rate": 5000, "tls": True}
    bench.measure(Scenario("tls", [Load("disturbed", disturbed)], tls=True), [orchestrator()])
    assert_sound(bench.results, "disturbed", OURS)


def test_limit_and_report_work(bench: Bench, tools: Tools, tmp_path: Path) -> None:
    (scenario,) = quick()
    bench.measure(scenario, [least_work(tools)])
    assert_sound(bench.results, "1 clients", LIMIT)
    (tmp_path / "performance.md").write_text(
        "# Ours\n\nBefore.\n\n<!-- measured: what follows is written by `python -m benchmarks --output` -->\n"
        "old\n<!-- measured: end -->\n\nAfter.\n"
    )
    report.write(bench.results, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("# Ours\n\nBefore.\n")
    assert page.endswith("\n\nAfter.\n")
    assert "| least work |" in page
    assert "old" not in page


def test_a_server_that_is_not_installed_is_left_out_and_named(bench: Bench) -> None:
    absent = Server("absent", lambda _: (["no-such-program"], {}))
    bench.measure(quick()[0], [absent])
    assert bench.results.left_out == {"absent": "no-such-program is not installed"}
    assert not bench.results.measurements


@pytest.fixture
def garbling_server(tmp_path: Path) -> Iterator[Server]:
    """A relay that changes one bit of each message, which the load must not take for whole."""
    source = tmp_path / "garble.c"
    limit = Path(__file__).parents[2] / "benchmarks"
    text = (limit / "limit.c").read_text().replace('#include "wire.h"', f'#include "{limit / "wire.h"}"')
    copy = "memcpy(out + begin, frame_id, rest);"
    broken = text.replace(copy, f"{copy} out[rest] ^= 1;")
    assert broken != text
    source.write_text(broken)
    program = tmp_path / "garble"
    assert os.spawnvp(os.P_WAIT, "cc", ["cc", "-O1", "-w", "-o", str(program), str(source)]) == 0
    yield Server("garbling", lambda place: ([str(program), str(place.port)], {}))


def test_the_load_notices_a_frame_that_is_not_whole(tools: Tools, garbling_server: Server, tmp_path: Path) -> None:
    with started(garbling_server, tmp_path / "server") as running:
        measurement = tools.run(running.port, running.process, {"seconds": 0.1, "warm-up": 0, "rate": 100})
    assert "broken" in unsound(measurement)


def test_refusals_say_why(tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match="connect"):
        tools.run(1, 0, {})
    missing = Server("missing", lambda _: ([sys.executable, "-c", "import no_such_module"], {}))
    with pytest.raises(DidNotStart, match="No module named 'no_such_module'"), started(missing, tmp_path / "server"):
        pass
