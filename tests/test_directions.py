"""Pictures pushed along directions: what is foretold, what comes about, and how it is kept."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from core import checkpoints
from core.attacks.denoisers import unit
from core.data import datasets
from core.experiments import directions, pushes
from core.experiments.directions import COLUMNS, LENGTHS, Directions
from core.experiments.pushes import NAMES, V1, WHITE, Pushed
from core.networks.unet import Denoiser
from core.noise import Gaussian
from core.types import Images, generator


@pytest.fixture(scope="module")
def unet() -> Denoiser:
    return checkpoints.denoiser("n2n-gaussian-50")[0]


@pytest.fixture(scope="module")
def x() -> Images:
    return datasets.load("cifar10", "test").images(slice(0, 4))


def column(rows: torch.Tensor, name: str) -> torch.Tensor:
    return rows[:, COLUMNS.index(name)]


def test_no_direction_is_foretold_more_than_the_worst(unet: Denoiser, x: Images) -> None:
    rows = directions.scored(unet, unet, x, Gaussian(25.0), 0)
    assert rows.shape == (4, len(COLUMNS))
    assert rows.isfinite().all()
    worst = column(rows, "largest clean")
    for name in NAMES:
        assert (column(rows, f"gain {name}") <= worst * 1.001).all()
    assert column(rows, f"gain {V1}") == pytest.approx(worst.numpy(), rel=1e-3)
    assert column(rows, f"cosine {V1}") == pytest.approx(1.0, abs=1e-4)
    assert (column(rows, f"cosine {WHITE}") < 0.2).all()
    for place in directions.PLACES:
        assert (column(rows, f"residual {place}") < 0.05).all()


def test_where_a_network_is_linear_what_is_foretold_comes_about(x: Images) -> None:
    """Halving every value: J is 1/2 of the identity everywhere."""

    def half(z: Images) -> Images:
        return 0.5 * z

    rows = directions.scored(half, half, x, Gaussian(25.0), 0)
    for name in NAMES:
        for t in LENGTHS:
            assert column(rows, f"moved_{t:g} {name}") == pytest.approx(t / 2, rel=2e-3)
    for place in directions.PLACES:
        assert column(rows, f"largest {place}") == pytest.approx(0.5, rel=1e-4)
        assert column(rows, f"cosine {place}") == pytest.approx(1.0, rel=1e-4)
        assert column(rows, f"apart {place}") == pytest.approx(0.5, rel=1e-4)


def test_of_both_signs_the_worse_one_is_taken(x: Images) -> None:
    """A network that answers to what grows twice as much as to what falls."""
    base = x.clone()

    def bent(z: Images) -> Images:
        change = z - base
        return torch.where(change > 0, 2 * change, change)

    up = unit(torch.ones_like(x))
    assert torch.equal(pushes.worse_sign(bent, x, -up), up)
    assert torch.equal(pushes.worse_sign(bent, x, up), up)


def test_one_picture_is_pushed_with_progress(unet: Denoiser, x: Images) -> None:
    *shares, found = pushes.push(unet, x[:1], Gaussian(25.0), Gaussian(50.0), 3)
    assert all(isinstance(share, float) and 0 < share < 1 for share in shares)
    assert len(shares) == pushes.ROUNDS + 1
    assert isinstance(found, Pushed)
    assert float((found.batch.clean - x[:1]).std()) > 0.05  # noisy, and another draw than n
    n = found.batch.noisy - found.batch.clean
    assert abs(float(pushes.cosine(unit(n), unit(found.batch.clean - x[:1])))) < 0.3
    gains = [found.gain(name) for name in (V1, "v2", "v3")]
    assert gains == pytest.approx(found.singular.s[0].tolist(), rel=1e-3)
    assert gains == sorted(gains, reverse=True)
    for name in NAMES:
        assert float(found.directions[name].norm()) == pytest.approx(1.0, abs=1e-4)
        assert float(found.moved(name)[0]) == pytest.approx(0.0, abs=1e-3)
        assert float(found.foretold(name)[-1]) == pytest.approx(3 * found.gain(name))
        assert float(found.moved(name)[10]) == pytest.approx(float(found.close[name][6]), abs=1e-3)  # at L2 1
    close = float(found.close[WHITE][0]) / pushes.CLOSE[0]
    assert close == pytest.approx(found.gain(WHITE), rel=0.05)


def test_measuring_goes_on_where_it_stopped(shelf: Any) -> None:
    card = checkpoints.Card(
        "mine", "", "UNet", "cifar10", dict(noise="BlindGaussian(sigma_max=50.0)"), 0, "", "abc", []
    )
    some = datasets.load("cifar10", "test").part(slice(0, 70))

    def model(z: Images) -> Images:
        return 0.9 * z

    def measured(begun: Directions, n: int) -> Directions:
        *_, found = directions.spread(model, model, begun, some, n)
        return found

    begun = directions.begin(card, some)
    whole = measured(begun, 70)
    directions.STORE.put("mine", measured(begun, 32))
    again = directions.STORE.resume("mine", begun)
    assert again.n == len(again.rows) == 32
    assert torch.allclose(measured(again, 70).rows, whole.rows)
    assert whole.n == len(whole.rows) == 70
    assert directions.STORE.resume("mine", directions.begin(replace(card, sha256="other"), some)).n == 0


def test_means_intervals_and_spreads_are_what_they_say(shelf: Any) -> None:
    card = checkpoints.Card("n2n-gaussian-50", "", "UNet", "cifar10", dict(noise="Gaussian(sigma=50.0)"), 0, "", "", [])
    begun = directions.begin(card, datasets.load("cifar10", "test"))
    assert "no image yet" in begun.line
    rows = torch.rand(100, len(COLUMNS), generator=generator(0))
    rows[:, 0] = torch.arange(100)
    found = replace(begun, n=100, rows=rows)
    mean, half = found.mean("largest clean")
    assert (mean, half) == pytest.approx((49.5, 1.96 * 29.0115 / 10), rel=1e-4)
    assert found.spread("largest clean") == pytest.approx((49.5, 99.0))
    assert "49.50 times on clean pictures" in found.line
    assert "Not measured yet" in "\n".join(directions.section())
