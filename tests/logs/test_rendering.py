"""Nothing that is logged can begin a line, or a field, of its own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_orchestrator.logs.rendering import as_json, as_text

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), _values, max_size=4), st.text())
def test_one_event_is_one_line_whatever_it_holds(fields: dict[str, Any], message: str) -> None:
    event = {"time": "T", "level": "info", "logger": "l"}
    taken = {"time", "level", "logger", "event", "exc_info", "traceback"}
    event |= {key: value for key, value in fields.items() if key not in taken} | {"event": message}
    text = as_text(None, "", dict(event))
    assert text.isprintable()
    assert text.startswith("T info     ")
    line = as_json(None, "", dict(event))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["level"] == "info"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ("", '""'),
        ('x" level=error y="', r'"x\x22 level=error y=\x22"'),
        ('\\" level=error y="', r'"\\x22 level=error y=\x22"'),
        (["a", "b,c"], '[a,"b,c"]'),
        ({"a b": 1}, '{"a b"=1}'),
        (float("nan"), "nan"),
        (True, "true"),
    ],
)
def test_a_value_cannot_pass_for_a_field(value: Any, shown: str) -> None:
    line = as_text(None, "", {"time": "T", "level": "info", "logger": "l", "event": "e", "value": value})
    assert line == f"T info     e value={shown} logger=l"


def test_an_event_that_quotes_a_peer_cannot_pass_for_a_field() -> None:
    line = as_text(None, "", {"time": "T", "level": "info", "logger": "l", "event": "bad host level=error"})
    assert line == 'T info     "bad host level=error" logger=l'
