from trio_orchestrator.client import ConnectionRefusedByServer, OrchestratorError
from trio_orchestrator.client.errors import ConnectionLost

FOREIGN = "no\x1b]0;title\x07\r\n\u202eyou, café"
SHOWN = "no?]0;title????you, café"


def test_a_refusal_shows_nothing_a_terminal_would_obey() -> None:
    refusal = ConnectionRefusedByServer(4401, FOREIGN, OrchestratorError("unauthenticated", "\x1b[2J"))
    assert str(refusal) == f"the server refused the connection, code 4401: {SHOWN} (unauthenticated: ?[2J)"
    assert refusal.reason == FOREIGN


def test_nor_do_the_other_errors_that_a_server_words() -> None:
    error = OrchestratorError("\x1b[2J", FOREIGN)
    assert str(error) == f"?[2J: {SHOWN}"
    assert error.message == FOREIGN
    assert str(ConnectionLost(FOREIGN)) == SHOWN
    assert str(ConnectionLost(FOREIGN, 1001)) == f"closed with code 1001: {SHOWN}"
