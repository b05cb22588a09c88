"""Which texts are values of a setting, and what is said about those that are none."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settings.helpers import SECRET, refusal
from trio_orchestrator.settings import VARIABLES, Settings, SettingsError

_PORTS = ["-1", "65536", "eighty", "8_0", "80.0", "٣", "0x50", "9" * 5000, "80 81"]
_SECONDS = ["0", "-1", "-0.0", "nan", "inf", "-inf", "1e400", "1e10", "1_0", "1,5", "10s", "soon", "٣"]
_BYTES = ["0", "-1", "10MB", "1.5", str(2**31), "9" * 5000]
_UNFIT = {
    "HOST": [
        "localhost:80",
        "http://localhost",
        "a b",
        "[localhost]",
        "1.2.3.4/8",
        "x" * 64,
        "a." * 126 + "com",
        "a..b",
        "-a",
        "a\nb\u202e",
    ],
    "HTTP_PORT": _PORTS,
    "HTTPS_PORT": [*_PORTS, "off"],
    "JWKS_URL": [
        "issuer.example/certs",
        "ftp://issuer.example/certs",
        "file:///etc/passwd",
        "https://",
        "https:///certs",
        "https://s3cret:s3cret@issuer.example/certs",
        "https://issuer.example:x/certs",
        "https://issuer.example:99999/certs",
        "https://[::1/certs",
        "https://issuer.example/c\nerts",
        "https://issuer.example/c erts",
        "https://issuer.example/çerts",
        "https://issuer.example/certs#x",
    ],
    "TOKEN_ALGORITHMS": ["none", "HS256", "RS256 ES256", ",", "RS256,none"],
    "PUBLIC_TIMELINES": ["maybe", "2", "truefalse"],
    "AUTH_TIMEOUT": _SECONDS,
    "TRACKING_TIMEOUT": _SECONDS,
    "WRITE_TIMEOUT": _SECONDS,
    "REQUEST_HEAD_TIMEOUT": _SECONDS,
    "TLS_HANDSHAKE_TIMEOUT": _SECONDS,
    "PING_INTERVAL": _SECONDS,
    "PING_TIMEOUT": _SECONDS,
    "CLOSE_TIMEOUT": _SECONDS,
    "MAX_CONNECTIONS": [*_BYTES, "1000001"],
    "MAX_CONNECTIONS_PER_ADDRESS": [*_BYTES, "1000001"],
    "MAX_OBJECTS": [*_BYTES, "1000001"],
    "MAX_IMAGE_BYTES": _BYTES,
    "MAX_FEATURE_MAP_BYTES": _BYTES,
    "MAX_REQUEST_HEAD_BYTES": [*_BYTES, "1023"],
    "ALLOWED_ORIGINS": [
        "*",
        "a.example",
        "https://a.example/x",
        "https://a.example?x",
        "https://u@a.example",
        ",",
        "null",
    ],
    "MAX_MESSAGE_BYTES": _BYTES,
    "MAX_OUTBOX_BYTES": _BYTES,
    "LOG_LEVEL": ["loud", "20"],
    "LOG_FORMAT": ["xml"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in _UNFIT.items() for text in texts])
def test_a_value_that_is_none_is_refused(name: str, text: str) -> None:
    assert refusal({name: text}).startswith(f"{name}: ")
    flag = "--" + name.lower().replace("_", "-")
    assert refusal({}, f"{flag}={text}").startswith(f"{name} (given as {flag}): ")


def test_a_refusal_says_what_is_wrong_and_what_would_be_right() -> None:
    assert refusal({"HTTP_PORT": "eighty\n"}) == (
        "HTTP_PORT: 'eighty' is not a whole number; give a port from 0 to 65535 (0 picks a free one), or `off`"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"nonsense {SECRET}",
        f"://{SECRET}",
        f"nosuch://user:{SECRET}@host/db",
        f"sqlite+nosuch://user:{SECRET}@host/db",
        f"sqlite+json://user:{SECRET}@host/db",
        f"postgresql://user:{SECRET}@host:{SECRET}/db",
        f"sqlite+aiosqlite:///x?password={SECRET}",
        f"oracle+cx_oracle://user:{SECRET}@host/db",
    ],
)
def test_an_unfit_database_is_refused_without_its_password(url: str) -> None:
    assert refusal({"DATABASE_URL": url}).startswith("DATABASE_URL: ")


def test_a_missing_driver_is_named() -> None:
    assert "(Python package 'cx_Oracle')" in refusal({"DATABASE_URL": "oracle+cx_oracle://host"})
    assert "needs asyncio" in refusal({"DATABASE_URL": "postgresql+asyncpg://host"})


def test_postgresql_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    text = refusal({"DATABASE_URL": f"postgresql+psycopg://user:{SECRET}@host/db"})
    assert "(Python package 'psycopg'); it comes with the extra [postgres]" in text


@given(st.dictionaries(st.sampled_from([variable.name for variable in VARIABLES]), st.text(max_size=20), max_size=3))
def test_any_text_gives_settings_or_one_line(environment: dict[str, str]) -> None:
    try:
        Settings.load(environment)
    except SettingsError as error:
        assert str(error).isprintable()


@given(st.from_regex(r"[a-z]{1,10}(\+[a-z_]{1,10})?://\S{0,20}", fullmatch=True) | st.text())
def test_any_database_url_gives_settings_or_one_line(url: str) -> None:
    try:
        Settings.load({"DATABASE_URL": url})
    except SettingsError as error:
        assert str(error).isprintable()
