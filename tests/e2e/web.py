"""What a test asks for by plain HTTP."""

import ssl
from typing import Any, Final

import httpx

# Otherwise httpx reads the certificates of all authorities before each request, and that takes longer than the request.
_TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def get(url: str, **options: Any) -> httpx.Response:
    """What is at `url`, without a proxy; `options` are those of `httpx.request`."""
    return request("GET", url, **options)


def request(method: str, url: str, **options: Any) -> httpx.Response:
    """The answer to a request of another method, likewise."""
    return httpx.request(method, url, verify=_TRUSTS_NOBODY, trust_env=False, **options)
