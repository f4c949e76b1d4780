from dataclasses import replace
from typing import Any

import pytest
import torch

from core import checkpoints, models, noise
from core.data import unfamiliar as pictures
from core.experiments import denoising, unfamiliar
from core.types import generator

ABOUT: Any = dict(
    networks={}, data="", seed=0, commits=(), precision="", device="cpu", version=1, noise="Gaussian(sigma=25.0)"
)


@pytest.mark.parametrize(("channels", "side"), [(3, 32), (1, 28)])
def test_windows_are_of_every_kind_and_come_again(channels: int, side: int) -> None:
    windows = pictures.windows(channels, side)
    assert windows.pixels.shape[1:] == (channels, side, side)
    assert windows.labels.bincount()[1:].tolist() == [pictures.EACH] * len(pictures.DRAWN)
    assert int((windows.labels == 0).sum()) > 5000
    again = pictures.windows.__wrapped__(channels, side)
    assert torch.equal(windows.pixels, again.pixels)


def test_a_network_that_explodes_raises_the_alarm() -> None:
    x = torch.rand(4, 3, 32, 32, generator=generator(0))
    kinds = torch.tensor([0, 1, 1, 2])
    held = unfamiliar.scored(lambda y: y, x, kinds, noise.Gaussian(25.0), 0)
    burst = unfamiliar.scored(
        lambda y: torch.where(kinds.view(-1, 1, 1, 1) == 1, 3 * y, y), x, kinds, noise.Gaussian(25.0), 0
    )
    quiet, loud = (unfamiliar.Held(**ABOUT, n=4, rows=rows) for rows in (held, burst))
    assert (quiet.outside, quiet.beyond, quiet.worse) == (0, 0, 0)
    assert (loud.outside, loud.of("edges").outside, loud.of("photographs", "stripes").outside) == (2, 2, 0)
    assert loud.worse == 50
    assert loud.beyond == 2  # three times white


@pytest.mark.parametrize("name", [recipe.name for recipe in denoising.photographic()])
def test_no_network_that_ships_leaves_the_range_on_pictures_unlike_its_training_set(name: str) -> None:
    model, card = checkpoints.denoiser(name)
    windows = pictures.windows()
    drawn, photographs = (windows.labels > 0).nonzero().flatten()[::2], (windows.labels == 0).nonzero().flatten()[::50]
    chosen = torch.cat([drawn, photographs])
    corrupt = noise.parse(card.recipe["noise"])
    rows = unfamiliar.scored(models.autocast(model), windows.images(chosen), windows.labels[chosen], corrupt, 1)
    assert float(rows[:, 3].max()) < unfamiliar.BEYOND


def test_what_is_known_goes_on() -> None:
    windows = replace(
        pictures.windows(), pixels=pictures.windows().pixels[-500:], labels=pictures.windows().labels[-500:]
    )
    begun = unfamiliar.Held(**ABOUT, n=0, rows=torch.empty(0, 4))
    *_, whole = unfamiliar.held(lambda y: y, begun, windows, 500)
    *_, half = unfamiliar.held(lambda y: y, begun, windows, 250)
    *_, rest = unfamiliar.held(lambda y: y, half, windows, 500)
    assert (half.n, rest.n) == (250, 500)
    assert torch.equal(whole.rows, rest.rows)
