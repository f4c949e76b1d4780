"""Lessons, the player, and classes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app import cache, classroom, teaching
from app.classroom import Classes
from core import UserError
from tests.test_pages import opened, words

LESSONS = teaching.read()
STEPS = [(lesson, number) for lesson in LESSONS.values() for number in range(1, len(lesson.steps) + 1)]


@pytest.mark.parametrize(("lesson", "number"), STEPS, ids=[f"{lesson.name}-{k}" for lesson, k in STEPS])
def test_every_step_of_every_lesson_opens_and_is_what_it_asks_for(lesson: teaching.Lesson, number: int) -> None:
    step = lesson.steps[number - 1]
    at = opened(step.page, **lesson.address(number))
    assert not at.warning
    assert f"step {number} of {len(lesson.steps)}" in words(at)
    if step.question:
        assert not at.title  # the page is not shown before the question is answered
        next(b for b in at.button if b.label == "Reveal").click().run()
    assert at.title
    assert not at.warning
    assert not at.exception
    said = at.query_params
    assert said["lesson"] == f"{lesson.name}-{number}"
    assert all(said[name] == value for name, value in step.parameters.items() if name in said)


def lesson(**changed: Any) -> dict[str, Any]:
    step = {"page": "see", "parameters": {}, "teacher": "Look."}
    return {"name": "one", "title": "One", "minutes": 5, "about": "It.", "steps": [step], **changed}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[\n {"name": }]', "line 2: Expecting value"),
        ("{}", "line 1: a list of lessons is meant here"),
        (json.dumps([lesson(steps=[])]), "line 1: a lesson needs 'steps'"),
        (json.dumps([lesson(), lesson()], indent=1), "line 15: there are two lessons named 'one'"),
        (json.dumps([lesson(colour="red")]), "a lesson has name, title, minutes, about, steps, and nothing else"),
        (json.dumps([lesson(steps=[{"page": "see"}])], indent=1), "line 8: a step needs 'parameters'"),
        (
            json.dumps([lesson(steps=[{"page": "nowhere", "parameters": {}, "teacher": ""}])]),
            "there is no page 'nowhere'",
        ),
        (
            json.dumps([lesson(steps=[{"page": "see", "parameters": {"image": 3}, "teacher": ""}])]),
            "in quotation marks",
        ),
        (
            json.dumps([lesson(steps=[{"page": "see", "parameters": {}, "teacher": "", "question": "?"}])]),
            "two choices or more",
        ),
        (json.dumps([lesson(name="two words")]), "'name' is one word"),
        (json.dumps([3]), "a lesson has name"),
        ("\x00", "line 1"),
    ],
)
def test_a_broken_file_is_named_with_line_and_reason(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "lessons.json"
    file.write_text(text)
    with pytest.raises(UserError, match=re.escape(sentence)):
        teaching.read(file)


@given(some.recursive(some.none() | some.integers() | some.text(max_size=5), lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(["name", "steps", "page", "parameters", "choices", "title"]), inner, max_size=4)))  # fmt: skip
def test_whatever_is_in_the_file_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    file = tmp_path_factory.mktemp("lessons") / "lessons.json"
    for value in (content, [lesson(steps=[content])], [lesson(name=content)]):
        file.write_text(json.dumps(value))
        try:
            assert all(found.steps for found in teaching.read(file).values())
        except UserError as why:
            assert "lessons.json, line" in str(why)  # noqa: PT017  it may be refused, and if it is, like this


def test_a_missing_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "FILE", tmp_path / "lessons.json")
    with pytest.raises(UserError, match="cannot be read"):
        teaching.read(tmp_path / "lessons.json")


def test_an_unknown_lesson_is_one_sentence_and_the_page_comes_back() -> None:
    at = opened("see", lesson="nothing")
    assert "asks for the lesson 'nothing'" in at.warning[0].value.replace("\\", "")
    assert at.title
    assert "lesson" not in at.query_params


def test_a_class_answers_and_changes_its_mind_and_is_forgotten() -> None:
    held = Classes()
    code = held.begin()
    held.ask(code, "How many?", ("one", "two"))
    for student, choice in (("a", 0), ("b", 1), ("c", 1), ("a", 1)):
        held.answer(code.lower(), student, "How many?", choice)
    assert held.find(code).counts == [0, 3]
    held.answer(code, "d", "How many?", 2)  # no such choice
    held.answer(code, "d", "Another question?", 0)  # which is not asked
    assert held.find(code, "d").counts == [0, 3]
    assert len(held.find(code).present) == 4
    held.close(code)
    held.answer(code, "a", "How many?", 0)  # too late
    assert held.find(code).counts == [0, 3]
    assert held.ask(code, "How many?", ("one", "two")).counts == [0, 3]  # the same question
    assert held.ask(code, "Why?", ("so", "because")).counts == [0, 0]
    held.end(code)
    with pytest.raises(UserError, match="no such class"):
        held.find(code)


def test_classes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom, "MOST", 3)
    monkeypatch.setattr(classroom, "STUDENTS", 2)
    held = Classes()
    first, *others = [held.begin() for _ in range(4)]
    with pytest.raises(UserError):
        held.find(first)
    held.ask(others[0], "?", ("a", "b"))
    for student in "xyz":
        held.answer(others[0], student, "?", 0)
    assert held.find(others[0]).counts == [2, 0]
    assert len(held.find(others[0], "more").present) == 2
    monkeypatch.setattr(classroom, "IDLE", -1.0)
    held.begin()
    assert len(held._classes) <= 1  # those that nobody looked at are gone


def test_a_class_that_is_not_there_is_one_sentence() -> None:
    at = opened("home", **{"class": "![x](http://a.b)"})
    assert "There is no such class now" in at.info[0].value
    assert not at.exception


def test_an_answer_that_comes_when_another_question_is_asked_is_not_counted_and_breaks_nothing() -> None:
    held = cache.classes()
    code = held.begin()
    held.ask(code, "How many?", ("one", "two"))
    at = opened("home", **{"class": code})
    held.ask(code, "Why?", ("so", "because"))
    at.radio[0].set_value("two").run()
    assert not at.exception
    assert held.find(code).counts == [0, 0]
    assert at.radio[0].options == ["so", "because"]
    at.radio[0].set_value("because").run()
    assert held.find(code).counts == [0, 1]
    held.end(code)
