"""A small picture under a noise, and what denoisers make of it at the level that is looked at."""

from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st

from app import cache
from app.browser import follow, strips
from app.draw import measured
from app.inputs import Photo, Trained
from app.parts import looked
from app.turns import watched
from core.denoisers.classical import CLASSICAL
from core.noise import Noise
from core.types import Model


@dataclass(frozen=True)
class Compared:
    """What is shown: a picture under a noise, whose levels are slid through."""

    photo: Photo
    noise: Noise
    levels: tuple[float, ...]
    seed: int

    def whole(self, trained: Trained) -> bytes | None:
        """Return what a denoiser makes of it at every level, packed for the browser, when that is done; `cache.strip` has some."""

        def work() -> Iterator[float | bytes]:
            yield strips.lead(
                cache.denoiser(trained), cache.image(self.photo), self.noise, list(self.levels), self.seed
            )

        return looked(("whole", trained, *self._key), work, "The levels between")

    def side_by_side(self, networks: tuple[Trained, ...]) -> bytes:
        """Return it, clean and noisy, and what denoisers make of it, at every level, packed for the browser."""

        def work() -> Iterator[float | bytes]:
            x, learned = cache.image(self.photo), {t.title: cache.denoiser(t) for t in networks}
            plain: dict[str, Model] = {"original": x.expand_as, "noisy": lambda z: z}
            every = range(len(self.levels))
            return strips.gallery({**plain, **learned}, x, self.noise, list(self.levels), self.seed, every)

        return watched(("side by side", networks, *self._key), work, "Every network takes its turn")

    def compare(self, networks: tuple[Trained, ...], at: int) -> None:
        """Show what denoisers, and what learned nothing, make of it at one level."""

        def work() -> Iterator[float | bytes]:
            every: dict[str, Model] = {**{t.title: cache.denoiser(t) for t in networks}, **CLASSICAL}
            return strips.gallery(every, cache.image(self.photo), self.noise, list(self.levels), self.seed, [at])

        follow(watched(("gallery", networks, *self._key, at), work, "Every network takes its turn"), key="gallery")
        st.caption(
            f"At the level where the slider above rests; the green frame is the best by PSNR. The last {len(CLASSICAL)} learned nothing; all "
            "of them but the median estimate the noise from the picture. Find the noise that each network was made for, and try it on another."
        )

    def tell(self, trained: Trained, at: int) -> None:
        """Show what a conditioned network makes of it at one level, whatever it is told."""

        def work() -> Iterator[float | bytes]:
            told = {t.told or "no label": cache.denoiser(t) for t in trained.tellings}
            return strips.tellings(told, cache.image(self.photo), self.noise, list(self.levels), self.seed, [at])

        st.header("Whatever it is told")
        follow(
            watched(("tellings", trained, *self._key, at), work, "It is told one class after the other"), key="tellings"
        )
        st.caption(
            "The same network on the same noisy picture, at the level where the slider above rests, told each class; the green frame is the best by PSNR. "
            "Below, what each label changes: red is brighter than without a label, blue darker, full colour at ±16 grey levels."
        )
        with st.expander("What is it worth to know the class?"):
            measured.told()

    @property
    def _key(self) -> tuple[object, ...]:
        """Return what its work is known by; a noise has its type in it."""
        return self.photo, repr(self.noise), self.levels, self.seed
