"""Say which data a page shows, and offer to fetch the full set."""

import streamlit as st

from core import UserError
from core.data import datasets, downloads
from core.data.datasets import Dataset


def source(dataset: Dataset) -> None:
    """Say, small, which data the page shows and, for a sample, how to get the full set, with a button that does it."""
    st.caption(f"Data: {dataset.note}")
    if not dataset.full:
        offer(dataset.name)


def offer(name: str) -> None:
    """Offer to download a data set, with progress; whoever comes while one is under way watches it too."""
    title = datasets.SOURCES[name].title
    if st.button(f"Download {title}", icon=":material/download:", key=f"download-{name}"):
        bar = st.progress(0.0, f"Downloading {title} ...")
        try:
            for share in downloads.download(name):
                bar.progress(share, f"Downloading {title}: {100 * share:.0f} %")
        except UserError as refusal:
            bar.empty()
            st.warning(str(refusal), icon=":material/wifi_off:")
        else:
            st.rerun()
