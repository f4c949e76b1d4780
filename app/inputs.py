"""What a visitor chose, as frozen values that a cache can key by.

A test image carries its own values and a network the hash of its weights: where these change, so does the key.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch

from core import checkpoints
from core.checkpoints import Card
from core.data import samples, uploads
from core.data.datasets import SOURCES, Dataset
from core.networks.digits import Classifier
from core.noise import Noise, parse
from core.types import Images, Labels, Uint8Images


@dataclass(frozen=True)
class Digit:
    """A digit by its 784 grey values; a test image also says which it is, and what it shows."""

    values: bytes
    index: int | None = None
    label: int | None = None

    @classmethod
    def of(cls, test: Dataset, index: int) -> Self:
        """Take a test image."""
        return cls(test.pixels[index].numpy().tobytes(), index, int(test.labels[index]))

    @classmethod
    def read(cls, picture: Images) -> Self:
        """Bring a picture of a digit, (1, C, H, W) of any size, into the networks' form. Raises UserError for a blank one."""
        return cls((uploads.as_digit(picture) * 255).round().byte().numpy().tobytes())

    @classmethod
    def blank(cls) -> Self:
        """Return an empty pad."""
        return cls(bytes(784))

    @property
    def own(self) -> bool:
        """Say whether somebody drew or brought it."""
        return self.index is None

    def pixels(self) -> Uint8Images:
        """Return the digit, (1, 1, 28, 28), as it is held."""
        return _read(self.values, (1, 28, 28))

    def image(self) -> Images:
        """Return the digit, (1, 1, 28, 28) in [0, 1]."""
        return self.pixels().float() / 255

    def labels(self, model: Classifier) -> Labels:
        """Return what an attack leads away from, (1,): the label, or what the network says of an unlabelled digit."""
        with torch.no_grad():
            return model(self.image()).argmax(1) if self.label is None else torch.tensor([self.label])


@dataclass(frozen=True)
class Photo:
    """A picture in colour: a test image by its 3,072 values, a built-in photograph by its name, or a file by its hash."""

    content: bytes = b""  # of a test image its values, of a file that somebody brought its SHA-256
    index: int | None = None
    name: str = ""

    @classmethod
    def of(cls, test: Dataset, index: int) -> Self:
        """Take a test image."""
        return cls(test.pixels[index].numpy().tobytes(), index)

    @property
    def own(self) -> bool:
        """Say whether somebody brought it."""
        return self.index is None and not self.name

    @cached_property
    def sha256(self) -> str:
        """Return a hash of what it is."""
        return hashlib.sha256(f"{self.index} {self.name} ".encode() + self.content).hexdigest()

    def pixels(self) -> Uint8Images:
        """Return a test image or a built-in photograph, (1, 3, H, W); what somebody brought is held by `cache.pixels`."""
        if self.name:
            return torch.from_numpy(samples.photograph(self.name)).permute(2, 0, 1)[None]
        return _read(self.content, (3, 32, 32))


@dataclass(frozen=True)
class Trained:
    """A trained network, by its name and the hash of its weights, and what it is told of a picture, if it can be told."""

    name: str
    sha256: str
    label: int | None = None  # the class that a conditioned network is told

    @classmethod
    def named(cls, name: str) -> Self:
        """Take a network as it is now. Raises UserError where there is none or its card cannot be read."""
        return cls(name, checkpoints.read(name).sha256)

    @property
    def key(self) -> str:
        """Return a short text that tells networks of one name apart."""
        return f"{self.name}.{self.sha256[:8]}" + ("" if self.label is None else f".{self.label}")

    @property
    def title(self) -> str:
        """Return its name, and what it is told."""
        return f"{self.name}, told “{self.told}”" if self.told else self.name

    @property
    def told(self) -> str:
        """Return the class it is told; an empty word where it is told none."""
        return "" if self.label is None else self.classes[self.label]

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the classes that it can be told; none for a network that listens to nothing."""
        return SOURCES[self.card.dataset].classes if self.card.architecture == "ConditionedUNet" else ()

    @property
    def tellings(self) -> "tuple[Trained, ...]":
        """Return the network told nothing, and told each class."""
        return tuple(replace(self, label=label) for label in (None, *range(len(self.classes))))

    @property
    def card(self) -> Card:
        """Return its card. Raises UserError where it has gone."""
        return checkpoints.read(self.name)

    @property
    def noise(self) -> Noise:
        """Return the noise a denoiser was trained on."""
        return parse(self.card.recipe["noise"])


def _read(values: bytes, shape: tuple[int, int, int]) -> Uint8Images:
    return torch.frombuffer(bytearray(values), dtype=torch.uint8).view(1, *shape)
