"""Key pairs and tokens for tests: RS256 in Keycloak's form, good unless the test asks for worse."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from trio_orchestrator.auth import FixedKey, TokenChecker
from trio_orchestrator.settings import TokenSettings

AUDIENCE: Final = "orchestrator"
CLIENT_ROLE: Final = "operator"
PROCESSOR_ROLE: Final = "processor"
ADMIN_ROLE: Final = "archivist"
CURVE: Final = "issuer on P-256"
EDWARDS: Final = "issuer with Ed25519"


@dataclass(frozen=True)
class KeyPair:
    """A key pair, both halves in PEM."""

    private_pem: bytes = field(repr=False)
    public_pem: bytes


def key_pair(name: str = "issuer", bits: int = 2048) -> KeyPair:
    """An RSA key pair, or what the name says; the same one for the same name within one run of the tests."""
    return _key_pair(name, bits)


@cache
def _key_pair(name: str, bits: int) -> KeyPair:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    if name == CURVE:
        key = ec.generate_private_key(ec.SECP256R1())
    elif name == EDWARDS:
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return KeyPair(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def published(key_id: str, pair: str = "issuer", bits: int = 2048) -> dict[str, Any]:
    """A pair's public key as a key server publishes it (RFC 7517)."""
    key = load_pem_public_key(key_pair(pair, bits).public_pem)
    kinds = {CURVE: jwt.algorithms.ECAlgorithm, EDWARDS: jwt.algorithms.OKPAlgorithm}
    member: dict[str, Any] = kinds.get(pair, jwt.algorithms.RSAAlgorithm).to_jwk(key, as_dict=True)  # type: ignore[attr-defined]
    member.pop("key_ops", None)
    algorithm = {CURVE: "ES256", EDWARDS: "EdDSA"}.get(pair, "RS256")
    return member | {"kid": key_id, "use": "sig", "alg": algorithm}


def make_claims(
    *,
    audience: str | list[str] = AUDIENCE,
    roles: Iterable[str] = (CLIENT_ROLE, PROCESSOR_ROLE),
    subject: str | None = "alice",
    expires_in: float | None = 300.0,
    **claims: Any,
) -> dict[str, Any]:
    """The claims of a token; `expires_in` seconds from now (None: no `exp`), `claims` are added or replaced."""
    made: dict[str, Any] = {"aud": audience, "resource_access": {AUDIENCE: {"roles": list(roles)}}}
    if subject is not None:
        made["sub"] = subject
    if expires_in is not None:
        made["exp"] = time.time() + expires_in
    return made | claims


def make_token(
    *, signer: KeyPair | None = None, algorithm: str = "RS256", key_id: str | None = None, **claims: Any
) -> str:
    """A token with the claims that `make_claims` makes of `claims`, signed by the issuer unless told otherwise."""
    pair = signer or key_pair()
    headers = None if key_id is None else {"kid": key_id}
    return jwt.encode(make_claims(**claims), _signing_key(pair.private_pem), algorithm=algorithm, headers=headers)


@cache
def _signing_key(pem: bytes) -> Any:
    """What `pem` holds; to read it takes a hundred times as long as to sign with it, as all of it is checked."""
    return load_pem_private_key(pem, None)


def token_settings(
    *,
    client_role: str | None = CLIENT_ROLE,
    processor_role: str | None = PROCESSOR_ROLE,
    admin_role: str | None = None,
) -> TokenSettings:
    """Settings by which the tokens of `make_token` are good."""
    return TokenSettings(key_pair().public_pem, AUDIENCE, client_role, processor_role, admin_role)


def token_checker(role: str) -> TokenChecker:
    """Checks the tokens of `make_token`."""
    settings = token_settings()
    return TokenChecker(settings, role, FixedKey(key_pair().public_pem, settings.algorithms))


def token_environment(
    *, client_role: str | None = CLIENT_ROLE, processor_role: str | None = PROCESSOR_ROLE
) -> dict[str, str]:
    """The same as environment variables."""
    return {
        "PUBLIC_KEY": key_pair().public_pem.decode(),
        "AUDIENCE": AUDIENCE,
        "CLIENT_ROLE": client_role or "",
        "PROCESSOR_ROLE": processor_role or "",
    }
