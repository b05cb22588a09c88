"""An archive on each engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.net.archive import Archive, archive


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Archive]:
    """An empty archive that everybody may read and erase from."""
    async with archive(f"sqlite:///{tmp_path}/archive.db") as made:
        yield made
