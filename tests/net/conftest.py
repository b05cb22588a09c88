"""A certificate of the server's."""

from pathlib import Path

import pytest

from .serving import Secured


@pytest.fixture
def secured(tmp_path: Path) -> Secured:
    return Secured(tmp_path)
