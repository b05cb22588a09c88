"""The server's certificate, which can be renewed while it runs: new connections get the new one, others stay."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from trio_orchestrator.settings import TlsFiles
from trio_orchestrator.settings.files import UnfitPair, check_pair

_log = structlog.get_logger(__name__)

_TLS_1_2_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""What RFC 9325, section 4.2, recommends, and ChaCha20; in TLS 1.3 there is nothing else but its like."""


class Certificate:
    """The certificate and its key, as they were on disk when they were last read.

    Args:
        files: where they are; they fitted each other when the settings were loaded.

    Attributes:
        context: what TLS needs; another one after each renewal.
        expires_at: when the certificate stops being valid, in seconds since 1970 UTC.

    Raises:
        OSError: the files do not fit any more.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self.context, self.expires_at = _read(files)

    def renew(self) -> None:
        """Read the files again. A pair that does not fit leaves the old one as it is, and says why in the log."""
        try:
            # Never into the context that is in use: one that has half of a pair serves nobody.
            self.context, self.expires_at = _read(check_pair(self._files))
        except (UnfitPair, OSError, ValueError) as error:
            _log.error("the certificate is not renewed, the old one stays", reason=str(error), until=self._until)
        else:
            _log.info("certificate renewed", until=self._until)

    @property
    def _until(self) -> str:
        return datetime.fromtimestamp(self.expires_at, UTC).isoformat().replace("+00:00", "Z")


def _read(files: TlsFiles) -> tuple[ssl.SSLContext, float]:
    context = files.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.set_ciphers(_TLS_1_2_CIPHERS)
    # All of them are good enough, so the peer has its way: it knows what its processor does fastest. Most browsers ask
    # for AES-128 first, OpenSSL would take AES-256, which costs both ends a third more.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_RENEGOTIATION  # in TLS 1.2 a handshake in the middle is work for nothing
    certificate = x509.load_pem_x509_certificate(Path(files.certificate).read_bytes())
    return context, certificate.not_valid_after_utc.timestamp()
