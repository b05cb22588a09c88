"""Objects whose time is over."""

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from tests.net.archive import NOON, Archive, archive, break_database
from tests.store.recording import PATIENCE, until

DAY = 86_400


async def _erase_old(kept: Archive, days: float, are_left: list[int]) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.eraser.erase_old, days)
            await until(lambda: [row["objectId"] for row in _listed(kept)] == are_left)
            nursery.cancel_scope.cancel()


def _listed(kept: Archive) -> list[dict[str, int]]:
    def ask(connection: object) -> list[dict[str, int]]:
        rows = connection.exec_driver_sql("SELECT id FROM objects ORDER BY id")  # type: ignore[attr-defined]
        return [{"objectId": row[0]} for row in rows]

    return kept.database.ask(ask)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/archive.db"


async def test_what_ended_long_ago_is_erased_and_what_is_live_never(address: str) -> None:
    async with archive(address) as kept:
        for _ in range(45):  # more than one batch
            kept.start(image=b'"x"')
        for object_id in range(1, 44):
            kept.stop(object_id, at=object_id)
        kept.expire(44, at=60)
        kept.clock.seconds = NOON + 43 + 10 * DAY
        await _erase_old(kept, 10, [43, 44, 45])  # exactly ten days is not more than ten days
        kept.clock.seconds += 1000 * DAY
        await _erase_old(kept, 10, [45])
        assert kept.database.object_ids() == list(range(1, 46))
        erased = [object_id for action, object_id in await kept.audited() if action == "erased"]
        assert sorted(erased) == list(range(1, 45))


async def test_it_looks_again_and_again(address: str) -> None:
    async with archive(address) as kept:
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(kept.eraser.erase_old, 1 / DAY)  # every second
                for object_id in (1, 2):
                    kept.start()
                    kept.stop(object_id)
                    kept.clock.seconds += 10
                    await until(lambda: _listed(kept) == [])
                nursery.cancel_scope.cancel()


async def test_a_database_that_is_away_is_tried_again(address: str, tmp_path: Path) -> None:
    async with archive(address) as kept:
        break_database(tmp_path)
        with capture_logs() as log, trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(kept.eraser.erase_old, 1 / DAY)
                await until(lambda: len(log) >= 2)
                nursery.cancel_scope.cancel()
        assert {entry["event"] for entry in log} == {"old objects could not be erased yet"}
