"""What a visitor sends: words are shown as they are, values that make no sense count as none, and nothing logs a traceback."""

import base64
import json
import logging
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from app import browser, received
from app.browser import packing
from app.draw import gains
from tests.test_pages import opened, words

HOSTILE: tuple[Any, ...] = (
    None, True, nan, inf, -inf, -1, 2**63, -(2**63), 10**400, 1e308, "", "7", "![x](http://h/)", "\x00", [], [None], [[]],
    {}, {"level": 1}, {"level": nan, "id": None}, {"a": {"b": [1, {"c": None}]}}, [{"x": nan}],
)  # fmt: skip
ATTACKS = {
    "an image": "![x](http://h.example/y)",
    "a link": "[x](http://h.example/y)",
    "an address": "http://h.example/y",
    "another address": "www.example.org",
    "a letter": "a@example.org",
    "a reference": "![x][y]\n\n[y]: http://h.example/y",
    "a formula": "$x^2$ and $$y$$",
    "a colour": ":red[x] :blue-badge[x] :rainbow",
    "an icon": ":material/home: :smile: :streamlit:",
    "HTML": "<img src=http://h.example/y> &lt;",
    "marks": "**a** _b_ ~~c~~ # d",
    "a picture behind two ticks": "`` ![x](http://h.example/y) `",
    "a picture behind an escaped tick": "\\` ![x](http://h.example/y) `",
    "a picture behind one tick": "` ![x](http://h.example/y)",
    "a picture between code": "`a` ![x](http://h.example/y) `b`",
}


def outside(text: str) -> str:
    """Return what of a line Markdown looks at: neither escaped nor code."""
    kept, place = "", 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text[place] == "`" and "`" in text[place + 1 :]:
            place = text.index("`", place + 1) + 1
        else:
            kept += text[place]
            place += 1
    return kept


@pytest.mark.parametrize("attack", ATTACKS)
def test_words_are_shown_as_they_are(attack: str) -> None:
    shown = outside(received.plain(f"There is no {ATTACKS[attack]!s}: run `python -m core list`."))
    assert not set("[]<>$*_~#&") & set(shown)
    for live in ("http:/", "www.", "@e", ":m", ":s", ":r", ":b"):
        assert live not in shown


@given(some.text("`\\![](): a\n", max_size=20))
def test_no_order_of_ticks_and_slashes_lets_a_bracket_through(text: str) -> None:
    assert "[" not in outside(received.plain(text))


def test_our_own_code_stays_code() -> None:
    assert received.plain("Train it with `python -m core train a_b`: now.").endswith("`python -m core train a_b`: now.")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_address_is_quoted_and_does_nothing(attack: str) -> None:
    at = opened("see", network=ATTACKS[attack])
    (warning,) = at.warning
    assert warning.value == received.plain(warning.value.replace("\\", "")) or "[" not in outside(warning.value)
    assert "http:/" not in outside(warning.value)


def scrubbed(packed: bytes, key: str, start: int | None) -> int | None:
    return browser.scrub(packing.join({"key": "net"}, b""), packed, key, lambda target: None, start)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a component send something."""
    state: dict[str, Any] = {}
    monkeypatch.setattr("streamlit.session_state", state)

    def from_a_browser(values: dict[str, Any]) -> None:
        state.clear()
        monkeypatch.setattr(browser, "component", lambda name: lambda **_: values)

    return from_a_browser


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_a_slider_stays_where_it_is_whatever_a_browser_sends(hostile: Any, sent: Any) -> None:
    packed = packing.join({"id": "here", "levels": [0, 1, 2]}, b"")
    for slide in (scrubbed, browser.strip, browser.photograph):
        for moved in (hostile, {"id": "here-0", "level": hostile}, {"id": hostile, "level": 1}, {"id": "here-0"}):
            sent({"moved": moved})
            assert slide(packed, "key", start=2) == 2
        sent({"moved": {"id": "here-0", "level": 1}})
        assert slide(packed, "key", start=2) == 1
        sent({})
        assert slide(packed, "key", start=2) == 2


@pytest.mark.parametrize("hostile", [*HOSTILE, "é", "AAAA", "=", b"\xff", "A" * 10**6], ids=lambda v: repr(v)[:40])
def test_a_pad_is_empty_whatever_a_browser_sends(hostile: Any, sent: Any) -> None:
    sent({"pixels": hostile})
    assert browser.pad("pad") is None
    sent({"pixels": base64.b64encode(bytes([255] * browser.SIDE**2)).decode()})
    assert browser.pad("pad") == bytes([255] * browser.SIDE**2)


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_the_first_page_stays_as_it_is_whatever_a_browser_sends(hostile: Any, sent: Any) -> None:
    weights, packed = (
        packing.join({"key": "net"}, b""),
        packing.join({"id": "here", "labels": [7], "levels": [0, 1]}, b""),
    )
    begin, moved = browser.Begin(level=1), dict(at=None, kind="random", target=3, level=0)
    for chosen in (hostile, {**moved, "kind": hostile}, {**moved, "level": hostile}):
        sent({"moved": {"id": "here-0", "level": chosen}})
        assert browser.start(weights, packed, "key", begin) == begin
    for name in ("at", "target"):
        sent({"moved": {"id": "here-0", "level": {**moved, name: hostile}}})
        assert getattr(browser.start(weights, packed, "key", begin), name) is None
    sent({"moved": {"id": "here-0", "level": moved}})
    assert browser.start(weights, packed, "key", begin) == browser.Begin(None, "random", 3, 0)


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_a_selection_that_is_none_selects_nothing(hostile: Any, sent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = gains.bars(np.array([20.0, 21.0]), np.array([22.0, 23.0]))["psnr"]
    for event in (
        hostile,
        {"selection": hostile},
        {"selection": {"points": hostile}},
        {"selection": {"points": [hostile]}},
        {"selection": {"points": [{"customdata": hostile, "curve_number": hostile, "x": 20}]}},
        {"selection": {"points": [{"customdata": [hostile], "curve_number": 0, "x": hostile}]}},
    ):
        monkeypatch.setattr("streamlit.session_state", {"chart": event})
        assert received.named("chart") in (None, hostile)
        assert bars.inside(received.clicked("chart")).sum() == 0
    good = {"customdata": ["block"], "curve_number": 1, "x": 22.5}
    monkeypatch.setattr("streamlit.session_state", {"chart": {"selection": {"points": [good]}}})
    assert received.named("chart") == "block"
    assert bars.inside(received.clicked("chart")).tolist() == [True, False]


def values(widget: str) -> list[WidgetState]:
    """Return what a hostile browser sends as the value of a widget, of every kind that there is."""
    objects: tuple[Any, ...] = (None, 7, [[]], {"moved": {"level": nan}}, {"pixels": [1]})
    points: tuple[Any, ...] = (5, [None], [{"customdata": 5, "x": nan}])
    plain: list[dict[str, Any]] = [
        *(dict(int_value=v) for v in (-5, 2**63 - 1)),
        *(dict(double_value=v) for v in (nan, inf, 1e308)),
        *(dict(string_value=v) for v in ("![x](http://h/)", "}{", "")),
        *(dict(json_value=json.dumps(v)) for v in objects),
        *(dict(json_value=json.dumps({"selection": {"points": v}})) for v in points),
        dict(json_value="}{"), dict(bool_value=True), dict(trigger_value=True),
    ]  # fmt: skip
    found = [WidgetState(id=widget, **value) for value in plain]
    for kind, lists in {
        "double_array_value": ([], [nan], [1e308, -1e308, 0]),
        "int_array_value": ([], [2**62]),
        "string_array_value": ([], ["a", "b"]),
    }.items():
        for numbers in lists:
            found.append(WidgetState(id=widget))
            getattr(found[-1], kind).data.extend(numbers)
    return found


def widgets(at: AppTest) -> list[str]:
    """List the ids of a page's widgets, charts that can be clicked included."""
    found = {s.id for s in at._tree.get_widget_states().widgets}
    protos = [e.proto for e in at.get("plotly_chart")] + [e.proto for e in at.get("bidi_component")]
    return sorted(found | {proto.id for proto in protos if getattr(proto, "id", "")})


@pytest.mark.parametrize("page", ["break", "quality", "brittle", "inside", "see"])
def test_no_value_of_any_widget_breaks_a_page(page: str, caplog: pytest.LogCaptureFixture) -> None:
    at = opened(page)
    assert widgets(at)
    with caplog.at_level(logging.WARNING):
        for k, hostile in enumerate(values("")):
            at._run(WidgetStates(widgets=[values(widget)[k] for widget in widgets(at)]))
            assert not at.exception, hostile
            assert "could not be drawn" not in words(at), hostile
    assert not [r for r in caplog.records if r.exc_info]


def test_a_whole_number_may_be_sent_for_a_real_one_as_browsers_do() -> None:
    assert received._fits("int_value", "double_value")
    assert received._fits(None, "double_value")
    assert not received._fits("string_value", "double_value")
    assert not received._fits("json_value", "string_value")
