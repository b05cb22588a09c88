from trio_orchestrator.protocol.codes import CloseCode, ErrorCode
from trio_orchestrator.protocol.errors import PeerError


def test_the_error_codes_are_the_documented_ones() -> None:
    assert [code.value for code in ErrorCode] == [
        "not_json",
        "invalid_message",
        "unknown_camera",
        "unknown_object",
        "not_identified",
        "unauthenticated",
        "forbidden",
        "too_large",
        "limit_reached",
        "storage_unavailable",
    ]


def test_the_close_codes_are_the_documented_ones() -> None:
    assert {int(code) for code in CloseCode} == {
        *(1000, 1001, 1002, 1007, 1009),
        *(4401, 4403, 4408, 4409),  # change something first
        *(4451, 4452, 4453),  # come back after a pause
    }


def test_every_misbehaviour_has_a_code_of_its_own() -> None:
    codes = [error.code for error in PeerError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(ErrorCode)


def test_an_error_gives_the_request_back() -> None:
    for error in PeerError.__subclasses__():
        assert error("why", request_id="r-1").request_id == "r-1"
        assert error("why").request_id is None
        assert str(error("why")) == "why"
