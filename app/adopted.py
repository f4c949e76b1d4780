"""The networks that do not ship: lead to an adopted one, measure it, remove it, or one whose card is of no use."""

from functools import partial

import streamlit as st

from app import access, cache, received
from app.controls import presses
from app.draw import words
from app.navigation import PAGES
from core import UserError, checkpoints
from core.checkpoints import Card
from core.experiments import measuring, networks
from core.runs import control, folder
from core.runs.folder import Run
from core.training.recipes import RECIPES

USES = {
    "mnist": ("see", "pixels", "break"),
    "cifar10": ("denoise", "quality", "fooled"),
}  # by what they were trained on


def damaged() -> None:
    """Say what is wrong with each card that is of no use: everywhere else its network is passed over."""
    for why in networks.damaged().values():
        st.warning(received.plain(why), icon=":material/broken_image:")


def removal(shown: str) -> None:
    """Offer, to who may, to remove the network that is shown and those whose cards are of no use, but none that ships."""
    presses.told()
    candidates = dict.fromkeys((shown, *networks.damaged()))
    names = [name for name in candidates if name not in RECIPES and checkpoints.NAME.fullmatch(name)]
    if names and access.may():
        for name in names:
            goes = f"The network {name} goes, for good. What was measured of it stays, and holds again if you adopt the same weights again."
            presses.deletion(st, f"Delete {name}", name, goes, partial(control.discard, name))


def of(run: Run) -> list[Card]:
    """Return the cards under which the network of a run was adopted, as the run has it now."""
    try:
        reached, _ = folder.network(run.id)
    except UserError:
        return []
    return [card for card in networks.cards() if card.name not in RECIPES and card.sha256 == reached.sha256]


def led(card: Card) -> None:
    """Lead to the pages that use an adopted network, and offer to measure it."""
    denoises = "noise" in card.recipe
    used = (
        USES[card.dataset] if denoises == (card.dataset == "cifar10") else ()
    )  # n2n-digits and its like: the card alone
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/bookmark: Adopted as **{received.plain(card.name)}**:", width="content")
        for entry in PAGES:
            if entry.name in (*used, "cards"):
                st.page_link(
                    entry.file, label=entry.title, icon=f":material/{entry.icon}:", query_params={"network": card.name}
                )
    measured(card.name)


def measured(name: str) -> None:
    """Say how far an adopted network is measured; let who may start that and stop it. What is measured stays."""
    processes = cache.measuring()

    def shown() -> None:
        at_work, share = processes.running(name), measuring.share(name)
        if at_work != running:
            st.rerun()
        left, right = st.columns([5, 1], vertical_alignment="center")
        if at_work:
            rest = processes.left(name)
            told = f", about {words.duration(rest)} left" if rest else ""
            left.progress(share, f"Measuring {received.plain(name)}: {100 * share:.0f} %{told}")
            presses.button(right, "Stop", f"unmeasure-{name}", partial(processes.stop, name), width="stretch")
        elif share < 1:
            told = (
                f"{100 * share:.0f} % of what shipped networks are measured on is measured."
                if share
                else "It is not measured yet."
            )
            left.caption(
                f"{told} It takes a process of its own, of low priority; stopped, it goes on later where it was."
            )
            presses.button(right, "Measure it", f"measure-{name}", partial(processes.start, name), width="stretch")
        else:
            left.caption("It is measured.")
        if why := processes.why(name):
            st.warning(received.plain(why), icon=":material/info:")

    running = processes.running(name)
    if access.may():
        st.fragment(shown, run_every=1.0 if running else None)()
