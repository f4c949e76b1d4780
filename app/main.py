"""The navigation table and the frame every page stands in."""

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

from app import address  # noqa: E402
from core import UserError  # noqa: E402
from core.types import generator  # noqa: E402

PAGES = {
    "Look": [
        ("home", "Start here", ":material/home:", ""),
        ("see", "What does the network see?", ":material/visibility:", "see"),
        ("learned", "What has it learned?", ":material/school:", "learned"),
        ("similar", "Which images are alike?", ":material/compare:", "similar"),
    ],
    "Train": [("train", "How does a network learn?", ":material/model_training:", "train")],
    "Denoise": [
        ("denoise", "Can it see through the noise?", ":material/blur_off:", "denoise"),
        ("learn", "How can it learn from noise alone?", ":material/casino:", "learn"),
    ],
    "Attack": [
        ("pixels", "How few pixels are enough?", ":material/colorize:", "pixels"),
        ("fooled", "Can a denoiser be fooled?", ":material/bolt:", "fooled"),
        ("alike", "Is adversarial noise like noise?", ":material/graphic_eq:", "alike"),
        ("defence", "Is a denoiser a defence?", ":material/shield:", "defence"),
    ],
    "Measure": [
        ("break", "How fast does it break?", ":material/trending_down:", "break"),
        ("quality", "How well, on ten thousand images?", ":material/bar_chart:", "quality"),
        ("often", "How often, on ten thousand images?", ":material/ssid_chart:", "often"),
        ("transfer", "Does it transfer?", ":material/swap_horiz:", "transfer"),
        ("study", "The study, re-measured", ":material/menu_book:", "study"),
        ("cards", "Cards", ":material/badge:", "cards"),
    ],
}

STYLE = """<style>
  [data-testid=stMainBlockContainer] { padding-top: 2.2rem; padding-bottom: 3rem; max-width: 90rem; }
  @media (max-width: 640px) { [data-testid=stMainBlockContainer] { padding-top: 4rem; } }
  [data-testid=stMainBlockContainer] h1 { padding: 0 0 .2rem; }
</style>"""


@st.cache_resource
def settle() -> None:
    """Prepare this process once: one thread an operation, and a heap that later collections pass over."""
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def page(file: str, title: str, icon: str, path: str) -> st.Page:
    """Make one entry of the navigation."""
    return st.Page(ROOT / "pages" / f"{file}.py", title=title, icon=icon, url_path=path, default=not path)


def main() -> None:
    """Run the page of the address; whatever goes wrong there is one sentence, and the log has the rest."""
    icon = (255 * torch.rand((16, 16), generator=generator(0))).byte().numpy()  # noise; an icon font would be fetched
    st.set_page_config(page_title="Noisescope", page_icon=Image.fromarray(icon), layout="wide")
    st.html(STYLE)
    settle()
    chosen = st.navigation({section: [page(*entry) for entry in entries] for section, entries in PAGES.items()})
    address.enter(chosen.url_path)
    try:
        chosen.run()
    except UserError as refusal:
        address.leave()
        st.warning(str(refusal), icon=":material/info:")
    except Exception:
        address.leave()
        logging.getLogger("noisescope").exception("page %s failed", chosen.title)
        st.warning(
            "This page could not be drawn. Reload it; if it happens again, the server's log says why.",
            icon=":material/info:",
        )


main()
