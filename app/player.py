"""The lesson that is given: its step above the page, the answers of the class, and what a student sees of it."""

import html
from urllib.parse import urlsplit

import segno
import streamlit as st

from app import address, daring, received
from app.cache import classes
from app.challenge import Board
from app.classroom import Class
from app.inputs import Digit, Trained
from app.parts import part
from app.teaching import Lesson, Step, read
from app.turns import visitor
from core import UserError

EVERY = 1.0  # seconds between two looks at a class
DARING = "challenge"  # the page on which a class may paint


def bar() -> bool:
    """Show the step of the lesson that is given, if one is; say whether the page may be seen: not before its question is answered."""
    given = _given()
    if not given:
        return True
    lesson, number = given
    step = lesson.steps[number - 1]
    shown = not step.question or st.session_state.get("revealed") == lesson.address(number)
    found = classes().ask(code, step.question, tuple(step.choices)) if (code := _class()) else None
    if found and st.session_state["page"] != DARING:
        classes().rest(found.code)
    with st.container(border=True, key="lesson"):
        st.caption(f"{lesson.title} · step {number} of {len(lesson.steps)}")
        if step.question:
            st.markdown(f"## {step.question}")
        with st.container(horizontal=True, vertical_alignment="center"):
            _steps(lesson, number, shown)
            st.popover("For the teacher", icon=":material/school:").markdown(step.teacher)
            _class_button(found)
            st.button("End the lesson", on_click=_end, type="tertiary")
        if step.question:
            _answers(found, step, shown)
        elif found and st.session_state["page"] == DARING:
            with st.container(horizontal=True, vertical_alignment="center"):
                _invitation(found.code)
    return shown


def student(code: str) -> None:
    """Show a student the question of the class, and take the answer."""

    @st.fragment(run_every=EVERY)
    def question() -> None:
        try:
            found = classes().find(code, visitor())
        except UserError as refusal:
            st.info(str(refusal), icon=":material/info:")
            return
        if found.daring and found.board:
            st.markdown("## Fool it with the least")
            daring.easel(found.board)
            return
        if not found.open:
            st.markdown("## Look at the screen in front.")
            st.caption("The next question comes by itself.")
            return
        asked, choices = found.question, found.choices  # as they are now: the teacher may go on meanwhile
        key = f"answer {asked}"

        def take() -> None:
            if st.session_state[key] in choices:
                classes().answer(code, visitor(), asked, choices.index(st.session_state[key]))

        st.markdown(f"## {asked}")
        st.radio("Your answer", choices, index=None, key=key, on_change=take)
        st.caption(
            "You can change it until the answer is shown."
            if st.session_state.get(key)
            else "Nobody sees who answered what."
        )

    question()


def dared(network: Trained, digit: Digit) -> Board | None:
    """Let the class that is taught here try to fool a network on a digit; return its board, None where there is no class."""
    code = _class()
    return classes().dare(code, network, digit) if code else None


def doors() -> None:
    """Offer the lessons; a file that is not in order is one sentence."""
    try:
        for lesson in read().values():
            with st.container(border=True):
                st.page_link(
                    lesson.steps[0].file,
                    label=f"**{lesson.title}** · planned for {lesson.minutes} minutes",
                    query_params=lesson.address(1),
                )
                st.caption(lesson.about)
    except UserError as refusal:
        st.warning(received.plain(str(refusal)), icon=":material/info:")


def _given() -> tuple[Lesson, int] | None:
    """Return the lesson that is given and its step: what the address asks for, else what it was on the page before."""
    asked = st.session_state.get("along", {}).get("lesson")
    if st.session_state["entering"]:
        asked = st.query_params.get("lesson", asked)
    name, _, text = (asked or "").partition("-")
    try:
        lessons = read() if asked else {}
        lesson = lessons[address.one_of(lessons, "the lesson")(name)] if asked else None
        number = address.whole(1, len(lesson.steps), "step")(text or "1") if lesson else 0
    except UserError as refusal:
        address.notice(str(refusal))
        lesson, number = None, 0
    address.along(lesson=f"{lesson.name}-{number}" if lesson else None)
    return (lesson, number) if lesson else None


def _steps(lesson: Lesson, number: int, shown: bool) -> None:
    """Offer the step before, and what comes next, the answer or the next step, also to a presenter's remote control: its keys are these."""
    if number > 1 and st.button("Back", icon=":material/arrow_back:", type="tertiary", shortcut="PageUp"):
        st.switch_page(lesson.steps[number - 2].file, query_params=lesson.address(number - 1))
    if not shown:
        st.button("Reveal", type="primary", on_click=_reveal, args=(lesson.address(number),), shortcut="PageDown")
    elif number < len(lesson.steps) and st.button(
        "Next", icon=":material/arrow_forward:", type="tertiary", shortcut="PageDown"
    ):
        st.switch_page(lesson.steps[number].file, query_params=lesson.address(number + 1))


def _answers(found: Class | None, step: Step, shown: bool) -> None:
    """Show what may be answered and, live, how many of the class have answered what."""
    if not found:
        st.markdown("  \n".join(f"{chr(65 + k)}: {choice}" for k, choice in enumerate(step.choices)))
        return
    code = found.code
    left, right = st.columns([3, 1]) if not shown else (st.container(), None)
    with left:
        part(lambda: st.html(_bars(classes().find(code))), "lesson", None if shown else EVERY)
    if right:
        with right:
            _invitation(code)


def _invitation(code: str) -> None:
    """Show how students come in."""
    link = _link(code)
    st.image(segno.make(link).svg_inline(scale=4, border=1), width=140)
    st.markdown(f"class code **{code}**")
    st.caption(link)


def _bars(found: Class) -> str:
    """Draw the answers: a bar for each choice."""
    counts, most = found.counts, max(1, *found.counts)
    rows = "".join(
        f'<span>{html.escape(choice)}</span><span style="background: var(--st-primary-color, #0072b2); width: {100 * count / most:.0f}%; height: 1.1em; border-radius: 3px"></span><span>{count}</span>'
        for choice, count in zip(found.choices, counts, strict=True)
    )
    said = f"{sum(counts)} of {len(found.present)} have answered"
    return f'<b>{said}</b><div style="display: grid; grid-template-columns: auto 1fr 2em; gap: 4px 12px; align-items: center">{rows}</div>'


def _class_button(found: Class | None) -> None:
    if found:
        st.button(f"End class {found.code}", on_click=_dismiss, type="tertiary")
    else:
        st.button(
            "Ask a class", on_click=_assemble, icon=":material/groups:", help="Students answer from their own screens."
        )


def _class() -> str | None:
    """Return the code of the class that is asked here; None where there is none any more."""
    code = st.session_state.get("class")
    try:
        return classes().find(code).code if code else None
    except UserError:
        return None


def _link(code: str) -> str:
    """Return the address under which a student answers."""
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}/?class={code}"


def _assemble() -> None:
    st.session_state["class"] = classes().begin()


def _dismiss() -> None:
    classes().end(st.session_state.pop("class"))


def _reveal(step: dict[str, str]) -> None:
    st.session_state["revealed"] = step
    if code := _class():
        classes().close(code)


def _end() -> None:
    address.along(lesson=None)
    st.query_params.pop("lesson", None)
    if _class():
        _dismiss()
