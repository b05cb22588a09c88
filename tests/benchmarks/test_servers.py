"""What the orchestrator is told where a load needs more connections than it takes by default."""

from pathlib import Path

from benchmarks.scenarios import Load, Scenario, everything, fan_out
from benchmarks.servers import Place, orchestrator, settings_for
from trio_orchestrator.settings import Settings


def told_for(connections: int) -> Settings:
    place = Place(8080, Path("folder"), None, None, connections)
    return Settings.load(orchestrator().command(place)[1])


def test_few_connections_are_measured_on_default_settings() -> None:
    assert fan_out().connections == 1001
    assert settings_for(fan_out().connections) == {}
    assert told_for(1001).max_connections == Settings.load({}).max_connections


def test_a_load_counts_everybody_it_connects() -> None:
    load = Load("all", {"clients": 3, "processors": 5, "slow": 7, "idle": 11, "flood": 200_000, "rate": 30})
    assert load.connections == 3 + 5 + 7 + 11 + 1
    assert Scenario("two", [load, Load("one", {"clients": 50})]).connections == 51


def test_every_scenario_gets_room_for_its_connections() -> None:
    for scenario in everything(10_000):
        settings = told_for(scenario.connections)
        assert settings.max_connections > scenario.connections
        assert settings.max_connections_per_address > scenario.connections
