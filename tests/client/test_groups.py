import pytest

from trio_orchestrator.client.errors import ConnectionLost, ConnectionRefusedByServer
from trio_orchestrator.client.groups import leaves, only_problem, what_ended

LOST = ConnectionLost("broke")
CLOSED = ConnectionLost("closed", 1001)
REFUSED = ConnectionRefusedByServer(4401, "no")
FAULT = LookupError("ours")
OTHER_FAULT = KeyError("ours too")


@pytest.mark.parametrize(
    ("errors", "ending"),
    [
        ([LOST], LOST),
        ([LOST, ExceptionGroup("", [CLOSED])], CLOSED),
        ([CLOSED, ExceptionGroup("", [LOST, REFUSED])], REFUSED),
        ([REFUSED, FAULT], FAULT),
        ([FAULT, OTHER_FAULT], None),
    ],
)
def test_what_ended_a_connection(errors: list[Exception], ending: Exception | None) -> None:
    assert what_ended(ExceptionGroup("", errors)) is ending


def test_only_the_outer_group_is_unwrapped() -> None:
    of_the_user = ExceptionGroup("", [FAULT])
    assert only_problem(ExceptionGroup("", [FAULT])) is FAULT
    assert only_problem(ExceptionGroup("", [of_the_user])) is of_the_user
    assert only_problem(ExceptionGroup("", [FAULT, OTHER_FAULT])) is None


def test_leaves_are_found_at_any_depth() -> None:
    assert leaves(ExceptionGroup("", [FAULT, ExceptionGroup("", [LOST])])) == [FAULT, LOST]
