"""Which files make TLS or check tokens, and what is said about those that do not."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tests.settings.helpers import SECRET, load, refusal
from tests.tokens import CURVE, EDWARDS, key_pair, token_environment, token_settings
from trio_orchestrator.settings import TlsFiles

EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_CURVE_PEM = (
    ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)
EC_PUBLIC_PEM = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_tls_is_on_with_a_certificate_and_its_key(tls_files: TlsFiles) -> None:
    settings = load({"SSL_CERT": tls_files.certificate, "SSL_KEY": tls_files.key})
    assert settings.tls == tls_files
    assert isinstance(tls_files.context(), ssl.SSLContext)


def test_half_of_tls_is_refused(tls_files: TlsFiles) -> None:
    assert refusal({"SSL_CERT": tls_files.certificate}).startswith("SSL_KEY: it is not set, but SSL_CERT is")
    assert refusal({"SSL_KEY": tls_files.key, "SSL_CERT": " "}).startswith("SSL_CERT: it is not set, but SSL_KEY is")


def test_files_that_make_no_tls_are_told_apart(tls_files: TlsFiles, file: Callable[[bytes], str]) -> None:
    key = load_pem_private_key(Path(tls_files.key).read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET.encode()))

    def told(certificate: str, key: str) -> str:
        return refusal({"SSL_CERT": certificate, "SSL_KEY": key})

    assert told("/missing.pem", tls_files.key).startswith("SSL_CERT: '/missing.pem' cannot be read: No such file")
    assert told(tls_files.certificate, "/missing.pem").startswith("SSL_KEY: '/missing.pem' cannot be read")
    assert told(str(Path(tls_files.key).parent), tls_files.key).startswith("SSL_CERT: ")
    assert told("a\0b", tls_files.key).startswith(r"SSL_CERT: 'a\x00b' cannot be read")
    assert "holds no PEM certificate" in told(file(SECRET.encode()), tls_files.key)
    assert "holds no PEM certificate" in told(tls_files.key, tls_files.certificate)
    assert "holds no PEM private key" in told(tls_files.certificate, file(SECRET.encode()))
    assert "holds no PEM private key" in told(tls_files.certificate, tls_files.certificate)
    assert "is protected by a passphrase" in told(tls_files.certificate, file(encrypted))
    assert "is not that of" in told(tls_files.certificate, file(key_pair().private_pem))
    assert "far too large" in told("/dev/zero", tls_files.key)


def test_the_public_key_is_a_path_or_the_text_itself(file: Callable[[bytes], str]) -> None:
    pem = key_pair().public_pem
    pkcs1 = load_pem_public_key(pem).public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    for text in (
        file(pem), pem.decode(), pem.decode().replace("\n", "\\n"), pem.decode().replace("\n", "\\r\\n"),
        pem.decode().replace("\n", "\r\n"), file(pkcs1),
    ):  # fmt: skip
        assert load(token_environment() | {"PUBLIC_KEY": text}).tokens == token_settings()


def test_keys_of_other_kinds_are_good_where_their_algorithm_is_allowed() -> None:
    for pair, algorithm in ((CURVE, "ES256"), (EDWARDS, "EdDSA")):
        pem = key_pair(pair).public_pem.decode()
        tokens = load(token_environment() | {"PUBLIC_KEY": pem, "TOKEN_ALGORITHMS": f"rs256, {algorithm}"}).tokens
        assert tokens is not None
        assert tokens.public_key == key_pair(pair).public_pem
        assert tokens.algorithms == ("RS256", algorithm)
    line = refusal(token_environment() | {"TOKEN_ALGORITHMS": "ES256,EdDSA"})
    assert line.startswith(
        "PUBLIC_KEY: its key is for RS256, which is not among the TOKEN_ALGORITHMS ES256, EdDSA; give"
    )


def test_what_is_no_public_key_for_tokens_is_refused(tls_files: TlsFiles, file: Callable[[bytes], str]) -> None:
    def told(public_key: str) -> str:
        line = refusal(token_environment() | {"PUBLIC_KEY": public_key})
        assert line.startswith("PUBLIC_KEY: ")
        return line

    pair = key_pair()
    for write in (file, bytes.decode):
        assert "holds a private key" in told(write(pair.private_pem))
        assert "its key is for ES256, which is not among" in told(write(EC_PUBLIC_PEM))
        assert "nor on the curve P-256" in told(write(OTHER_CURVE_PEM))
        assert "1024 bits" in told(write(key_pair("weak", 1024).public_pem))
        assert "holds no public key" in told(write(b"-----BEGIN PUBLIC KEY-----\nczNjcmV0\n-----END PUBLIC KEY-----"))
    assert "holds no public key" in told(file(SECRET.encode()))
    assert "holds a certificate" in told(tls_files.certificate)
    assert "without the lines" in told("".join(pair.public_pem.decode().split("\n")[1:-2]))
    assert "cannot be read: Is a directory" in told(str(Path(tls_files.certificate).parent))
    assert "'missing.pem' cannot be read" in told("missing.pem")


@pytest.mark.parametrize("text", [SECRET, f"/{SECRET}", f"a/{SECRET}", f"{SECRET}==", SECRET * 1000, f"\0{SECRET}"])
def test_a_secret_put_where_the_public_key_belongs_is_not_repeated(text: str) -> None:
    assert "this is no PEM text" in refusal(token_environment() | {"PUBLIC_KEY": text})


@pytest.mark.parametrize("text", [SECRET, f"/{SECRET}", f"{SECRET}/{SECRET}", f"-----BEGIN PRIVATE KEY-----\n{SECRET}"])
def test_a_key_put_where_the_path_of_one_belongs_is_not_repeated(tls_files: TlsFiles, text: str) -> None:
    told = refusal({"SSL_CERT": tls_files.certificate, "SSL_KEY": text})
    assert told.startswith("SSL_KEY: ")
    assert "'missing.key' cannot be read" in refusal({"SSL_CERT": tls_files.certificate, "SSL_KEY": "missing.key"})
