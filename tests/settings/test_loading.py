"""What environment and flags mean together, and what must not be shown of them."""

import argparse
from collections.abc import Mapping
from typing import Any

import pytest

from tests.settings.helpers import SECRET, load, refusal
from tests.tokens import token_environment, token_settings
from trio_orchestrator.settings import VARIABLES, Settings, TlsFiles, add_flags, markdown_table


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = load()
    assert str(settings.database_url) == "sqlite:///orchestrator.db"
    assert {name: getattr(settings, name) for name in Settings.__slots__ if name != "database_url"} == {
        "host": None, "http_port": 80, "https_port": 443, "tls": None, "tokens": None, "public_timelines": False,
        "allow_anonymous_erase": False, "visit_gap": 3.0, "answer_timeout": 10.0, "retention_days": None,
        "admin_port": None, "forwarded_allow_ips": (),
        "allowed_origins": None, "auth_timeout": 10.0, "tracking_timeout": None,
        "max_connections": 4096, "max_connections_per_address": 1024, "max_objects": 10_000,
        "max_message_bytes": 10485760, "max_image_bytes": 10485760, "max_feature_map_bytes": 10485760,
        "max_outbox_bytes": 4194304, "max_request_head_bytes": 16384,
        "request_head_timeout": 10.0, "tls_handshake_timeout": 10.0, "write_timeout": 5.0,
        "ping_interval": 20.0, "ping_timeout": 20.0, "close_timeout": 2.0, "log_level": "info", "log_format": "text",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("HOST", "127.0.0.1", "127.0.0.1"),
        ("HOST", "[::1]", "::1"),
        ("HOST", "cameras.example", "cameras.example"),
        ("HTTP_PORT", "0", 0),
        ("HTTP_PORT", "65535", 65535),
        ("HTTPS_PORT", "0", 0),
        ("PUBLIC_TIMELINES", "TRUE", True),
        ("PUBLIC_TIMELINES", "0", False),
        ("ALLOWED_ORIGINS", "https://a.example", {"https://a.example"}),
        (
            "ALLOWED_ORIGINS",
            "HTTPS://A.Example:443/, http://b:8080 ,http://[::1]:80",
            {"https://a.example", "http://b:8080", "http://[::1]"},
        ),
        ("AUTH_TIMEOUT", "0.5", 0.5),
        ("TRACKING_TIMEOUT", "2.5", 2.5),
        ("TRACKING_TIMEOUT", "1e3", 1000.0),
        ("VISIT_GAP", "1.5", 1.5),
        ("ANSWER_TIMEOUT", "2.5", 2.5),
        ("RETENTION_DAYS", "0.25", 0.25),
        ("ALLOW_ANONYMOUS_ERASE", "yes", True),
        ("MAX_MESSAGE_BYTES", "1", 1),
        ("MAX_OUTBOX_BYTES", "1000000", 1_000_000),
        ("WRITE_TIMEOUT", "1", 1.0),
        ("REQUEST_HEAD_TIMEOUT", "0.5", 0.5),
        ("TLS_HANDSHAKE_TIMEOUT", "0.5", 0.5),
        ("PING_INTERVAL", "0.5", 0.5),
        ("PING_TIMEOUT", "0.5", 0.5),
        ("CLOSE_TIMEOUT", "0.5", 0.5),
        ("MAX_CONNECTIONS", "10", 10),
        ("MAX_CONNECTIONS_PER_ADDRESS", "10", 10),
        ("MAX_OBJECTS", "10", 10),
        ("MAX_IMAGE_BYTES", "10", 10),
        ("MAX_FEATURE_MAP_BYTES", "10", 10),
        ("MAX_REQUEST_HEAD_BYTES", "2048", 2048),
        ("LOG_LEVEL", "DEBUG", "debug"),
        ("LOG_FORMAT", "Json", "json"),
    ],
)
def test_each_variable_is_also_a_flag(name: str, text: str, value: Any) -> None:
    flag = "--" + name.lower().replace("_", "-")
    assert getattr(load({name: text}), name.lower()) == value
    assert getattr(load({}, flag, text), name.lower()) == value
    assert getattr(load({name: "nonsense/"}, flag, text), name.lower()) == value, "a flag wins"
    assert getattr(load({name: f" {text}\r\n"}), name.lower()) == value, "white space around it does not count"


def test_no_variable_lacks_a_flag_or_its_documentation() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    for variable in VARIABLES:
        assert variable.flag in parser.format_help()
        assert f"| `{variable.name}` | `{variable.flag}` |" in markdown_table()


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_value_counts_as_unset(variable: Any, empty: str) -> None:
    assert load({variable.name: empty}) == load()
    assert load({}, variable.flag, empty) == load()


def test_an_empty_flag_leaves_the_environment_in_force() -> None:
    assert load({"HTTP_PORT": "81"}, "--http-port", "").http_port == 81


def test_flags_before_and_behind_a_subcommand_both_count() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    add_flags(parser.add_subparsers().add_parser("serve"))
    settings = Settings.load({}, parser.parse_args(["--http-port", "81", "serve", "--public-timelines"]))
    assert settings.http_port == 81
    assert settings.public_timelines


def test_a_boolean_flag_may_stand_alone() -> None:
    assert load({}, "--public-timelines").public_timelines
    assert not load({"PUBLIC_TIMELINES": "true"}, "--public-timelines", "false").public_timelines


def test_something_must_listen(tls_files: TlsFiles) -> None:
    assert refusal({"HTTP_PORT": "off"}).startswith("HTTP_PORT: it is `off` and TLS is not configured")
    environment = {"HTTP_PORT": "OFF", "SSL_CERT": tls_files.certificate, "SSL_KEY": tls_files.key}
    assert load(environment).http_port is None


def test_two_listeners_need_two_ports(tls_files: TlsFiles) -> None:
    environment = {"SSL_CERT": tls_files.certificate, "SSL_KEY": tls_files.key}
    assert refusal(environment | {"HTTP_PORT": "8443"}, "--https-port", "8443").startswith("HTTPS_PORT (given as")
    assert load(environment | {"HTTP_PORT": "0", "HTTPS_PORT": "0"}).https_port == 0
    assert load({"HTTP_PORT": "443"}).http_port == 443, "TLS is off"


@pytest.mark.parametrize(
    "chosen",
    [[number >> bit & 1 for bit in range(4)] for number in range(16)],
    ids=lambda chosen: "".join(map(str, chosen)),
)
def test_half_configured_authentication_never_means_none(chosen: list[int]) -> None:
    every = token_environment()
    environment = {name: every[name] for name, is_chosen in zip(every, chosen, strict=True) if is_chosen}
    has_key, has_audience, has_client_role, has_processor_role = chosen
    if not any(chosen):
        assert load(environment).tokens is None
    elif has_key and has_audience and (has_client_role or has_processor_role):
        tokens = load(environment).tokens
        assert tokens is not None
        assert (tokens.client_role is not None, tokens.processor_role is not None) == (
            bool(has_client_role), bool(has_processor_role),
        )  # fmt: skip
    else:
        missing = "PUBLIC_KEY" if not has_key else "AUDIENCE" if not has_audience else "CLIENT_ROLE"
        assert refusal(environment).startswith(f"{missing}: ")


def test_keys_come_from_one_place() -> None:
    without_key = {name: value for name, value in token_environment().items() if name != "PUBLIC_KEY"}
    tokens = load(without_key | {"JWKS_URL": "https://issuer.example/certs"}).tokens
    assert tokens is not None
    assert (tokens.public_key, tokens.jwks_url) == (None, "https://issuer.example/certs")
    assert refusal(without_key).startswith("PUBLIC_KEY: neither it nor JWKS_URL is set, but AUDIENCE and")
    both = token_environment() | {"JWKS_URL": "https://issuer.example/certs"}
    assert refusal(both).startswith("JWKS_URL: it is set, and so is PUBLIC_KEY; give only one")
    assert refusal({"JWKS_URL": "https://issuer.example/certs"}).startswith("AUDIENCE: it is not set, but JWKS_URL is;")
    warnings = load(without_key | {"JWKS_URL": "http://issuer.example/certs"}).warnings()
    assert [line.split(" ", 1)[0] for line in warnings] == ["JWKS_URL"]


def test_a_claim_for_cameras_needs_tokens_for_processors() -> None:
    claim = {"PROCESSOR_ID_CLAIM": "camera"}
    tokens = load(token_environment() | claim).tokens
    assert tokens is not None
    assert tokens.processor_id_claim == "camera"
    assert refusal(token_environment(processor_role=None) | claim).startswith("PROCESSOR_ROLE: it is not set, but")
    assert refusal(claim).startswith("PUBLIC_KEY: ")
    assert refusal({"TOKEN_ALGORITHMS": "ES256"}).startswith("PUBLIC_KEY: ")


def test_no_secret_is_shown() -> None:
    settings = load(
        token_environment() | {"DATABASE_URL": f"sqlite://user:{SECRET}@/x?password={SECRET}&sslkey={SECRET}"}
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert "PUBLIC KEY" not in repr(settings)
    assert settings.database_url.password == SECRET


def test_what_stays_open_to_everybody_is_said() -> None:
    def heads(environment: Mapping[str, str]) -> list[str]:
        return [line.split(" ", 1)[0] for line in load(environment).warnings()]

    assert heads({}) == ["/client", "/processor"]
    assert heads(token_environment()) == []
    assert heads(token_environment(client_role=None)) == ["/client"]
    assert heads(token_environment(processor_role=None)) == ["/processor"]
    assert heads(token_environment() | {"PUBLIC_TIMELINES": "true"}) == ["/timelines"]


def test_who_may_erase_is_settled_by_a_role_or_said_aloud() -> None:
    assert load(token_environment() | {"ADMIN_ROLE": "archivist"}).tokens == token_settings(admin_role="archivist")
    assert load({"ALLOW_ANONYMOUS_ERASE": "true"}).warnings()[-1].startswith("everybody may erase objects")
    needless = token_environment() | {"ALLOW_ANONYMOUS_ERASE": "true"}
    assert load(needless).warnings()[-1].startswith("ALLOW_ANONYMOUS_ERASE has no effect")


def test_an_admin_role_alone_is_half_an_authentication() -> None:
    assert refusal({"ADMIN_ROLE": "archivist"}).startswith(
        "PUBLIC_KEY: neither it nor JWKS_URL is set, but ADMIN_ROLE is"
    )
    half = token_environment(client_role=None, processor_role=None) | {"ADMIN_ROLE": "archivist"}
    assert refusal(half).startswith("CLIENT_ROLE: neither it nor PROCESSOR_ROLE is set")
    assert refusal({"RETENTION_DAYS": "10001"}).startswith("RETENTION_DAYS: '10001' is more than 10000; give days")


def test_what_has_no_effect_is_said(tls_files: TlsFiles) -> None:
    assert load({"PUBLIC_TIMELINES": "true"}).warnings()[-1].startswith("PUBLIC_TIMELINES has no effect")
    assert load({"HTTPS_PORT": "8443"}).warnings()[-1].startswith("HTTPS_PORT 8443 is not opened")
    tls = {"SSL_CERT": tls_files.certificate, "SSL_KEY": tls_files.key}
    assert load(token_environment() | tls | {"HTTPS_PORT": "8443"}).warnings() == []
