"""What goes wrong with a request, and the answer to it: a status and `{"error","message"}`."""

from typing import Final

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from trio_orchestrator.protocol.errors import Forbidden, PeerError, StorageUnavailable, Unauthenticated
from trio_orchestrator.store.errors import StoreError

RETRY_AFTER: Final = {"Retry-After": "5"}
UNANSWERED: Final = "a question could not be answered"
# What there is not now may be there soon, and a 404 without a word is kept by caches (RFC 9110, section 15.1).
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_NOT_NOW: Final = "The database cannot be read now."


class ErrorAnswer(Struct, frozen=True):
    """Why a request was not carried out; `error` is one of the documented codes, `message` is for people."""

    error: str
    message: str


class ApiError(Exception):
    """A request cannot be carried out.

    Args:
        status: the HTTP status.
        error: the code.
        message: for people; never anything that tells of the machine.
    """

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error


class BadRequest(ApiError):
    """The request makes no sense: a parameter is unknown or has no such value."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "bad_request", message)


class NotFound(ApiError):
    """There is no such thing."""

    def __init__(self, message: str, *, error: str = "not_found") -> None:
        super().__init__(404, error, message)


def error_response(status: int, error: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """The answer that every error of the API has."""
    body = msgspec.json.encode(ErrorAnswer(error, message))
    return Response(body, status, _HEADERS | (headers or {}), media_type="application/json")


def answer_api_error(_request: Request, error: Exception) -> Response:
    """The answer to an `ApiError`."""
    assert isinstance(error, ApiError)
    return error_response(error.status, error.error, str(error))


def answer_peer_error(_request: Request, error: Exception) -> Response:
    """The answer where a token or the storage is at fault."""
    assert isinstance(error, PeerError)
    if isinstance(error, Unauthenticated):
        return error_response(401, error.code.value, str(error), {"WWW-Authenticate": "Bearer"})
    if isinstance(error, Forbidden):
        return error_response(403, error.code.value, str(error))
    assert isinstance(error, StorageUnavailable)
    return error_response(503, error.code.value, str(error), RETRY_AFTER)


def complain(scope: Scope, event: str, error: BaseException) -> None:
    """Say in the log, at a bounded rate, what `error` of the database has led to."""
    scope["app"].state.complaints.error(event, event, reason=str(error))


def answer_store_error(request: Request, error: Exception) -> Response:
    """The answer where the database cannot be read."""
    complain(request.scope, UNANSWERED, error)
    return error_response(503, "storage_unavailable", _NOT_NOW, RETRY_AFTER)


def answer_http_error(request: Request, error: Exception) -> Response:
    """The answer where there is no such route, or no such method."""
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed", 426: "upgrade_required"}
    code = codes.get(error.status_code, "bad_request")
    message = "There is nothing here." if error.status_code == 404 else error.detail
    return error_response(error.status_code, code, message, dict(error.headers or {}))


def answer_fault(_request: Request, _error: Exception) -> Response:
    """The answer where the fault is ours; the log has it."""
    return error_response(500, "internal_error", "This server has a fault; its log tells more.")


HANDLERS: Final = {
    ApiError: answer_api_error,
    PeerError: answer_peer_error,
    StoreError: answer_store_error,
    HTTPException: answer_http_error,
}
"""What Starlette is to answer such exceptions with."""
