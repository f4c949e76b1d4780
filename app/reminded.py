"""Which training images a network is reminded of, at every strength of a noise or an attack, packed for the browser to slide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from app import cache, progress
from app.browser import strips
from app.browser.strips import Line, Tile
from app.inputs import Digit, Trained
from app.parts import looked
from app.turns import watched
from core.experiments.trial import Corruption, at_levels
from core.measures import feature_neighbours
from core.measures.feature_neighbours import Atlas
from core.params import strength

COUNT = 6  # training images beside each digit
LEVELS = 21  # strengths: a search among all training images takes its time


@dataclass(frozen=True)
class Reminded:
    """A digit, what is added to it, and by what and among which training images the nearest are looked for."""

    trained: Trained
    digit: Digit
    thing: Corruption
    seed: int
    metric: str
    within: bool  # the class that the network says, else all

    @property
    def levels(self) -> tuple[float, ...]:
        """Return the strengths that are slid through."""
        return strength(type(self.thing))[1].levels(LEVELS)

    def at(self, level: int) -> bytes:
        """Return what there is to see at one strength, packed."""
        atlas = progress.atlas(self.trained)
        return watched(
            ("reminded", self, level), lambda: self.steps(atlas, [level]), "Looking for the nearest training images"
        )

    def whole(self) -> bytes | None:
        """Return what there is to see at every strength, packed, when it is found; until then say how far it is."""
        atlas = progress.atlas(self.trained)
        return looked(
            ("reminded", self, "whole"), lambda: self.steps(atlas, range(LEVELS)), "Looking at every strength"
        )

    def steps(self, atlas: Atlas, known: Sequence[int]) -> Iterator[float | bytes]:
        """Yield the share done, and at last, packed, what there is to see at the known levels."""
        model, train = cache.cnn(self.trained), cache.dataset("mnist", "train")
        x, levels = self.digit.image(), [self.levels[k] for k in known]
        seen = at_levels(self.thing, model, x, self.digit.labels(model), levels, self.seed)[:, 0]
        with torch.no_grad():
            sure = model(torch.cat([x, seen])).softmax(1)
        found = []
        for z, answer in zip(torch.cat([x, seen]).split(1), sure.argmax(1).tolist(), strict=True):
            label, maps = answer if self.within else None, feature_neighbours.maps(model, z)
            found.append(feature_neighbours.nearest(atlas, maps, self.metric, label, COUNT))
            yield len(found) / len(sure)
        images, tiles = {"clean": x, "seen": seen}, []
        count = min(len(indices) for indices, _ in found)
        for title, image, which in (("the digit", "clean", slice(1)), ("corrupted", "seen", slice(1, None))):
            says = Line("reads {}", sure[which].argmax(1).float(), digits=0)
            tiles.append(Tile(title, image, "", (says, Line("{} % sure", 100 * sure[which].amax(1), digits=0))))
            for place in range(count if image == "seen" else min(1, count)):
                rows = torch.tensor([indices[place] for indices, _ in found[which]])
                alike = torch.tensor([scores[place] for _, scores in found[which]])
                images[f"{image} {place}"] = train.images(rows)
                told = Line("no. {}", rows.float(), digits=0), Line("a {}", train.labels[rows].float(), digits=0)
                name = "most like it" if not place else f"{place + 1}th" if place > 2 else ("2nd", "3rd")[place - 1]
                tiles.append(Tile(name, f"{image} {place}", "", (*told, Line(f"{self.metric} {{}}", alike, digits=3))))
        field, span = strength(type(self.thing))
        scale = strips.Scale(list(self.levels), span.label or field, span.unit, span.share)
        yield strips.pack(scale, images, tiles, known=list(known), limit=1.0, stay=strips.BRIEF)
