"""The frame every page stands in."""

import gc
import logging
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

from app import address, browser, received, uploads  # noqa: E402
from app.navigation import PAGES, Entry, chapters  # noqa: E402
from core import UserError  # noqa: E402
from core.types import generator  # noqa: E402

STYLE = """<style>
  [data-testid=stMainBlockContainer] { padding-top: 2.2rem; padding-bottom: 3rem; max-width: 90rem; }
  @media (max-width: 640px) { [data-testid=stMainBlockContainer] { padding-top: 4rem; } }
  [data-testid=stSidebarUserContent] { padding-top: 0; }
  [data-testid=stMainBlockContainer] h1 { padding: 0 0 .2rem; }
</style>"""


@st.cache_resource
def settle() -> None:
    """Prepare this process once: one thread an operation, values checked, a bound on files, and a heap that later collections pass over."""
    received.forgive()
    torch.set_num_threads(1)
    uploads.bound()
    gc.collect()
    gc.freeze()


def page(entry: Entry) -> st.Page:
    """Make one entry of the navigation."""
    icon = f":material/{entry.icon}:"
    title = f"{entry.asks} · Noisescope"
    return st.Page(entry.file, title=title, icon=icon, url_path=entry.address, default=not entry.address)


def navigate(here: Entry) -> None:
    """Show the chapters, above the page those of its own chapter, and the question that it asks."""
    row = chapters()[here.chapter]
    with st.sidebar:
        st.markdown("## Noisescope")
        for chapter, entries in chapters().items():
            at = here if chapter == here.chapter else entries[0]  # the link to where one is stands out
            st.page_link(at.file, label=chapter, icon=f":material/{entries[0].icon}:")
        browser.copy()
    if len(row) > 1:
        with st.container(horizontal=True, key="chapter"):
            for entry in row:
                st.page_link(entry.file, label=entry.title, help=entry.asks)
    st.title(here.asks)


def main() -> None:
    """Run the page of the address; whatever goes wrong there is one sentence, and the log has the rest."""
    icon = (255 * torch.rand((16, 16), generator=generator(0))).byte().numpy()  # noise; an icon font would be fetched
    st.set_page_config(page_icon=Image.fromarray(icon), layout="wide")
    st.html(STYLE)
    settle()
    chosen = st.navigation([page(entry) for entry in PAGES], position="hidden")
    navigate(next(entry for entry in PAGES if entry.address == chosen.url_path))
    address.enter(chosen.url_path)
    try:
        chosen.run()
    except UserError as refusal:
        address.leave()
        st.warning(received.plain(str(refusal)), icon=":material/info:")
    except Exception:
        address.leave()
        logging.getLogger("noisescope").exception("page %s failed", chosen.url_path)
        sentence = "This page could not be drawn. Reload it; if it happens again, the server's log says why."
        st.warning(sentence, icon=":material/info:")


main()
