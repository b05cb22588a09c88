"""What an exception group comes down to, where that is one thing."""

import trio

from .errors import ConnectionLost, ConnectionRefusedByServer


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The exceptions in `group`, at any depth, cancellations left out."""
    found: list[BaseException] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += leaves(error)
        elif not isinstance(error, trio.Cancelled):
            found.append(error)
    return found


def what_ended(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """What ended a connection; None where it was cancelled, or where more than one thing went wrong.

    Several tasks notice the end of one connection: a refusal says most, then a closing with a code.
    """
    errors = leaves(group)
    endings = [error for error in errors if isinstance(error, ConnectionLost | ConnectionRefusedByServer)]
    others = [error for error in errors if error not in endings]
    if others:
        return others[0] if len(others) == 1 else None
    return max(
        endings,
        key=lambda ending: (isinstance(ending, ConnectionRefusedByServer), ending.code is not None),
        default=None,
    )


def only_problem(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """The one thing that went wrong in a nursery, unwrapped once; a group raised by a user's own code stays one.

    None where more than one thing went wrong, or none but a cancellation.
    """
    problems = [error for error in group.exceptions if not _is_cancellation(error)]
    return problems[0] if len(problems) == 1 else None


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_cancellation(part) for part in error.exceptions)
    return isinstance(error, trio.Cancelled)
