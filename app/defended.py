"""One digit under every threat to a classifier behind a denoiser, at every epsilon, packed for the browser to slide."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from app import cache
from app.browser import strips
from app.browser.strips import Line, Tile
from app.inputs import Digit, Trained
from app.parts import looked
from app.turns import watched
from core.experiments import defence
from core.experiments.defence import EPSILONS, Sent
from core.measures import metrics

TITLES = {
    "clean": "the digit",
    "undefended": "no denoiser",
    "oblivious": "not knowing of it",
    "hasty": "through it, PGD",
    "adaptive": "through it, at its worst",
}


@dataclass(frozen=True)
class Defended:
    """A digit, the classifier that reads it, and the denoiser before it."""

    trained: Trained
    shield: Trained
    digit: Digit

    def at(self, level: int) -> bytes:
        """Return what every threat sends at one epsilon, packed."""
        return watched(("defended", self, level), lambda: self._steps([level]), "Attacking")

    def whole(self) -> bytes | None:
        """Return what every threat sends at every epsilon, packed, when it is found; until then say how far it is."""
        return looked(
            ("defended", self, "whole"), lambda: self._steps(range(len(EPSILONS))), "Attacking at every strength"
        )

    def _steps(self, known: Sequence[int]) -> Iterator[float | bytes]:
        model, denoiser, x = cache.classifier(self.trained), cache.denoiser(self.shield), self.digit.image()
        found: list[Mapping[str, Sent]] = []
        for level in known:
            for step in defence.tried(model, denoiser, x, self.digit.labels(model), EPSILONS[level]):
                if isinstance(step, float):
                    yield (len(found) + step) / len(known)
                else:
                    found.append(step)
        yield packed(found, known)


def packed(found: Sequence[Mapping[str, Sent]], known: Sequence[int]) -> bytes:
    """Pack what was found at the known levels: what is sent, what the classifier sees of it, and what it says."""
    images, tiles = {}, []
    for threat, title in TITLES.items():
        each = [one[threat] for one in (found[:1] if threat == "clean" else found)]
        sent, seen, sure = (
            torch.cat(part) for part in zip(*((e.sent, e.seen, e.sure[None]) for e in each), strict=True)
        )
        says = Line("reads {}", sure.argmax(1).float(), digits=0), Line("{} % sure", 100 * sure.amax(1), digits=0)
        behind = threat not in ("clean", "undefended")
        images[threat] = sent
        length = Line("L2 {}", metrics.l2(sent, found[0]["clean"].sent), digits=2)
        told = says if threat == "clean" else (length,) if behind else (*says, length)
        tiles.append(Tile(f"{title}: sent" if behind else title, threat, "", told, defence.THREATS.get(threat, "")))
        if behind:
            images[f"{threat} seen"] = seen
            tiles.append(Tile("what it sees of it", f"{threat} seen", "", says))
    scale = strips.Scale(list(EPSILONS), "Strength (epsilon)", "of the grey range")
    return strips.pack(scale, images, tiles, known=list(known), limit=1.0, stay=strips.BRIEF)
