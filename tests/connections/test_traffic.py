from trio_orchestrator.connections.traffic import Traffic
from trio_orchestrator.protocol.boxes import Frame
from trio_orchestrator.protocol.inbound import Start, Unknown
from trio_orchestrator.protocol.outbound import Accepted, StopNotice


def test_what_comes_in_is_counted_by_kind_and_type() -> None:
    traffic = Traffic()
    traffic.received_from("client")[Start] += 2
    traffic.received_from("client")[Unknown] += 1
    traffic.received_from("processor")[Frame] += 3
    assert traffic.statistics().received == {
        ("client", "start"): 2,
        ("client", "unknown"): 1,
        ("processor", "boundingBoxes"): 3,
    }


def test_what_goes_out_is_counted_by_type() -> None:
    traffic = Traffic()
    traffic.sent(StopNotice(7).encode())
    traffic.sent(StopNotice(8).encode())
    traffic.sent(Accepted('"type":"forged"', 7).encode())
    assert traffic.statistics().sent == {"stop": 2, "accepted": 1}
