"""Cameras, the audit, and who may ask for what."""

from pathlib import Path
from typing import Any

import pytest

from tests.net.archive import NOON, Archive, archive
from tests.tokens import ADMIN_ROLE, CLIENT_ROLE, make_token, token_checker
from trio_orchestrator.net.api.access import Access
from trio_orchestrator.protocol.boxes import Frame
from trio_orchestrator.protocol.inbound import Identifier


async def test_cameras(kept: Archive) -> None:
    kept.connect_camera("b", at=-5)
    processor = kept.hub.connect_processor(kept.connect_camera("unused"))
    kept.hub.receive(processor, Identifier("a"), NOON)
    for frame in range(50):
        kept.hub.receive(processor, Frame(b"1.5", b"[]", (), ()), NOON + frame / 10)
    kept.hub.disconnect(kept.hub.connect_processor(kept.connect_camera("c")), NOON)
    kept.clock.seconds = NOON + 10
    cameras = {camera["cameraId"]: camera for camera in await kept.get("/cameras")}
    assert list(cameras) == ["a", "b", "c", "unused"]
    assert cameras["a"] == {
        "cameraId": "a",
        "online": True,
        "since": "2026-11-22T12:00:00.000Z",
        "lastFrame": "2026-11-22T12:00:04.900Z",
        "framesPerSecond": 5.0,
    }
    assert cameras["b"]["since"] == "2026-11-22T11:59:55.000Z"
    assert cameras["b"]["lastFrame"] is None
    kept.hub.disconnect(processor, NOON + 11)
    gone = (await kept.get("/cameras"))[0]
    assert (gone["online"], gone["since"], gone["framesPerSecond"]) == (False, "2026-11-22T12:00:11.000Z", 0.0)
    csv = await kept.http.get("/cameras", headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[1].startswith("a,false,")


def bearer(*roles: str, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(roles=roles, **claims)}"}


GUARDED = Access(token_checker(CLIENT_ROLE), token_checker(ADMIN_ROLE), tokens_asked_for=True, anonymous_erasing=True)
NOBODY_ADMINISTRATES = Access(token_checker(CLIENT_ROLE), None, tokens_asked_for=True, anonymous_erasing=True)
ONLY_PROCESSORS = Access(None, None, tokens_asked_for=True, anonymous_erasing=True)
CLOSED = Access(None, None, tokens_asked_for=False)

READS = ("/objects", "/objects/1", "/objects/1/image", "/objects/1/visits", "/objects/1/sightings", "/cameras")


@pytest.mark.parametrize(
    ("access", "roles", "reading", "auditing", "erasing"),
    [
        (GUARDED, None, 401, 401, 401),
        (GUARDED, (), 403, 403, 403),
        (GUARDED, (CLIENT_ROLE,), 200, 403, 403),
        (GUARDED, (ADMIN_ROLE,), 403, 200, 204),
        (GUARDED, (CLIENT_ROLE, ADMIN_ROLE), 200, 200, 204),
        (NOBODY_ADMINISTRATES, (CLIENT_ROLE, ADMIN_ROLE), 200, 403, 403),
        (ONLY_PROCESSORS, None, 200, 403, 403),
        (CLOSED, None, 200, 403, 403),
    ],
)
async def test_who_may(
    tmp_path: Path, access: Access, roles: tuple[str, ...] | None, reading: int, auditing: int, erasing: int
) -> None:
    headers = {} if roles is None else bearer(*roles)
    async with archive(f"sqlite:///{tmp_path}/archive.db", access) as kept:
        kept.start(image=b'"x"')
        for path in READS:
            assert (await kept.http.get(path, headers=headers)).status_code == reading, path
        assert (await kept.http.get("/audit", headers=headers)).status_code == auditing
        refused = await kept.http.delete("/objects/1", headers=headers)
        assert refused.status_code == erasing
        if erasing != 204:
            assert refused.json()["error"] == ("unauthenticated" if erasing == 401 else "forbidden")
            assert ("www-authenticate" in refused.headers) is (erasing == 401)
            assert kept.database.object_ids() == [1]
            assert [action for action, _ in await kept.audited()].count("erased") == 0
        assert (await kept.http.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize(
    ("access", "missing"), [(NOBODY_ADMINISTRATES, "ADMIN_ROLE"), (CLOSED, "ALLOW_ANONYMOUS_ERASE")]
)
async def test_where_nobody_may_erase_the_setting_is_named(tmp_path: Path, access: Access, missing: str) -> None:
    async with archive(f"sqlite:///{tmp_path}/archive.db", access) as kept:
        refused = await kept.http.delete("/objects/1", headers=bearer(ADMIN_ROLE))
        assert missing in refused.json()["message"]


async def test_the_audit_says_who_did_what(tmp_path: Path) -> None:
    async with archive(f"sqlite:///{tmp_path}/archive.db", GUARDED) as kept:
        kept.start()
        kept.stop(1, at=1)
        kept.clock.seconds += 1
        await kept.get("/objects/1", headers=bearer(CLIENT_ROLE, name="Ann"))
        await kept.recorder.flush()
        kept.clock.seconds += 1
        await kept.http.delete("/objects/1", headers=bearer(ADMIN_ROLE, subject="root"))
        kept.start(at=5)
        admin = bearer(ADMIN_ROLE)
        page = await kept.get("/audit?objectId=1", headers=admin)
        assert [(entry["action"], entry["at"][17:19], entry["who"]) for entry in page["entries"]] == [
            ("erased", "03", {"subject": "root", "name": None, "address": None}),
            ("looked_up", "02", {"subject": "alice", "name": "Ann", "address": None}),
            ("stopped", "01", None),
            ("started", "00", {"subject": None, "name": None, "address": "192.0.2.7"}),
        ]
        numbers, path = [], "/audit?limit=2"
        while path:
            answer = await kept.http.get(path, headers=admin)
            numbers += [entry["number"] for entry in answer.json()["entries"]]
            path = answer.headers.get("link", "").removeprefix("<").partition(">")[0]
        assert numbers == [5, 4, 3, 2, 1]
        window = "from=2026-11-22T12:00:01Z&to=2026-11-22T12:00:03Z"
        page = await kept.get(f"/audit?{window}", headers=admin)
        assert [entry["number"] for entry in page["entries"]] == [3, 2]
        csv = await kept.http.get("/audit", headers=admin | {"Accept": "text/csv"})
        assert csv.text.splitlines()[0] == "number,at,action,objectId,who.subject,who.name,who.address"
        for query in ("objectId=x", "objectId=-1", "cursor=WyJvIiwxLDFd", "action=erased"):
            await kept.get(f"/audit?{query}", 400, headers=admin)


async def test_who_has_no_token_is_told_by_address(kept: Archive) -> None:
    kept.start()
    await kept.http.delete("/objects/1")
    rows = kept.database.ask(lambda connection: connection.exec_driver_sql("SELECT address FROM audit").fetchall())
    assert [row[0] for row in rows] == [b"192.0.2.7", b"192.0.2.1"]


async def test_the_document_knows_every_route(kept: Archive) -> None:
    described = (await kept.get("/openapi.json"))["paths"]
    routes = {route.path.replace("object_id", "objectId") for route in kept.app.routes}  # type: ignore[attr-defined]
    pages = {path for path in routes if path == "/" or path.startswith("/console")}
    assert set(described) == routes - pages - {"/client", "/processor"}
    assert set(described["/objects/{objectId}"]) == {"get", "delete"}
    names = [parameter["name"] for parameter in described["/objects"]["get"]["parameters"]]
    assert names == ["from", "to", "live", "cameraId", "limit", "cursor"]
