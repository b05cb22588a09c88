"""The public keys that tokens are checked with: the one that was given, or a published set of them (RFC 7517)."""

import json
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trio_orchestrator.settings import algorithm_of

Key: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
KeySet: TypeAlias = dict[tuple[str, str], Key]
"""Keys by their name (`kid`) and the algorithm that they are for."""

_MAX_RSA_BITS: Final = 16_384
"""Checking a signature takes longer the longer the key is; nobody needs longer ones."""

# What a published key says that it is, by the algorithm it can be used with (RFC 7518, section 6; RFC 8037).
_KINDS: Final = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}


class Keys(Protocol):
    """Where the keys come from.

    Attributes:
        algorithms: those that a token may be signed with, as its header names them (RFC 7518, section 3.1).
    """

    @property
    def algorithms(self) -> Sequence[str]: ...  # noqa: D102 - see above

    async def find(self, key_id: str | None, algorithm: str) -> Key | None:
        """The key for `algorithm`, which is one of `algorithms`, that a token names `key_id`; None where there is none.

        Takes seconds where it has to be fetched first.
        """


class FixedKey:
    """The one key that was given. Tokens need not name it.

    Args:
        public_key: in PEM.
        algorithms: those that are allowed at all; the key is for one of them.

    Raises:
        ValueError: it is not for any of them.
    """

    def __init__(self, public_key: bytes, algorithms: Sequence[str]) -> None:
        key = load_pem_public_key(public_key)
        algorithm = algorithm_of(key)
        if algorithm is None or algorithm not in algorithms or not isinstance(key, Key):
            raise ValueError(f"tokens are checked with a public key for {' or '.join(algorithms)}")
        self._key = key
        self._algorithms = (algorithm,)

    @property
    def algorithms(self) -> Sequence[str]:
        """The algorithm of the key."""
        return self._algorithms

    async def find(self, key_id: str | None, algorithm: str) -> Key | None:
        """The key, whatever it is called; does not wait."""
        return self._key if algorithm in self._algorithms else None


class NoKeys(Exception):
    """What a key server published holds no key that can be used here."""


def parse_key_set(text: bytes, algorithms: Sequence[str]) -> KeySet:
    """The keys in `text`, a JWK set (RFC 7517, section 5), that fit; the others are ignored.

    A key fits that has a name, is public, is not said to be for anything but signatures, and is of a kind and size
    for one of `algorithms`. Nothing is made of certificates in it.

    Raises:
        NoKeys: there is none, or `text` is no JWK set.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NoKeys("what it publishes is not JSON") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise NoKeys("what it publishes is no set of keys")
    found: KeySet = {}
    for member in members:
        for algorithm in algorithms:
            if isinstance(member, dict) and (key := _fitting(member, algorithm)) is not None:
                found.setdefault((member["kid"], algorithm), key)
    if not found:
        raise NoKeys(f"it publishes no key with a `kid` for {' or '.join(algorithms)}")
    return found


def _fitting(member: dict[str, Any], algorithm: str) -> Key | None:
    kind, curve = _KINDS[algorithm]
    operations = member.get("key_ops", ["verify"])
    if (
        not isinstance(member.get("kid"), str)
        or member.get("kty") != kind
        or member.get("crv") != curve
        or member.get("alg", algorithm) != algorithm
        or member.get("use", "sig") != "sig"
        or not (isinstance(operations, list) and "verify" in operations)
        or "d" in member  # a private key: whoever can read it can sign
    ):
        return None
    try:
        key = jwt.PyJWK(member, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
        return None  # PyJWT wraps most of what odd members do to the helpers it uses, not all
    if not isinstance(key, Key) or algorithm_of(key) != algorithm:
        return None
    return None if isinstance(key, RSAPublicKey) and key.key_size > _MAX_RSA_BITS else key
