"""Say which data a page shows, and offer to fetch the full set."""

import streamlit as st

from app import access, received
from app.controls import images
from app.inputs import Photo
from core import UserError
from core.data import datasets, downloads
from core.data.datasets import Dataset
from core.types import Uint8Images


def source(dataset: Dataset) -> None:
    """Say, small, which data the page shows and, for a sample, how to get the full set, with a button that does it."""
    st.caption(f"Data: {dataset.note}")
    if not dataset.full:
        offer(dataset.name)


def photograph(photo: Photo, x: Uint8Images, more: str) -> None:
    """Say, small, which photograph a page shows, and what else its figures hang on."""
    *_, h, w = x.shape
    what = (
        "your picture, which is not kept on disk"
        if photo.own
        else f"the photograph “{images.spoken(photo.name)}” that ships with scikit-image"
    )
    st.caption(f"Data: {what}, {w:,} x {h:,} pixels; {more}.")


def offer(name: str) -> None:
    """Offer to download a data set, with progress; whoever comes while one is under way watches it too."""
    title = datasets.SOURCES[name].title
    wanted = st.button(f"Download {title}", icon=":material/download:", key=f"download-{name}")
    if access.allowed(f"download-{name}", wanted):
        bar = st.progress(0.0, f"Downloading {title} ...")
        try:
            for share in downloads.download(name):
                bar.progress(share, f"Downloading {title}: {100 * share:.0f} %")
        except UserError as refusal:
            bar.empty()
            st.warning(received.plain(str(refusal)), icon=":material/wifi_off:")
        else:
            st.rerun()
