from dataclasses import replace
from typing import Any

import pytest
import torch

from core import checkpoints
from core.checkpoints import Card
from core.data import datasets
from core.experiments import denoising, other_noise
from core.experiments.attack_rates import BESIDE
from core.noise import BlindGaussian

CARD = Card("mine", "", "UNet", "cifar10", dict(noise="BlindGaussian(sigma_max=50.0)"), 0, "", "abc", [])
NOISES = (BlindGaussian(50.0), *other_noise.OTHERS)


def measured(share: float) -> denoising.Denoised:
    """What a network comes to that takes away a share of what is above or below the mean."""
    test = datasets.sample("cifar10", "test").part(slice(0, 40))
    begun = denoising.begin(other_noise.STORE.provenance([], test, "float32"), NOISES)
    work = lambda z: torch.lerp(z, z.mean((2, 3), keepdim=True), share)  # noqa: E731
    *_, found = denoising.denoised(work, begun, test, 40)
    return found


def test_rows_of_all_noises_are_kept_so_that_networks_compare_image_by_image() -> None:
    one, other = measured(0.1), measured(0.0)
    for corrupt in one.noises:
        gain = other_noise.denoised(one, corrupt) - other_noise.denoised(other, corrupt)
        mean, half = other_noise.beyond(one, other, corrupt)
        assert mean == pytest.approx(float(gain[gain.isfinite()].mean()), abs=1e-4)
        assert half > 0
    assert other_noise.beyond(one, one, one.noises[0]) == (0, 0)


def test_it_is_told_beside_the_plain_network(shelf: Any) -> None:
    assert "Not measured yet: `python -m core measure other-noise`." in list(other_noise.section())
    for name, share in ((other_noise.PLAIN, 0.0), (BESIDE[0], 0.1)):
        checkpoints.put(replace(CARD, name=name), b"weights")
        other_noise.STORE.put(name, replace(measured(share), networks={name: checkpoints.digest(b"weights")}))
    lines = list(other_noise.section())
    assert sum(line.startswith("| `") for line in lines) == len(NOISES)
    assert f"| `{BESIDE[0]}` | more |" in "\n".join(lines)
