"""A photograph under a slider, and the work behind it: half-size previews of every level, the whole of it where the slider rests.

What is done is sent to the browser piece by piece (browser/photographs.py), and goes on as long as somebody looks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import streamlit as st

from app import cache, received
from app.browser import photographs, piece
from app.browser.photographs import Denoised, Scene, Steps
from app.door import Work
from app.draw import pictures
from app.inputs import Photo, Trained
from app.turns import made, visitor
from core import UserError
from core.models import autocast
from core.types import Images, Uint8Images

R = TypeVar("R")


@dataclass(frozen=True)
class Shown:
    """What is shown of a photograph: by which network, over eight symmetries or not, and beside which others."""

    network: Trained
    photo: Photo
    scene: Scene
    ensembled: bool
    others: tuple[Trained, ...]

    @property
    def pixels(self) -> Uint8Images:
        """Return the photograph as it is held, (1, 3, H, W)."""
        return cache.pixels(self.photo)

    @property
    def symmetric(self) -> bool:
        """Say whether the whole picture is denoised eight times; a very large one is not."""
        return self.ensembled and photographs.moderate(self.pixels)

    @property
    def title(self) -> str:
        """Name its network, and what is done with it."""
        return f"{self.network.title}{', eight symmetries' if self.symmetric else ''}"

    @property
    def source(self) -> str:
        """Name what denoises the whole picture."""
        return f"{self.network.key}{'.8' if self.symmetric else ''}"

    @property
    def methods(self) -> list[str]:
        """Name the others that are tried on it."""
        return photographs.methods(self.pixels, [trained.title for trained in self.others])

    def packed(self) -> bytes:
        """Describe it for the browser."""
        return photographs.frame(self.scene, self.pixels, self.title, (self.network.key, self.source), self.methods)

    def works(self, level: int) -> tuple[Work[bytes], Work[Denoised], Work[bytes]]:
        """Return the work on its previews, on the whole of it at a level, and on what others make of that."""
        scene, key, steps = self.scene, self.network.key, _steps(self.network)
        others = {trained.title: _steps(trained) for trained in self.others}
        beside = tuple(trained.key for trained in self.others)
        enter = partial(cache.door().enter, visitor=visitor())
        weight = photographs.WEIGHT * self.pixels.shape[-2] * self.pixels.shape[-1]
        return (
            enter(("previews", key, scene), self._of(lambda x: photographs.previews(scene, steps, key, x))),
            enter(
                ("whole", self.source, scene, level),
                self._of(lambda x: photographs.full(scene, steps, self.source, x, level, self.symmetric)),
                weight=weight,
            ),
            enter(
                ("others", beside, scene, level),
                self._of(lambda x: photographs.compared(scene, others, x, level)),
                weight=weight,
            ),
        )

    def file(self, level: int) -> bytes:
        """Return it denoised at a level as a PNG file; where it has made room for others it is denoised anew. Raises UserError."""
        whole = self.works(level)[1]
        found = whole.finish()
        if whole.problem:
            raise UserError(whole.problem)
        return made(("file", whole.key), lambda: pictures.png(found[0].picture))

    def _of(self, steps: Callable[[Images], Iterator[R]]) -> Callable[[], Iterator[R]]:
        """Let work make floats of the photograph when it begins, not while it waits."""

        def begin() -> Iterator[R]:
            yield from steps(cache.image(self.photo))

        return begin


def _steps(network: Trained) -> Steps:
    return photographs.denoiser(autocast(cache.denoiser(network)), network.noise)


def arrive(shown: Shown, level: int) -> None:
    """Send what is done of a photograph to the browser, say how far the rest is, and offer the denoised picture."""
    waiting = not all(work.done for work in shown.works(level))

    def send() -> None:
        previews, whole, tried = works = shown.works(
            level
        )  # not kept: a session would hold on to what the door lets go
        small, large = previews.look(), whole.look()
        others = tried.look() if whole.done else []
        with st.container(gap=None):
            for packed in (*small, *(one.piece for one in large), *others):
                piece(packed)
        for problem in {work.problem for work in works} - {""}:
            st.warning(received.plain(problem), icon=":material/info:")
        if not all(work.done for work in works):
            ends = photographs.LEVELS + 1, 1, len(shown.methods)
            state = {
                f"full size {100 * whole.share:.0f} %": whole.done,
                f"previews {max(0, len(small) - 1)} of {photographs.LEVELS}": previews.done,
                f"other methods {len(others)} of {ends[2]}": tried.done or not whole.done,
            }
            share = (len(small) + len(large) + len(others)) / sum(ends)
            st.progress(min(1.0, share), f"At work: {', '.join(text for text, done in state.items() if not done)}")
        elif waiting:
            st.rerun()
        else:
            sizes = [sum(map(len, pieces)) / 1e6 for pieces in (small, [one.piece for one in large], others)]
            st.caption("Sent: previews {:.1f} MB, once; this level {:.1f} MB, other methods {:.1f} MB.".format(*sizes))

    st.fragment(send, run_every=0.3 if waiting else None)()
    *_, h, w = shown.pixels.shape
    st.caption(
        "Drag the line; press a picture or a method to see it right of the line. While the slider moves you see previews, at half size or less; "
        f"where it rests the whole picture, {w:,} x {h:,} pixels, is denoised: PSNR, SSIM and seconds, on this machine now, are of that. "
        "Networks made for Gaussian noise see it at half its size too, for the long waves of the noise, and what is grey stays grey. "
        "Removed is noisy minus denoised, still wrong is denoised minus original, as the mean of three colours. "
        "Good work looks like noise under “removed” and like nothing under “still wrong”. Of the methods that learned nothing all but the median estimate the noise from the picture"
        + (
            ". "
            if "BM3D" in shown.methods
            else "; BM3D is one of them where its package is installed (`pip install bm3d`)."
        )
    )
    if not photographs.moderate(shown.pixels):
        st.caption("On a picture this large nothing else is tried, nor the eight symmetries: it would take minutes.")
    if shown.works(level)[1].found:
        title, file = "Download the denoised picture (PNG)", f"denoised-{shown.source}.png"
        st.download_button(title, partial(shown.file, level), file, "image/png")
