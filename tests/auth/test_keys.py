"""Which keys check tokens: one that is given, or those of a published set that fit."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens import CURVE, EDWARDS, key_pair, published
from trio_orchestrator.auth.keys import FixedKey, NoKeys, parse_key_set

ALL = ("RS256", "ES256", "EdDSA")


def key_set(*members: Any) -> bytes:
    return json.dumps({"keys": members}).encode()


def names(text: bytes, algorithms: tuple[str, ...] = ALL) -> set[tuple[str, str]]:
    return set(parse_key_set(text, algorithms))


def pem(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


async def test_a_given_key_is_for_its_own_algorithm_alone() -> None:
    for pair, algorithm in ((key_pair(), "RS256"), (key_pair(CURVE), "ES256"), (key_pair(EDWARDS), "EdDSA")):
        key = FixedKey(pair.public_pem, ALL)
        assert key.algorithms == (algorithm,)
        for other in ALL:
            found = await key.find("any name", other)
            assert (found is not None) == (other == algorithm)
            assert (await key.find(None, other) is not None) == (other == algorithm)


def test_a_given_key_must_fit_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="a public key for RS256"):
        FixedKey(key_pair(CURVE).public_pem, ["RS256"])
    with pytest.raises(ValueError, match="for ES256"):
        FixedKey(pem(ec.generate_private_key(ec.SECP384R1()).public_key()), ["ES256"])


def test_each_kind_of_key_is_found_by_its_name() -> None:
    members = [published("r"), published("e", CURVE), published("d", EDWARDS)]
    found = parse_key_set(key_set(*members), ALL)
    assert {name: type(key) for name, key in found.items()} == {
        ("r", "RS256"): type(rsa.generate_private_key(65537, 2048).public_key()),
        ("e", "ES256"): type(ec.generate_private_key(ec.SECP256R1()).public_key()),
        ("d", "EdDSA"): type(ed25519.Ed25519PrivateKey.generate().public_key()),
    }
    assert names(key_set(*members), ("RS256",)) == {("r", "RS256")}, "only what is allowed"


@pytest.mark.parametrize(
    "change",
    [
        {"kid": None}, {"kid": 7}, {"kty": "EC"}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": None}, {"use": "enc"},
        {"alg": "RS512"}, {"alg": "HS256"}, {"alg": "RSA-OAEP"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"},
        {"n": "AQAB"}, {"n": ""}, {"n": 7}, {"n": "-"}, {"n": None}, {"e": ""}, {"e": "AA"}, {"e": []},
        {"crv": "P-256"}, {"d": "AQAB"},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_does_not_fit_is_ignored(change: dict[str, Any]) -> None:
    misfit = published("misfit") | change
    assert names(key_set(misfit, published("good"))) == {("good", "RS256")}
    with pytest.raises(NoKeys):
        parse_key_set(key_set(misfit), ALL)


def test_a_weak_or_endless_key_is_ignored() -> None:
    endless = published("endless") | {"n": "_" * (16_500 // 6)}
    weak = published("weak", "weak", 1024)
    assert names(key_set(weak, endless, published("good"))) == {("good", "RS256")}


def test_of_two_keys_of_one_name_the_first_counts() -> None:
    found = parse_key_set(key_set(published("one"), published("one", "stranger")), ALL)
    assert found == parse_key_set(key_set(published("one")), ALL)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"7", b"null", b"{}", b'{"keys":null}', b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[[]]}',
     b'{"keys":"RS256"}', b"<html>502 Bad Gateway</html>", b"\xff\xfe", b"[" * 100_000, b'{"keys":[' + b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_set_of_keys_is_said(text: bytes) -> None:
    with pytest.raises(NoKeys):
        parse_key_set(text, ALL)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_members = st.sampled_from(["kid", "kty", "alg", "use", "key_ops", "n", "e", "crv", "x", "y"])


@given(st.sampled_from(["issuer", CURVE, EDWARDS]), st.dictionaries(_members, _json | st.text("AQ_-="), max_size=3))
def test_whatever_is_published_there_is_a_key_or_none(pair: str, odd: dict[str, Any]) -> None:
    try:
        found = parse_key_set(key_set(published("x", pair) | odd), ALL)
    except NoKeys:
        return
    assert len(found) == 1


@given(st.binary() | _json.map(lambda document: json.dumps(document).encode()))
def test_whatever_is_answered_it_is_a_set_of_keys_or_none(text: bytes) -> None:
    with pytest.raises(NoKeys):
        parse_key_set(text, ALL)
