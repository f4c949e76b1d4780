"""Laws of the attacks, and foolbox as their oracle."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.attacks import ATTACKS, FGSM, PGD, gradient
from core.data.datasets import Dataset
from core.models import build
from core.networks.digits import Classifier

EACH = pytest.mark.parametrize("kind", ATTACKS.values(), ids=ATTACKS)


@pytest.fixture(scope="module")
def batch(digits: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    return digits.images(slice(0, 40)), digits.labels[:40]


@EACH
def test_epsilon_zero_is_bit_identical(kind: Any, cnn: Classifier, batch: Any) -> None:
    assert torch.equal(kind(0.0)(cnn, *batch), batch[0])


@EACH
@given(epsilon=st.floats(0, 0.5))
@settings(max_examples=10, deadline=None)
def test_it_stays_in_its_ball_and_in_the_grey_range(kind: Any, epsilon: float, cnn: Classifier, batch: Any) -> None:
    x, y = batch
    z = kind(epsilon)(cnn, x, y)
    assert z.min() >= 0
    assert z.max() <= 1
    assert (z - x).abs().max() <= epsilon + 1e-6


@EACH
def test_the_result_does_not_depend_on_the_batch(kind: Any, cnn: Classifier, batch: Any) -> None:
    x, y = batch
    whole = kind(0.1)(cnn, x, y)
    parts = torch.cat([kind(0.1)(cnn, x[i : i + 7], y[i : i + 7]) for i in range(0, len(x), 7)])
    assert (whole != parts).float().mean() < 1e-3  # a sign may turn where a gradient is zero but for rounding


@EACH
def test_all_levels_at_once_are_the_same_as_one_by_one(kind: Any, cnn: Classifier, batch: Any) -> None:
    x, y = batch
    together = kind().levels(cnn, x, y, [0.0, 0.05, 0.2])
    for level, z in zip([0.0, 0.05, 0.2], together, strict=True):
        assert (z != kind(level)(cnn, x, y)).float().mean() < 1e-3


@EACH
def test_the_model_is_left_alone(kind: Any, batch: Any) -> None:
    model = build("DigitCNN", 0)  # trainable, in training mode: the hardest case
    before = copy.deepcopy(model.state_dict())
    kind(0.1)(model, *batch)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(a, before[name]) for name, a in model.state_dict().items())


def test_it_hurts_more_than_it_costs(cnn: Classifier, digits: Dataset) -> None:
    """FGSM at 0.2 leaves few of the digits a network reads; PGD leaves fewer; random signs leave most."""
    x, y = digits.images(slice(0, 500)), digits.labels[:500]

    def right(z: torch.Tensor) -> float:
        return float((cnn(z).argmax(1) == y).float().mean())

    signs = torch.randint(0, 2, x.shape, generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    assert right(PGD(0.2)(cnn, x, y)) < right(FGSM(0.2)(cnn, x, y)) < 0.5 * right((x + 0.2 * signs).clamp(0, 1))


def test_the_gradient_is_that_of_the_summed_cross_entropy(batch: Any) -> None:
    """Against finite differences, in double precision."""
    model = build("DigitMLP", 0).double()
    x, y = batch[0][:2].double(), batch[1][:2]
    g = gradient(model, x, y)

    @torch.no_grad()
    def loss(z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(model(z), y, reduction="sum")

    for place in [(0, 0, 14, 14), (1, 0, 10, 12), (1, 0, 20, 9)]:
        step = torch.zeros_like(x)
        step[place] = 1e-5
        assert float(g[place]) == pytest.approx(float(loss(x + step) - loss(x - step)) / 2e-5, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("epsilon", [0.05, 0.1, 0.3])
def test_fgsm_is_foolboxs(epsilon: float, cnn: Classifier, batch: Any) -> None:
    foolbox = pytest.importorskip("foolbox")
    x, y = batch
    theirs, _, _ = foolbox.attacks.LinfFastGradientAttack(random_start=False)(
        foolbox.PyTorchModel(cnn, bounds=(0, 1), device="cpu"), x, y, epsilons=epsilon
    )
    assert torch.equal(FGSM(epsilon)(cnn, x, y), theirs)


def test_pgd_without_a_random_start_is_foolboxs(cnn: Classifier, batch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    foolbox = pytest.importorskip("foolbox")
    x, y = batch
    theirs, _, _ = foolbox.attacks.LinfProjectedGradientDescentAttack(rel_stepsize=0.25, steps=10, random_start=False)(
        foolbox.PyTorchModel(cnn, bounds=(0, 1), device="cpu"), x, y, epsilons=0.1
    )
    monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.full(shape, 0.5))  # the middle: no offset
    ours = PGD(0.1, steps=10, step=0.25)(cnn, x, y)
    assert (ours - theirs).abs().max() < 1e-6 or ((ours - theirs).abs() > 1e-6).float().mean() < 1e-3
