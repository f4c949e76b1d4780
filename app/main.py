"""The frame every page stands in."""

import gc
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

from app import address, parts, received, uploads  # noqa: E402
from app.navigation import PAGES, Entry  # noqa: E402
from core.types import generator  # noqa: E402

STYLE = """<style>
  [data-testid=stMainBlockContainer] { padding-top: 2.2rem; padding-bottom: 3rem; max-width: 90rem; }
  @media (max-width: 640px) { [data-testid=stMainBlockContainer] { padding-top: 4rem; } }
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
    return st.Page(entry.file, title=entry.title, icon=icon, url_path=entry.address, default=not entry.address)


def main() -> None:
    """Run the page of the address; whatever goes wrong there is one sentence, and the log has the rest."""
    icon = (255 * torch.rand((16, 16), generator=generator(0))).byte().numpy()  # noise; an icon font would be fetched
    st.set_page_config(page_title="Noisescope", page_icon=Image.fromarray(icon), layout="wide")
    st.html(STYLE)
    settle()
    sections: dict[str, list[st.Page]] = {}
    for entry in PAGES:
        sections.setdefault(entry.section, []).append(page(entry))
    chosen = st.navigation(sections)
    address.enter(chosen.url_path)
    with parts.answered(chosen.title):
        chosen.run()


main()
