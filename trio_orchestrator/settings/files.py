"""The files that settings name: the key that signs tokens, and the certificate and key of TLS."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from .values import Unfit, shown

MIN_KEY_BITS: Final = 2048  # RFC 7518, section 3.3
_MAX_FILE_BYTES: Final = 1 << 20
_PEM: Final = "-----BEGIN "
_BARE_BASE64: Final = re.compile(r"MI[A-Za-z0-9+/=\s]{100,}")
_KEY_SUFFIXES: Final = frozenset({".pem", ".pub", ".key", ".crt", ".cer", ".der", ".txt"})


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What TLS needs; both files were readable and fitted each other when the settings were loaded.

    Attributes:
        certificate: path of a PEM file: the server's certificate, then those between it and the root.
        key: path of a PEM file: the private key of that certificate, without a passphrase.
    """

    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """A server's TLS context with the certificate and key as they are on disk now.

        Raises:
            OSError: the files cannot be read, or do not hold a certificate and its key (`ssl.SSLError`) that needs no
                passphrase.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
        return context


class _Encrypted(OSError):
    """A key cannot be read without a passphrase."""


def _no_passphrase() -> str:
    # Without this OpenSSL would ask at the terminal and the server would seem to hang.
    raise _Encrypted("the key is protected by a passphrase")


class UnfitPair(Exception):
    """A certificate and a key do not make TLS.

    Attributes:
        is_key: whether the key is at fault, else the certificate.
    """

    def __init__(self, wrong: str, *, is_key: bool) -> None:
        super().__init__(wrong)
        self.is_key = is_key


def check_pair(tls: TlsFiles) -> TlsFiles:
    """Try whether TLS works with these files; gives them back.

    Raises:
        UnfitPair: it does not.
    """
    try:
        tls.context()
    except _Encrypted:
        raise UnfitPair(f"{shown(tls.key)} is protected by a passphrase", is_key=True) from None
    except OSError as error:
        raise _explain(tls, error) from None
    return tls


def _explain(tls: TlsFiles, error: OSError) -> UnfitPair:
    """Say which of the two files is at fault; OpenSSL only says that something is."""
    try:
        certificate = x509.load_pem_x509_certificate(_read(tls.certificate, shown(tls.certificate)))
    except (Unfit, ValueError, UnsupportedAlgorithm):
        return UnfitPair(f"{shown(tls.certificate)} holds no PEM certificate", is_key=False)
    try:
        key = load_pem_private_key(_read(tls.key, shown(tls.key)), None)
    except (Unfit, ValueError, TypeError, UnsupportedAlgorithm):
        return UnfitPair(f"{shown(tls.key)} holds no PEM private key", is_key=True)
    try:
        fits = key.public_key() == certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        fits = True
    if not fits:
        return UnfitPair(f"the key in {shown(tls.key)} is not that of {shown(tls.certificate)}", is_key=True)
    reason = getattr(error, "reason", None) or error.strerror or "no reason given"
    return UnfitPair(f"{shown(tls.certificate)} cannot be used for TLS ({reason})", is_key=False)


def readable_file(text: str) -> str:
    """The path of a file that can be read."""
    _read(text, shown(text))
    return text


def readable_secret(text: str) -> str:
    """Likewise, of a file that holds a secret: where the text may be that secret itself it is not repeated."""
    if _PEM in text:
        raise Unfit("this is the text of a key, and must be the path of the file that holds it")
    _read(text, shown(text) if _is_path(text) else "the file of that name (which may be a key, and is not repeated)")
    return text


def public_key(text: str) -> bytes:
    r"""A public key in PEM (SubjectPublicKeyInfo), from a file's path or from PEM text.

    In PEM text `\n` may stand for the line breaks, as `.env` files write them.
    """
    if _PEM in text:
        name = "the text"
        pem = text.replace("\\r", "").replace("\\n", "\n").encode(errors="replace")
    else:
        if _BARE_BASE64.fullmatch(text):
            raise Unfit("this is a key without the lines `-----BEGIN PUBLIC KEY-----` and `-----END PUBLIC KEY-----`")
        name = shown(text) if _is_path(text) else "this is no PEM text, and the file of that name"
        pem = _read(text, name)
    if b"PRIVATE KEY-----" in pem:
        raise Unfit(f"{name} holds a private key, which belongs to the issuer of tokens alone")
    if b"-----BEGIN CERTIFICATE-----" in pem:
        raise Unfit(f"{name} holds a certificate (`openssl x509 -pubkey -noout -in FILE` prints its public key)")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unfit(f"{name} holds no public key in PEM") from None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_KEY_BITS:
        raise Unfit(f"{name} holds an RSA key of {key.key_size} bits, which is less than {MIN_KEY_BITS}")
    if algorithm_of(key) is None:
        raise Unfit(f"{name} holds a key that is neither RSA nor Ed25519 nor on the curve P-256")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def algorithm_of(key: object) -> str | None:
    """What tokens are signed with that this public key checks (RFC 7518, RFC 8037); None for a key of no use."""
    if isinstance(key, RSAPublicKey):
        return "RS256" if key.key_size >= MIN_KEY_BITS else None
    if isinstance(key, EllipticCurvePublicKey):
        return "ES256" if isinstance(key.curve, SECP256R1) else None
    return "EdDSA" if isinstance(key, Ed25519PublicKey) else None


def _is_path(text: str) -> bool:
    """Whether it is a path for sure; a text that may be a secret instead is not to be repeated."""
    path = Path(text)
    try:
        return path.suffix in _KEY_SUFFIXES or path.exists() or _is_named_folder(path.parent)
    except (OSError, ValueError):
        return False


def _is_named_folder(path: Path) -> bool:
    # A secret without a slash, or with its only one in front, would be "in" one of these two.
    return path not in (Path(), Path("/")) and path.is_dir()


def _read(path: str, name: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unfit(f"{name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Unfit(f"{name} cannot be read: a path holds no NUL") from None
    if len(content) > _MAX_FILE_BYTES:
        raise Unfit(f"{name} is far too large for a key or certificate")
    return content
