"""What the relays on asyncio and Trio share: their arguments and TLS."""

import ssl
import sys


def arguments() -> tuple[int, ssl.SSLContext | None]:
    """The port, and what TLS needs; None where connections are in clear."""
    port, *files = sys.argv[1:]
    if not files:
        return int(port), None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return int(port), context
