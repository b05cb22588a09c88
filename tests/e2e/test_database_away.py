"""A PostgreSQL that hangs while the server runs: boxes flow on, and a stop takes no longer."""

import time
from collections.abc import Iterator

import pytest

from tests import postgresql as servers

from . import web
from .conftest import StartProcess
from .peers import box, client, processor, start


@pytest.fixture
def database() -> Iterator[servers.PostgreSql]:
    """One to break: others are not to notice."""
    with servers.running() as server:
        yield server


def test_boxes_flow_on_and_the_server_stops_in_time(start_process: StartProcess, database: servers.PostgreSql) -> None:
    address = database.new_database()
    server = start_process(DATABASE_URL=address)
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        number = start(operator, "cam1")
        database.freeze()
        try:
            operator.say("start", cameraId="cam1", image="x", requestId="in vain")
            for frame in range(20):
                camera.say("boundingBoxes", frameId=frame + 0.5, boxes=[box(number)])
            for frame in range(20):
                assert operator.hear_kind("boundingBoxes")["frameId"] == frame + 0.5
            refused = operator.hear(15)
            assert (refused["code"], refused["requestId"]) == ("storage_unavailable", "in vain")
            assert web.get(f"{server.urls.plain}/objectIds", timeout=15).status_code == 503
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 10
        finally:
            database.thaw()
    again = start_process(DATABASE_URL=address)
    assert web.get(f"{again.urls.plain}/objectIds").json() == {"data": [number]}
