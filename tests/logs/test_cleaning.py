"""Values are shown on one visible line, short, and without secrets."""

import unicodedata
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trio_orchestrator.logs.cleaning import MAX_CHARACTERS, clean_fields, clean_text
from trio_orchestrator.protocol.codes import CloseCode, ErrorCode
from trio_orchestrator.protocol.inbound import Authenticate, Start


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cam1", "cam1"),
        ("Müller 相机", "Müller 相机"),
        ("a\nb\r\tc\0", r"a\nb\r\tc\x00"),
        ("\x1b[31m\x7f\x85\x9b", r"\x1b[31m\x7f\x85\x9b"),
        ("\u2028\u2029\u202e\u2066\u200b\ufeff", r"\u2028\u2029\u202e\u2066\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "…(+1)"),
        ("\n" * 200, r"\n" * 100 + "…(+100)"),
        ("x" + "\n" * 200, "x" + r"\n" * 99 + "…(+101)"),
    ],
)
def test_text_is_shown_on_one_visible_line(text: str, shown: str) -> None:
    assert clean_text(text) == shown


@given(st.text(max_size=400) | st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_no_text_moves_the_cursor_or_hides(text: str) -> None:
    shown = clean_text(text)
    assert len(shown) <= MAX_CHARACTERS + len("…(+100000)")
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)


@pytest.mark.parametrize(
    "key",
    ["token", "jwt", "image", "feature_map", "featureMap", "feature-map", "password", "Authorization", "access_token",
     "DB_PASSWORD", "secret"],
)  # fmt: skip
def test_secrets_are_masked_at_any_depth(key: str) -> None:
    secret = "s3cret"
    assert clean_fields({key: secret}) == {key: "***"}
    assert clean_fields({key: [secret]}) == {key: "***"}
    assert clean_fields({"message": [{key: secret}]}) == {"message": [{key: "***"}]}


def test_what_is_not_secret_is_not_masked() -> None:
    assert clean_fields({"has_image": True, "images": 3, "tokens": 2}) == {"has_image": True, "images": 3, "tokens": 2}


def test_messages_show_no_token_and_no_image() -> None:
    assert clean_fields({"message": Authenticate("s3cret")}) == {"message": {"jwt": "***"}}
    assert "s3cret" not in str(clean_fields({"message": Start("cam1", Raw(b'"s3cret"'))}))
    assert clean_fields({"a": b"s3cret", "b": memoryview(b"s3cret")}) == {"a": "(6 bytes)", "b": "(6 bytes)"}


@dataclass
class _Account:
    name: str
    password: str
    key: str = field(repr=False)


class _Mean:
    def __str__(self) -> str:
        raise RuntimeError("no")


class _Plain:
    def __str__(self) -> str:
        return "plain\n"


def test_objects_are_shown_as_far_as_is_safe() -> None:
    fields = {
        "account": _Account("a", "s3cret", "s3cret"),
        "mean": _Mean(),
        "plain": _Plain(),
        "error": ValueError("no\n"),
        "code": ErrorCode.NOT_JSON,
        "close": CloseCode.TOO_SLOW,
        "deep": [[[["s3cret"]]]],
        "many": list(range(25)),
        "huge": 10**5000,
    }
    assert clean_fields(fields) == {
        "account": {"name": "a", "password": "***"},
        "mean": "(_Mean)",
        "plain": r"plain\n",
        "error": r"ValueError: no\n",
        "code": "not_json",
        "close": 4452,
        "deep": [[["(list)"]]],
        "many": [*range(20), "…(+5)"],
        "huge": "(huge number)",
    }
