"""A certificate that is renewed while it is in use."""

import ssl
from pathlib import Path

import pytest
import structlog
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from trio_orchestrator.net import tls
from trio_orchestrator.net.tls import Certificate
from trio_orchestrator.settings import TlsFiles
from trio_orchestrator.settings.files import check_pair

from .tls_peers import TLS_1_2


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return TlsFiles(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))


def issue(files: TlsFiles, *, key_only: bool = False) -> None:
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_pem.write_to_path(files.key)
    if not key_only:
        Path(files.certificate).write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))


def test_renewal_takes_what_is_on_disk_then(files: TlsFiles) -> None:
    issue(files)
    certificate = Certificate(files)
    before = certificate.context
    issue(files)
    with structlog.testing.capture_logs() as lines:
        certificate.renew()
    assert certificate.context is not before
    assert isinstance(certificate.context, ssl.SSLContext)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("certificate renewed", "info")
    assert line["until"].endswith("Z")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("another key", "is not that of"),
        ("no certificate", "holds no PEM certificate"),
        ("gone", "holds no PEM private key"),
    ],
)
def test_a_pair_that_does_not_fit_leaves_the_old_one(files: TlsFiles, wrong: str, reason: str) -> None:
    issue(files)
    certificate = Certificate(files)
    before = certificate.context, certificate.expires_at
    if wrong == "another key":
        issue(files, key_only=True)
    elif wrong == "gone":
        Path(files.key).unlink()
    else:
        Path(files.certificate).write_text("hello")
    with structlog.testing.capture_logs() as lines:
        certificate.renew()
    assert (certificate.context, certificate.expires_at) == before
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("the certificate is not renewed, the old one stays", "error")
    assert reason in line["reason"]


def test_a_pair_that_changes_while_it_is_read_leaves_the_old_one(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(files)
    certificate = Certificate(files)
    before = certificate.context, certificate.expires_at

    def encrypt_the_key(checked: TlsFiles) -> TlsFiles:
        check_pair(checked)
        key = load_pem_private_key(Path(files.key).read_bytes(), None)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase"))
        Path(files.key).write_bytes(secret)
        return checked

    monkeypatch.setattr(tls, "check_pair", encrypt_the_key)
    with structlog.testing.capture_logs() as lines:
        certificate.renew()
    assert (certificate.context, certificate.expires_at) == before
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("the certificate is not renewed, the old one stays", "error")
    assert "passphrase" in line["reason"]


def negotiated(server: ssl.SSLContext, ciphers: str) -> str:
    """The cipher of a connection to a server that shows `server`, by a client of TLS 1.2 that asks for `ciphers`."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode, client.maximum_version = False, ssl.CERT_NONE, TLS_1_2
    client.set_ciphers(ciphers)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    while ends:
        end = ends.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            ends.append(end)
    cipher = end.cipher()
    assert cipher is not None
    return cipher[0]


@pytest.mark.parametrize("first", ["AES128", "AES256", "CHACHA20"])
def test_the_peer_chooses_the_cipher(files: TlsFiles, first: str) -> None:
    issue(files)
    others = {"AES128", "AES256", "CHACHA20"} - {first}
    asked = ":".join(f"ECDHE+{name}" for name in (first, *sorted(others)))
    assert first in negotiated(Certificate(files).context, asked)


def test_all_ciphers_forget_their_keys_and_check_what_they_carry(files: TlsFiles) -> None:
    issue(files)
    ciphers = [cipher for cipher in Certificate(files).context.get_ciphers() if cipher["protocol"] == "TLSv1.2"]
    assert ciphers
    for cipher in ciphers:
        assert cipher["aead"]
        assert cipher["kea"] == "kx-ecdhe"


def test_an_old_cipher_is_refused(files: TlsFiles) -> None:
    issue(files)
    with pytest.raises(ssl.SSLError, match=r"no.shared.cipher"):
        negotiated(Certificate(files).context, "ECDHE+AES:!AESGCM:!AESCCM")
