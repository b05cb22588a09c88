from trio_orchestrator.client import ConnectionRefusedByServer, OrchestratorError


def test_a_refusal_shows_nothing_a_terminal_would_obey() -> None:
    foreign = "no\x1b]0;title\x07\r\n\u202eyou, café"
    refusal = ConnectionRefusedByServer(4401, foreign, OrchestratorError("unauthenticated", "\x1b[2J"))
    assert str(refusal) == (
        "the server refused the connection, code 4401: no?]0;title????you, café (unauthenticated: ?[2J)"
    )
    assert refusal.reason == foreign
