"""Channels of a U-Net: what each is worth, the least it is worth, and what DAG moves."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from core import checkpoints, models, noise
from core.attacks import DAG
from core.data import datasets
from core.experiments import unet_features
from core.experiments.unet_features import COLUMNS, UNetFeatures
from core.measures import ablation
from core.networks.unet import UNet
from core.noise import Gaussian
from core.types import Images, generator


@pytest.fixture(scope="module")
def unet() -> UNet:
    model = checkpoints.denoiser("n2n-gaussian-50")[0]
    assert isinstance(model, UNet)
    return model


@pytest.fixture(scope="module")
def x() -> Images:
    return datasets.load("cifar10", "test").images(slice(0, 3))


def test_to_look_at_the_maps_or_to_hold_none_changes_nothing(unet: UNet, x: Images) -> None:
    found = ablation.maps(unet, x)
    assert [z.shape[2] for z in found] == [32, 16, 8, 4, 2, 1, 1]
    mean, deviation = ablation.level(unet, x)
    assert mean.shape == deviation.shape == (unet_features.STAGES, unet_features.CHANNELS)
    assert torch.allclose(mean[1], found[1].mean((0, 2, 3)))
    nobody = torch.full((3,), -1)
    assert torch.allclose(ablation.without(unet, x, 2, nobody, mean[2]), unet(x), atol=1e-5)


def test_a_channel_held_at_its_mean_is_that_and_only_that(unet: UNet, x: Images) -> None:
    """As computed by overwriting the weights: a filter of nothing but a bias answers the same everywhere."""
    held = UNet()
    held.load_state_dict(unet.state_dict())
    with torch.no_grad():
        held.state_dict()["down.3.weight"][7] = 0  # the very weights
        held.state_dict()["down.3.bias"][7] = 0.25
        expected = held(x)
    mean = torch.full((48,), 0.25)
    assert torch.allclose(ablation.without(unet, x, 3, torch.full((3,), 7), mean), expected, atol=1e-4)
    each = ablation.without(unet, x, 3, torch.tensor([7, 8, 7]), mean)
    assert torch.allclose(each[::2], expected[::2], atol=1e-4)
    assert not torch.allclose(each[1], expected[1], atol=1e-4)


def test_the_least_worth_never_exceeds_the_worth_and_in_a_point_they_are_equal(
    unet: UNet, x: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy, channel = noise.noisy_batch(x, Gaussian(25.0), 0).noisy, torch.tensor([0, 5, 9])
    mean, _ = ablation.level(unet, noisy)
    for stage in (0, 6):
        useful, left = unet_features.least(unet, noisy, x, stage, channel, mean[stage])
        assert torch.allclose(useful, ablation.worth(unet, noisy, x, stage, channel, mean[stage]), atol=1e-4)
        assert (left <= useful).all()
        assert (left < useful).any()
    monkeypatch.setattr(unet_features, "RADIUS", 0.0)
    useful, left = unet_features.least(unet, noisy, x, 0, channel, mean[0])
    assert torch.allclose(left, useful, atol=1e-3)


def test_every_channel_is_measured_on_every_picture_and_measuring_goes_on(
    x: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unet_features, "SHARES", (1.0,))
    monkeypatch.setattr(unet_features, "BATCH", 1)
    monkeypatch.setattr(unet_features, "ATTACK", DAG(steps=2))
    small = UNet(3, 3)
    with torch.no_grad():
        small.out.weight.normal_(0, 0.05, generator=generator(0))
    models.freeze(small)
    part = datasets.load("cifar10", "test").part(slice(0, 2))
    begun = replace(result(torch.empty(0, 21, 4)), n=0)
    first, whole = unet_features.spread(small, begun, part, part, 2)
    assert (first.n, whole.n) == (1, 2)
    assert whole.rows.shape == (2, 21, len(COLUMNS))
    assert whole.rows.isfinite().all()
    assert (whole.rows[..., 1] <= whole.rows[..., 0]).all()
    *_, again = unet_features.spread(small, first, part, part, 2)
    assert torch.allclose(again.rows, whole.rows)
    assert (whole.column("white") > 0).any()


def result(rows: torch.Tensor) -> UNetFeatures:
    card = checkpoints.Card("n2n-gaussian-50", "", "UNet", "cifar10", dict(noise="Gaussian(sigma=50.0)"), 0, "", "", [])
    return replace(unet_features.begin(card, datasets.load("cifar10", "test")), n=len(rows), rows=rows)


def test_the_outcome_is_told_whichever_way_it_comes_out(shelf: Any) -> None:
    """Channels that DAG moves the more the more they are worth, or the less; brittle ones, or robust ones."""
    rng = generator(0)
    useful, noisy = (torch.rand(336, generator=rng) for _ in range(2))
    white = torch.ones(336)

    def told(left: torch.Tensor, moved: torch.Tensor) -> str:
        return unet_features.outcome(result(torch.stack([useful, left, moved, white], 1).expand(4, -1, -1)))

    assert told(-useful, useful) == "supported"
    assert told(useful, useful) == "contradicted"  # it moves what is useful and robust
    assert told(-useful, 1 - useful) == "contradicted"
    assert told(noisy, torch.rand(336, generator=rng)) == "undecided"
    found = result(torch.stack([useful, -useful, 2 * useful, white], 1).expand(4, -1, -1))
    assert torch.allclose(found.beyond, 2 * useful.double())
    assert "**supported**" in unet_features.verdict(found)
    assert unet_features.summary({"a": found}) == "Of 1 networks: 1 supported."
    assert "336 channels" in unet_features.verdict(found)
    assert "Not measured yet" in "\n".join(unet_features.section())
