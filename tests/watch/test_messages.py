"""Messages as they come: what a terminal would obey is escaped, and they say the same."""

import json
import sys

import msgspec
import pytest

from trio_orchestrator.watch.messages import line_of_message

OBEYED = ["\x7f", "\x85", "\x9b2J", "\u202e", "\u2066", "\u2028", "\ufeff", "\U000e0041", "\u200b"]


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_terminal_obeys_is_escaped_and_means_the_same(text: str) -> None:
    said = {"type": "camera", "cameraId": f'é\\{text}"{text}'}
    message = msgspec.json.encode(said)
    line = line_of_message(message)
    assert text[0] in message.decode()
    assert line.decode().removesuffix("\n").isprintable()
    assert json.loads(line) == said
    assert "é" in line.decode()


def test_any_message_keeps_its_meaning_whatever_is_in_it() -> None:
    said = "".join(map(chr, [*range(0xD800), *range(0xE000, sys.maxunicode + 1, 7)]))
    for is_ascii in (False, True):
        line = line_of_message(msgspec.json.encode([said]), is_ascii=is_ascii)
        assert json.loads(line) == [said]
        assert line.decode()[:-1].isprintable()
        assert line.isascii() is is_ascii


def test_what_is_harmless_stays_as_it_came() -> None:
    message = '{"type":"boundingBoxes","cameraId":"Fußgänger 入口","frameId":1.0,"boxes":[{"a" : 1e3}]}'.encode()
    assert line_of_message(message) == message + b"\n"


def test_an_output_that_is_not_utf_8_gets_what_all_encodings_have() -> None:
    assert line_of_message('{"a":"入ś😀"}'.encode(), is_ascii=True) == b'{"a":"\\u5165\\u015b\\ud83d\\ude00"}\n'


def test_white_space_between_members_stays_white_space() -> None:
    assert json.loads(line_of_message(b'{\t"a":\t[1,\t"\x7f"]}')) == {"a": [1, "\x7f"]}


def test_what_is_no_utf_8_is_none_of_a_terminals_business() -> None:
    assert line_of_message(b'{"a":"\x9b\xff"}').decode() == '{"a":"\ufffd\ufffd"}\n'
