"""The protocol as it is installed, and as it is where no C compiler was there."""

from collections.abc import Iterator

import pytest

from trio_orchestrator.protocol import fast_lane, frames, inbound, usual


@pytest.fixture(scope="module", params=["as installed", "in Python"])
def either_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Once with what is compiled, if it is, and once without."""
    part = fast_lane if request.param == "as installed" else usual
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "usual_text", part.usual_text)
        patch.setattr(frames, "usual_texts", part.usual_texts)
        patch.setattr(inbound, "usual_members", part.usual_members)
        yield
