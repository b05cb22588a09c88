"""The archive over HTTP, from real servers: an object's whole way, long answers, what the document promises."""

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.tokens import ADMIN_ROLE, CLIENT_ROLE, make_token, token_environment

from . import web
from .conftest import StartProcess, StartThread
from .peers import PATIENCE, box, client, processor, start
from .running import ServerThread, environment_for

PNG = "data:image/png;base64,iVBORw0KGgoAAAA="


def _until(ask: Callable[[], Any], fits: Callable[[Any], bool]) -> Any:
    """Ask until the answer fits: sightings are on disk at most a second after they came."""
    until = time.monotonic() + PATIENCE
    while not fits(answer := ask()):
        assert time.monotonic() < until, answer
    return answer


@pytest.fixture
def erasable(start_thread: StartThread) -> ServerThread:
    return start_thread(ALLOW_ANONYMOUS_ERASE="true")


def test_an_object_from_its_start_to_its_erasure(erasable: ServerThread, tmp_path: Path) -> None:
    with (
        httpx.Client(base_url=erasable.urls.plain, trust_env=False) as http,
        client(erasable.urls, images=True) as operator,
        processor(erasable.urls, "cam1") as camera,
        processor(erasable.urls, "cam2") as other,
    ):
        object_id = start(operator, "cam1", image=PNG)
        assert camera.hear_kind("start")["image"] == PNG
        camera.say("featureMap", objectId=object_id, featureMap=[1.5])
        for peer in (camera, other):
            peer.hear_kind("featureMap")
        camera.say("boundingBoxes", frameId=0.5, boxes=[box(object_id)])
        other.say("boundingBoxes", frameId=0.5, boxes=[box(object_id), box(object_id)])
        path = f"/objects/{object_id}"
        visits = _until(lambda: http.get(path + "/visits").json(), lambda found: len(found) == 2)
        assert {(visit["cameraId"], visit["to"], visit["sightings"]) for visit in visits} == {
            ("cam1", None, 1),
            ("cam2", None, 2),
        }
        found = http.get(path).json()
        assert (found["state"], found["live"], found["hasImage"]) == ("seen", True, True)
        assert found["startedBy"] == {"subject": None, "name": None, "address": "127.0.0.1"}
        image = http.get(path + "/image")
        assert (image.headers["content-type"], image.content[:4]) == ("image/png", b"\x89PNG")
        assert [entry["online"] for entry in http.get("/cameras").json()] == [True, True]

        assert http.delete(path).status_code == 204
        for peer in (camera, other):
            assert peer.hear_kind("stop") == {"type": "stop", "objectId": object_id}
        camera.say("boundingBoxes", frameId=1.5, boxes=[box(object_id)])
        camera.say("featureMap", objectId=object_id, featureMap=[2.5])
        assert camera.hear_kind("error")["code"] == "unknown_object"
        assert http.get(path).json()["error"] == "erased"
        assert http.get("/objectIds").text == f'{{"data":[{object_id}]}}'
        messages = [operator.hear() for _ in range(4)]  # three frames besides
        assert {"type": "stop", "objectId": object_id} in messages
    erasable.stop()
    with closing(sqlite3.connect(tmp_path / "orchestrator.db")) as database:
        for table in ("objects", "images", "feature_maps", "sightings"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert database.execute("SELECT action FROM audit WHERE action != 'looked_up'").fetchall() == [
            ("started",),
            ("erased",),
        ]


def test_roles_over_the_wire(start_thread: StartThread) -> None:
    server = start_thread(**token_environment(processor_role=None), ADMIN_ROLE=ADMIN_ROLE)

    def bearer(*roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {make_token(roles=roles, subject='ann', name='Ann')}"}

    with (
        httpx.Client(base_url=server.urls.plain, trust_env=False) as http,
        client(server.urls) as operator,
        processor(server.urls, "cam1"),
    ):
        operator.say("authenticate", jwt=make_token(roles=[CLIENT_ROLE], subject="bob", name="Bob"))
        object_id = start(operator, "cam1")
        path = f"/objects/{object_id}"
        assert http.get(path).status_code == 401
        assert http.get(path, headers=bearer(CLIENT_ROLE)).json()["startedBy"]["subject"] == "bob"
        assert http.delete(path, headers=bearer(CLIENT_ROLE)).status_code == 403
        assert http.delete(path, headers=bearer(ADMIN_ROLE)).status_code == 204
        audit = _until(
            lambda: http.get("/audit", headers=bearer(ADMIN_ROLE)).json()["entries"], lambda rows: len(rows) == 3
        )
        assert [(row["action"], row["who"]["subject"], row["who"]["name"]) for row in reversed(audit)] in (
            [("started", "bob", "Bob"), ("looked_up", "ann", "Ann"), ("erased", "ann", "Ann")],
            [("started", "bob", "Bob"), ("erased", "ann", "Ann"), ("looked_up", "ann", "Ann")],
        )


def test_retention_by_itself(start_thread: StartThread) -> None:
    server = start_thread(RETENTION_DAYS=str(0.5 / 86_400))
    with (
        httpx.Client(base_url=server.urls.plain, trust_env=False) as http,
        client(server.urls) as operator,
        processor(server.urls, "cam1"),
    ):
        kept, old = start(operator, "cam1"), start(operator, "cam1")
        operator.say("stop", objectId=old)
        _until(lambda: http.get(f"/objects/{old}").json(), lambda found: found.get("error") == "erased")
        assert http.get(f"/objects/{kept}").json()["live"]


def _fill(path: Path, rows: int) -> None:
    """A past object with a long timeline."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "INSERT INTO objects (id, camera_id, started_at, stopped_at, stop_reason) VALUES (1, x'61', 0, 1, 'client')"
        )
        database.execute(
            "WITH RECURSIVE seconds(s) AS (SELECT 0 UNION ALL SELECT s + 1 FROM seconds WHERE s < ?)"
            " INSERT INTO sightings SELECT 1, 5 * s, x'61', 1, 5000 * s, 5000 * s, 0.5 FROM seconds",
            (rows - 1,),
        )
        database.commit()


def test_a_long_answer_is_streamed_and_held_by_nobody(start_process: StartProcess, tmp_path: Path) -> None:
    rows = 60_000
    start_process().stop()  # makes the tables
    _fill(tmp_path / "orchestrator.db", rows)
    server = start_process()

    def memory() -> int:
        status = Path(f"/proc/{server.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    web.get(server.urls.plain + "/objects")
    before = memory()
    stalled: list[socket.socket] = []
    for path in ("/objects/1/sightings", "/objects/1/visits", "/timelines?objectId=1"):
        # More of them than there are connections to the database, and none of them reads.
        for _ in range(8):
            one = socket.create_connection(server.urls.address)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert one.recv(12) == b"HTTP/1.1 200"
            stalled.append(one)
        with httpx.stream("GET", server.urls.plain + path, trust_env=False, timeout=30) as answer:
            largest, text = 0, bytearray()
            for number, piece in enumerate(answer.iter_raw()):
                text += piece
                if number % 20 == 0:
                    largest = max(largest, memory())
        told = json.loads(text)
        assert len(told if isinstance(told, list) else told.get("sightings", told.get("data"))) == rows
        assert largest - before < 20 * 2**20  # that many rows as Python has them take 60 MB
    for one in stalled:
        one.close()
    assert server.stop() == 0


def test_an_answer_that_cannot_be_ended_has_no_end(start_process: StartProcess, tmp_path: Path) -> None:
    start_process().stop()
    _fill(tmp_path / "orchestrator.db", 100_000)
    server = start_process()
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("GET", server.urls.plain + "/objects/1/sightings", trust_env=False, timeout=30) as answer,
    ):
        pieces = answer.iter_raw()
        next(pieces)
        with closing(sqlite3.connect(tmp_path / "orchestrator.db")) as database:
            database.execute("ALTER TABLE sightings RENAME TO elsewhere")
        for _ in pieces:
            pass
    assert web.get(server.urls.plain + "/objects").status_code == 200
    assert "an answer was broken off" in server.log
    assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The document of a server that has something to tell."""
    folder = tmp_path_factory.mktemp("described")
    with ServerThread(environment_for(folder, ALLOW_ANONYMOUS_ERASE="true")) as server:
        with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
            for number in range(3):
                object_id = start(operator, "cam1", image=PNG)
                camera.say("boundingBoxes", frameId=number + 0.5, boxes=[box(object_id)])
            operator.say("stop", objectId=2)
            operator.settle()
            camera.settle()
        yield schemathesis.openapi.from_url(server.urls.plain + "/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_what_the_document_promises(described: schemathesis.BaseSchema, mode: GenerationMode) -> None:
    names = []
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not list(operation.iter_parameters()):
            continue
        names.append(operation.label)

        @given(operation.as_strategy(generation_mode=mode))
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        def hold(case: Any) -> None:
            # A cursor is a text that only the server makes, and `from` must not be later than `to`: that no schema
            # can say. That a text is no number is told to the legacy routes' askers by what they are told of it.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        hold()
    assert "GET /objects" in names
    assert "DELETE /objects/{objectId}" in names
