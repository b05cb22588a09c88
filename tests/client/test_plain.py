import pytest

from trio_orchestrator.client.plain import LONGEST_SHOWN, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("camera at the café", "camera at the café"),
        ("\x1b[2J\r\n\x00\u202e", "?[2J????"),
        ("a" * LONGEST_SHOWN, "a" * LONGEST_SHOWN),
        ("a" * 64 * 2**20, "a" * LONGEST_SHOWN + "…"),
    ],
)
def test_what_a_peer_says_is_shown_plain_and_short(text: str, shown: str) -> None:
    assert plain(text) == shown
