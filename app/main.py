"""The frame every page stands in."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # `streamlit run` puts only this folder there
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from streamlit.logger import get_logger  # noqa: E402

from app import address, browser, parts, player, received, snippets, uploads, warm  # noqa: E402
from app.navigation import PAGES, Entry, chapters  # noqa: E402
from core.types import generator  # noqa: E402

STYLE = """<style>
  [data-testid=stMainBlockContainer] { padding-top: 2.2rem; padding-bottom: 3rem; max-width: 90rem; }
  @media (max-width: 640px) {
    [data-testid=stMainBlockContainer] { padding-top: 4rem; }
    [data-testid=stHorizontalBlock]:has([data-testid=stImage]):has(> :nth-child(3)):not(:has([data-testid=stMetric])) > [data-testid=stColumn]:not(:has([data-testid=stPlotlyChart])) { min-width: 0; flex: 0 0 calc(33% - .7rem); }
    [data-testid=stHorizontalBlock]:has([data-testid=stMetric]) > [data-testid=stColumn]:has([data-testid=stImage]),
    [data-testid=stColumn]:has([data-testid=stMetric]):not(:has([data-testid=stMarkdown], [data-testid=stCaptionContainer])) { min-width: 0; flex: 0 0 calc(50% - .7rem); }
    [data-testid=stButtonGroup] button { padding-inline: .45rem; }
    .st-key-drawn { overflow-x: auto; }
    .st-key-drawn > * { min-width: 44rem; }
  }
  [data-testid=stButtonGroup] [role] { flex-wrap: wrap; }
  [data-testid=stSidebarUserContent] { padding-top: 0; }
  .st-key-code { display: none; }
  [data-testid=stMainBlockContainer] h1 { padding: 0 0 .2rem; }
  [data-testid=stCaptionContainer] { color: inherit; opacity: .82; }
  [data-testid=stCaptionContainer] code { color: inherit; }
  [data-testid=stBaseButton-primary] p { color: light-dark(#fff, #171614); }
  ::highlight(noisescope-word) { text-decoration: underline dotted; text-underline-offset: 3px; }
</style>"""
PRESENT = """<style>
  :is([data-testid=stSidebar], [data-testid=stExpandSidebarButton], [data-testid=stHeader], .st-key-chapter) { display: none; }
  [data-testid=stMainBlockContainer] { max-width: none; padding: .6rem 1.2rem; zoom: 1.46; }
  [data-testid=stMainBlockContainer] h1 { font-size: 1.35rem; }
  [data-testid=stMainBlockContainer] code { font-size: 1em; }
  [data-testid=stMainBlockContainer] input[role=combobox] { font-size: 11px; padding-inline: .5rem 0; }
  [role=combobox] + button { padding-inline: .1rem .3rem; }
  [data-testid=stButtonGroup] button { padding-inline: .45rem; }
  [data-testid=stPlotlyChart] { zoom: calc(1 / 1.46); }
  [data-testid=stPopoverButton] { padding-inline: .3rem; }
  [data-testid=stNumberInputContainer] :is(input, button) { font-size: 12px; padding-inline: .3rem; width: auto; }
  [data-testid=stPopoverButton] [data-has-shortcut] > :first-child { display: none; }
</style>"""  # what is 11 pixels high is 16 then; and what is chosen is whole at 1024 pixels


@st.cache_resource
def settle() -> None:
    """Prepare this process once: values checked, a log, one thread an operation, a bound on files, a heap that later collections pass over."""
    received.forgive()
    if warm.served():
        get_logger("noisescope")  # says when, like Streamlit's own
    torch.set_num_threads(1)
    uploads.bound()
    warm.settled()


def page(entry: Entry) -> st.Page:
    """Make one entry of the navigation."""
    icon = f":material/{entry.icon}:"
    title = f"{entry.asks} · Noisescope"
    return st.Page(entry.file, title=title, icon=icon, url_path=entry.address, default=not entry.address)


def navigate(here: Entry) -> None:
    """Show the chapters, and above the page those of its own chapter."""
    row = chapters()[here.chapter]
    with st.sidebar:
        st.markdown("## Noisescope")
        for chapter, entries in chapters().items():
            at = here if chapter == here.chapter else entries[0]  # the link to where one is stands out
            st.page_link(at.file, label=chapter, icon=f":material/{entries[0].icon}:")
        browser.copy()
        st.fragment(browser.save)()
        st.button(
            "Present",
            on_click=address.along,
            kwargs={"present": "1"},
            type="tertiary",
            help="Large, without this column, for a projector.",
        )
    if len(row) > 1:
        with st.container(horizontal=True, key="chapter"):
            for entry in row:
                st.page_link(entry.file, label=entry.title, help=entry.asks)


def present() -> bool:
    """Show the page as a projector wants it, where the address or a press of the button asked for that."""
    if st.session_state["entering"] and st.query_params.get("present") == "1":
        address.along(present="1")
    if address.presenting():
        st.html(PRESENT)
    return address.presenting()


def main() -> None:
    """Run the page of the address; whatever goes wrong there is one sentence, and the log has the rest."""
    icon = (255 * torch.rand((16, 16), generator=generator(0))).byte().numpy()  # noise; an icon font would be fetched
    st.set_page_config(page_icon=Image.fromarray(icon), layout="wide")
    st.html(STYLE)
    settle()
    chosen = st.navigation([page(entry) for entry in PAGES], position="hidden")
    browser.code()
    if code := st.query_params.get("class"):
        return player.student(code)
    here = next(entry for entry in PAGES if entry.address == chosen.url_path)
    address.enter(chosen.url_path)
    navigate(here)
    presenting = present()
    body = st.container()
    st.session_state["snippet"] = here.name, st.empty()  # before the page, for parts of it write there
    try:
        with body, parts.answered(chosen.url_path):
            if player.bar():
                st.title(here.asks)
                chosen.run()
                address.close()
                snippets.show()
                browser.words()
    finally:
        warm.behind()  # `streamlit run` has not; `python -m app` has
    if presenting:
        st.button("Leave the presenter's view", on_click=address.along, kwargs={"present": None}, type="tertiary")


main()
