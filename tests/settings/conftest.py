"""Files that settings name."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from trio_orchestrator.settings import TlsFiles


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    folder = tmp_path_factory.mktemp("tls")
    certificate = trustme.CA().issue_cert("localhost")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "cert.pem", append=number > 0)
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return TlsFiles(str(folder / "cert.pem"), str(folder / "key.pem"))


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], str]:
    """Makes a file with a content; gives its path."""

    def write(content: bytes) -> str:
        path = tmp_path / f"file{len(list(tmp_path.iterdir()))}.pem"
        path.write_bytes(content)
        return str(path)

    return write
