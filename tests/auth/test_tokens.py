"""Which tokens prove an identity, and what is said about those that do not."""

import base64
import functools
import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens import (
    AUDIENCE,
    CLIENT_ROLE,
    CURVE,
    EDWARDS,
    PROCESSOR_ROLE,
    key_pair,
    make_claims,
    make_token,
    token_settings,
)
from trio_orchestrator.auth import LEEWAY, MAX_TOKEN_CHARACTERS, FixedKey, Identity, TokenChecker
from trio_orchestrator.protocol.errors import Forbidden, PeerError, Unauthenticated


@functools.cache
def checker(role: str = CLIENT_ROLE) -> TokenChecker:
    return TokenChecker(token_settings(), role, fixed_key())


def fixed_key() -> FixedKey:
    return FixedKey(key_pair().public_pem, ["RS256"])


def check(token: str, by: TokenChecker | None = None) -> Identity:
    """What a checker says that need not wait, as one with a fixed key need not."""
    checking = (by or checker()).check(token)
    try:
        checking.send(None)
    except StopIteration as told:
        identity: Identity = told.value
        return identity
    finally:
        checking.close()
    raise AssertionError("it waits")


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    key = load_pem_private_key(key_pair().private_pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: bytes, payload: bytes) -> str:
    """Any header and payload, with a genuine signature: what only the issuer could do."""
    head = f"{segment(header)}.{segment(payload)}"
    signature = private_key().sign(head.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{head}.{segment(signature)}"


def signed_claims(claims: dict[str, Any]) -> str:
    return signed(b'{"alg":"RS256","typ":"JWT"}', json.dumps(claims).encode())


def refusal(token: str) -> str:
    """What a peer is told about a token that is no good."""
    with pytest.raises(Unauthenticated) as caught:
        check(token)
    foreign = None if caught.value.__suppress_context__ else caught.value.__context__
    assert foreign is None, "it may quote the token, and would be shown in a traceback"
    return str(caught.value)


def test_a_good_token_names_its_subject_and_its_end() -> None:
    expires_at = time.time() + 60
    identity = check(make_token(subject="alice", name="Alice A.", exp=expires_at))
    assert identity == Identity("alice", "Alice A.", expires_at)


def test_roles_are_checked_each_for_its_own_kind_of_peer() -> None:
    token = make_token(roles=[PROCESSOR_ROLE])
    assert check(token, checker(PROCESSOR_ROLE)).subject == "alice"
    with pytest.raises(Forbidden):
        check(token, checker(CLIENT_ROLE))


def test_the_audience_may_be_one_of_several() -> None:
    assert check(make_token(audience=["account", AUDIENCE])).subject == "alice"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Alice", "preferred_username": "alice7"}, "Alice"),
        ({"preferred_username": "alice7"}, "alice7"),
        ({"name": "", "preferred_username": "alice7"}, "alice7"),
        ({"name": 7}, None),
        ({"name": "\ud800"}, None),
        ({}, None),
    ],
)
def test_the_name_is_one_for_people_or_none(claims: dict[str, Any], name: str | None) -> None:
    assert check(signed_claims(make_claims(**claims))).name == name


def test_a_token_without_subject_has_none() -> None:
    assert check(make_token(subject=None)).subject is None


def test_a_token_within_the_leeway_is_good_until_the_leeway_ends() -> None:
    expired_at = time.time() - LEEWAY / 2
    assert check(make_token(exp=expired_at)).expires_at == expired_at + LEEWAY


def test_the_leeway_is_only_for_tokens_that_need_it() -> None:
    expires_at = time.time() + 1000
    early = TokenChecker(token_settings(), CLIENT_ROLE, fixed_key(), clock=lambda: expires_at - 0.001)
    late = TokenChecker(token_settings(), CLIENT_ROLE, fixed_key(), clock=lambda: expires_at)
    assert check(make_token(exp=expires_at), early).expires_at == expires_at
    assert check(make_token(exp=expires_at), late).expires_at == expires_at + LEEWAY


def test_an_expired_token_is_refused() -> None:
    assert refusal(make_token(expires_in=-LEEWAY - 1)) == "the token has expired"


def test_a_token_that_never_expires_is_refused() -> None:
    assert refusal(make_token(expires_in=None)) == "the token lacks `exp` or `aud`"


def test_a_token_for_later_is_refused() -> None:
    assert refusal(make_token(nbf=time.time() + LEEWAY + 60)) == "the token is not valid yet"
    assert check(make_token(nbf=time.time() + LEEWAY / 2)).subject == "alice"


@pytest.mark.parametrize(
    "audience", ["other", AUDIENCE + "x", AUDIENCE.upper(), ["other"], [AUDIENCE, 7], {AUDIENCE: 1}]
)
def test_a_token_for_somebody_else_is_refused(audience: Any) -> None:
    assert refusal(make_token(audience=audience)) == "the token is meant for another audience"


@pytest.mark.parametrize("audience", [None, "", []])
def test_a_token_for_nobody_is_refused(audience: Any) -> None:
    assert refusal(make_token(audience=audience)) == "the token lacks `exp` or `aud`"


def test_a_token_of_another_issuer_is_refused() -> None:
    assert refusal(make_token(signer=key_pair("stranger"))) == "the signature of the token is not good"


def test_a_token_that_was_changed_is_refused() -> None:
    header, _, signature = make_token(roles=[]).split(".")
    payload = segment(json.dumps(make_claims()).encode())
    assert refusal(f"{header}.{payload}.{signature}") == "the signature of the token is not good"


def test_a_token_without_signature_is_refused() -> None:
    head = segment(b'{"alg":"none"}') + "." + segment(json.dumps(make_claims()).encode())
    assert refusal(f"{head}.") == "the token is not signed with RS256"
    assert refusal(f"{head}.{make_token().split('.')[2]}") == "the token is not signed with RS256"


def test_the_public_key_is_no_shared_secret() -> None:
    head = segment(b'{"alg":"HS256"}') + "." + segment(json.dumps(make_claims()).encode())
    for secret in (key_pair().public_pem, key_pair().public_pem.strip()):
        mac = hmac.new(secret, head.encode(), hashlib.sha256).digest()
        assert refusal(f"{head}.{segment(mac)}") == "the token is not signed with RS256"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_other_algorithms_of_the_same_key_are_refused(algorithm: str) -> None:
    assert refusal(make_token(algorithm=algorithm)) == "the token is not signed with RS256"


@pytest.mark.parametrize(
    "access",
    [
        None,
        [],
        {},
        {AUDIENCE: None},
        {AUDIENCE: {}},
        {AUDIENCE: {"roles": None}},
        {AUDIENCE: {"roles": []}},
        {AUDIENCE: {"roles": CLIENT_ROLE}},
        {AUDIENCE: {"roles": {CLIENT_ROLE: True}}},
        {AUDIENCE: {"roles": [CLIENT_ROLE + "s", CLIENT_ROLE.upper()]}},
        {AUDIENCE: {"roles": [CLIENT_ROLE, 7]}},
        {"other": {"roles": [CLIENT_ROLE]}},
        {AUDIENCE: [CLIENT_ROLE]},
    ],
)
def test_a_good_token_without_the_role_is_forbidden(access: Any) -> None:
    with pytest.raises(Forbidden, match="does not hold the role"):
        check(make_token(resource_access=access))


@pytest.mark.parametrize(
    "exp",
    ["1e400", "-1e400", "NaN", "1" + "0" * 400, "9" * 5000, '"4102444800"', "true", "-1", "0", "null", "[]", "{}",
     "4102444800000", "253402300800"],
)  # fmt: skip
def test_an_absurd_end_is_refused(exp: str) -> None:
    claims = json.dumps(make_claims(expires_in=None)).removesuffix("}")
    assert refusal(signed(b'{"alg":"RS256"}', f'{claims},"exp":{exp}}}'.encode()))


@pytest.mark.parametrize("subject", ["7", "true", "null", "[]", r'"\ud800"'])
def test_a_subject_that_is_no_text_is_refused(subject: str) -> None:
    claims = json.dumps(make_claims(subject=None)).removesuffix("}")
    assert refusal(signed(b'{"alg":"RS256"}', f'{claims},"sub":{subject}}}'.encode()))


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"7", b"{}", b'{"alg":null}', b'{"alg":[]}', b'{"alg":{}}', b'{"alg":"RS256","kid":7}',
     b'{"alg":"RS256","crit":["x"]}', b'{"alg":"RS256","b64":false}', b"\xff", b"[" * 40_000,
     b'{"alg":' + b"[" * 40_000],
)  # fmt: skip
def test_an_odd_header_is_refused(header: bytes) -> None:
    assert refusal(signed(header, json.dumps(make_claims()).encode()))


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"7", b"null", b"\xff", b"[" * 40_000, b'{"exp":' + b"9" * 10_000 + b"}"]
)
def test_an_odd_payload_is_refused(payload: bytes) -> None:
    assert refusal(signed(b'{"alg":"RS256"}', payload))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "....", "\ud800", "\0", "ключ.ключ.ключ", "Bearer x"])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert refusal(token) == "the token is malformed"


def test_a_huge_token_is_refused_unread() -> None:
    token = make_token()
    assert refusal(token + "A" * (MAX_TOKEN_CHARACTERS + 1 - len(token))) == "the token is longer than 65536 characters"
    assert check(make_token(padding="A" * 45_000)).subject == "alice"


def test_a_refusal_says_nothing_out_of_the_token() -> None:
    secret = "TOPSECRET"
    tokens = [
        make_token(audience=secret),
        make_token(expires_in=-60, sub=secret),
        make_token(exp=secret),
        make_token(nbf=secret),
        make_token(iat=secret),
        signed(b'{"alg":"TOPSECRET"}', b"{}"),
        signed(b'{"TOPSECRET', b"{}"),
        secret,
    ]
    for token in tokens:
        assert secret not in refusal(token)


@pytest.mark.parametrize(("pair", "algorithm"), [(CURVE, "ES256"), (EDWARDS, "EdDSA")])
def test_other_algorithms_are_good_where_they_are_allowed(pair: str, algorithm: str) -> None:
    token = make_token(signer=key_pair(pair), algorithm=algorithm)
    keys = FixedKey(key_pair(pair).public_pem, ["RS256", "ES256", "EdDSA"])
    theirs = TokenChecker(token_settings(), CLIENT_ROLE, keys)
    assert check(token, theirs).subject == "alice"
    assert refusal(token) == "the token is not signed with RS256"
    with pytest.raises(Unauthenticated, match=f"not signed with {algorithm}"):
        check(make_token(), theirs)


def test_a_token_whose_key_is_not_known_is_refused() -> None:
    class NoKey:
        algorithms = ("RS256",)

        async def find(self, key_id: str | None, algorithm: str) -> None:
            assert (key_id, algorithm) == ("b", "RS256")

    with pytest.raises(Unauthenticated, match="`kid` is not known"):
        check(make_token(key_id="b"), TokenChecker(token_settings(), CLIENT_ROLE, NoKey()))


@pytest.mark.parametrize(
    ("claim", "claims", "cameras"),
    [
        ("camera", {"camera": "cam1"}, {"cam1"}),
        ("camera", {"camera": ["cam1", "cam2"]}, {"cam1", "cam2"}),
        ("camera", {"camera": []}, set()),
        ("camera", {}, set()),
        ("camera", {"camera": None}, set()),
        ("camera", {"camera": 7}, set()),
        ("camera", {"camera": {"cam1": True}}, set()),
        ("camera", {"camera": [7, ["cam1"], "cam2"]}, {"cam2"}),
        ("sub", {}, {"alice"}),
        ("site.camera", {"site": {"camera": "cam1"}}, {"cam1"}),
        ("site.camera", {"site.camera": "cam1", "site": {"camera": "cam2"}}, {"cam1"}),
        ("site.camera", {"site": "camera"}, set()),
        ("site.camera", {"site": ["camera"]}, set()),
        ("https://x.example/camera", {"https://x.example/camera": "cam1"}, {"cam1"}),
        ("site.x.example", {"site": {"x.example": "cam1"}}, {"cam1"}),
    ],
)
def test_a_claim_names_the_cameras(claim: str, claims: dict[str, Any], cameras: set[str]) -> None:
    settings = replace(token_settings(), processor_id_claim=claim)
    by = TokenChecker(settings, PROCESSOR_ROLE, fixed_key())
    assert check(signed_claims(make_claims(**claims)), by).camera_ids == frozenset(cameras)
    assert check(signed_claims(make_claims(**claims))).camera_ids is None, "no claim is asked for: any camera"


@given(st.text() | st.text(alphabet="abcAB01_-.=").map(lambda text: f"{segment(b'{}')}.{text}"))
def test_any_text_is_refused_with_an_error_of_ours(token: str) -> None:
    with pytest.raises(Unauthenticated):
        check(token)


@given(st.data())
def test_any_change_to_a_good_token_makes_it_no_better(data: st.DataObject) -> None:
    token = _good_token()
    start = data.draw(st.integers(0, len(token)), label="from")
    end = data.draw(st.integers(start, min(len(token), start + 40)), label="to")
    changed = token[:start] + data.draw(st.text(max_size=40), label="instead") + token[end:]
    try:
        identity = check(changed)
    except PeerError:
        return
    # Padding may be written or left out; nothing else may differ.
    assert identity == check(token)
    assert changed.replace("=", "") == token


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_claim_names = st.sampled_from(["exp", "aud", "sub", "nbf", "iat", "jti", "iss", "name", "resource_access", "typ"])


@given(
    st.dictionaries(_claim_names, _json, max_size=4),
    st.dictionaries(st.sampled_from(["kid", "typ", "crit", "b64", "alg"]), _json, max_size=2),
)
def test_any_claims_of_the_issuer_give_an_identity_or_an_error_of_ours(
    claims: dict[str, Any], header: dict[str, Any]
) -> None:
    token = signed(
        json.dumps({"alg": "RS256"} | header).encode(),
        json.dumps(make_claims() | claims).encode(),
    )
    try:
        identity = check(token)
    except PeerError:
        return
    assert time.time() < identity.expires_at < 253_402_300_800 + LEEWAY


@functools.cache
def _good_token() -> str:
    return make_token(expires_in=3600)
