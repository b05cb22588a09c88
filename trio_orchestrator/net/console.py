"""The console: the live page at `/` and the files that it is made of, from memory.

They are few and small, so they are read once; a name that is none of theirs leads nowhere, whatever is in it. The page
takes nothing from another host and runs no script but its own, and its headers say so to the browser.
"""

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_PAGE: Final = "index.html"
_CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    # Kept, but asked for each time: a new version of the server brings all of its files at once.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def console_routes() -> list[Route]:
    """`/`, and `/console/NAME` for each file that the page is made of."""
    folder = files("trio_orchestrator") / "console"
    contents = {entry.name: entry.read_bytes() for entry in folder.iterdir() if _content_type(entry.name)}
    page = contents.pop(_PAGE)
    return [
        Route("/", _answer(_PAGE, page)),
        *(Route(f"/console/{name}", _answer(name, content)) for name, content in sorted(contents.items())),
    ]


def _answer(name: str, content: bytes) -> Callable[[Request], Awaitable[Response]]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = _HEADERS | {"ETag": tag}

    async def answer(request: Request) -> Response:
        if _names(request.headers.get("If-None-Match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers | {"Content-Type": _content_type(name)})

    return answer


def _content_type(name: str) -> str:
    return next((kind for suffix, kind in _CONTENT_TYPES.items() if name.endswith(suffix)), "")


def _names(condition: str, tag: str) -> bool:
    """Whether `If-None-Match` (RFC 9110, section 13.1.2) names `tag`; a proxy that compresses makes it a weak one."""
    named = [part.strip().removeprefix("W/") for part in condition.split(",")]
    return tag in named or "*" in named
