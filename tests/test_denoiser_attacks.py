"""Laws of the attacks on denoisers and of their referee; finite differences as the gradient's oracle."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core import checkpoints, models, noise
from core.attacks import DAG, DENOISER_ATTACKS, L2PGD, DenoiserAttack, Lookalike, ObsAtk
from core.data import datasets
from core.experiments import attack_rates
from core.experiments.attack_path import Timeline, run
from core.measures import energy, metrics
from core.networks.unet import Denoiser
from core.noise import Gaussian, NoisyBatch
from core.types import generator

EACH = pytest.mark.parametrize("kind", DENOISER_ATTACKS.values(), ids=DENOISER_ATTACKS)
BALLS = pytest.mark.parametrize("kind", [L2PGD, ObsAtk, Lookalike])


@pytest.fixture(scope="module")
def unet() -> Denoiser:
    return checkpoints.denoiser("n2n-gaussian-50")[0]


@pytest.fixture(scope="module")
def small() -> Callable[[Tensor], Tensor]:
    """A denoiser that costs nothing: a blur."""
    return lambda z: torch.nn.functional.avg_pool2d(z, 3, 1, 1, count_include_pad=False)


@pytest.fixture(scope="module")
def case() -> NoisyBatch:
    x = datasets.load("cifar10", "test").images(slice(0, 6))
    return noise.noisy_batch(x, Gaussian(50.0), 0)


def attacked(attack: DenoiserAttack, model: Any, case: NoisyBatch) -> tuple[Tensor, Tensor]:
    start, y = attack.ends(case, case.clean.flip(0))
    return start, attack(model, start, y)


@EACH
def test_it_moves_and_stays_in_the_grey_range(kind: Any, small: Any, case: NoisyBatch) -> None:
    start, z = attacked(kind(steps=8), small, case)
    assert z.min() >= 0
    assert z.max() <= 1
    assert (metrics.l2(z, start) > 0.1).all()


@BALLS
@given(epsilon=st.floats(0, 10), step=st.floats(0.01, 1))
@settings(max_examples=12, deadline=None)
def test_it_never_leaves_its_ball(kind: Any, epsilon: float, step: float, small: Any, case: NoisyBatch) -> None:
    start, z = attacked(kind(epsilon, steps=5, step=step), small, case)
    assert (metrics.l2(z, start) <= epsilon * (1 + 1e-4) + 1e-5).all()


@BALLS
def test_strength_zero_is_bit_identical(kind: Any, small: Any, case: NoisyBatch) -> None:
    start, z = attacked(kind(0.0, steps=3), small, case)
    assert torch.equal(z, start)


@given(epsilon=st.floats(0, 10))
@settings(max_examples=12, deadline=None)
def test_obsatk_never_leaves_the_zero_mean_plane(epsilon: float, small: Any, case: NoisyBatch) -> None:
    for z in ObsAtk(epsilon, steps=4).path(small, case.noisy, case.clean):
        assert (z - case.noisy).double().mean((1, 2, 3)).abs().max() < 1e-6


@EACH
def test_same_seed_same_result_on_any_batch_size(kind: Any, unet: Denoiser, case: NoisyBatch) -> None:
    attack = kind(steps=4)
    start, whole = attacked(attack, unet, case)
    _, y = attack.ends(case, case.clean.flip(0))
    parts = torch.cat([attack(unet, a, b) for a, b in zip(start.split(4), y.split(4), strict=True)])
    assert (whole - parts).abs().max() < 1e-3


@EACH
def test_the_model_is_left_alone(kind: Any, case: NoisyBatch) -> None:
    model = models.build("UNet", 0)  # trainable, in training mode: the hardest case
    before = copy.deepcopy(model.state_dict())
    attacked(kind(steps=2), model, case)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(a, before[name]) for name, a in model.state_dict().items())


@pytest.mark.parametrize("kind", [L2PGD, ObsAtk])
def test_the_error_does_not_fall_with_steps(kind: Any, unet: Denoiser, case: NoisyBatch) -> None:
    attack = kind(steps=10)
    start, y = attack.ends(case, case.clean)
    steps = [z.detach() for z in attack.path(unet, start, y)]
    with torch.no_grad():
        errors = torch.stack([(unet(z) - case.clean).square().sum((1, 2, 3)) for z in steps])
    assert (errors.diff(dim=0) >= -1e-3).all()
    assert (errors[-1] > 1.5 * errors[0]).all()


def test_lookalike_brings_the_output_nearer_to_the_other_picture(unet: Denoiser, case: NoisyBatch) -> None:
    aim = case.clean.flip(0)
    z = Lookalike(steps=10)(unet, case.clean, aim)
    with torch.no_grad():
        assert (metrics.l2(unet(z), aim) < metrics.l2(unet(case.clean), aim) - 1).all()


def test_dags_step_follows_the_gradient_of_its_loss(case: NoisyBatch) -> None:
    """Against finite differences, in double precision, away from the mask's edge and from clipping."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251
        model = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.SiLU(), torch.nn.Conv2d(8, 3, 3, padding=1)
        ).double()
    x, y = (z[:1].double() for z in (case.clean, case.noisy))
    x = 0.2 + 0.6 * x
    attack = DAG(gamma=0.01, steps=1, tolerance=0.0)
    moved = attack(model, x, y) - x  # gamma r / |r|

    @torch.no_grad()
    def loss(z: Tensor) -> float:
        return float((model(z) * (y - x)).sum())

    places = [(0, 0, 3, 4), (0, 1, 16, 16), (0, 2, 30, 9)]
    r = []
    for place in places:
        step = torch.zeros_like(x)
        step[place] = 1e-5
        r.append((loss(x + step) - loss(x - step)) / 2e-5)
    ours = torch.tensor([float(moved[place]) for place in places])
    theirs = torch.tensor(r)
    assert torch.allclose(ours / ours.norm(), (theirs / theirs.norm()).float(), rtol=1e-3, atol=1e-4)
    assert float(moved.norm()) == pytest.approx(0.01, rel=1e-6)


def test_dag_moves_only_what_is_not_done_yet(small: Any, case: NoisyBatch) -> None:
    attack = DAG(steps=1, tolerance=0.3)
    active_mask = attack.active_mask(small(case.clean), case.noisy)
    assert active_mask.any()
    assert not active_mask.all()
    z = attack(small, case.clean, case.noisy)
    assert torch.equal((z != case.clean).any(1, keepdim=True) & ~active_mask, torch.zeros_like(active_mask))


def test_dag_stands_still_where_nothing_is_to_do(small: Any, case: NoisyBatch) -> None:
    assert torch.equal(DAG(steps=3)(small, case.clean, small(case.clean)), case.clean)


@given(length=st.floats(0, 20), seed=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_the_referee_is_exact(length: float, seed: int, case: NoisyBatch) -> None:
    wanted = torch.full((6,), length)
    change = torch.randn(case.clean.shape, generator=generator(seed))
    z = energy.match_l2(case.clean, change, wanted)
    assert z.min() >= 0
    assert z.max() <= 1
    assert (metrics.l2(z, case.clean) - wanted).abs().max() < 1e-4


def test_where_clipping_leaves_nothing_so_far_the_referee_goes_as_far_as_it_can(case: NoisyBatch) -> None:
    z = energy.match_l2(case.clean, torch.ones_like(case.clean), torch.full((6,), 1e3))
    assert torch.equal(z, torch.ones_like(z))


def test_an_attack_hurts_more_than_chance_as_strong(unet: Denoiser, case: NoisyBatch) -> None:
    row = dict(zip(attack_rates.COLUMNS, attack_rates.scored(unet, case.clean, Gaussian(50.0), 0).T, strict=True))
    for steps in attack_rates.STEPS:
        assert (row[f"fooled_{steps}"] < row[f"random_{steps}"] - 1).all()
        assert (row[f"fooled_{steps}"] < row[f"own_{steps}"]).all()
    assert (row["l2_40"] > row["l2_30"]).all()


def test_a_timeline_begins_at_the_start_and_is_as_strong_as_chance(unet: Denoiser, case: NoisyBatch) -> None:
    for attack in (DAG(steps=3), ObsAtk(steps=3)):
        *shares, found = run(unet, attack, case.clean[:1], Gaussian(50.0), 0, case.clean[1:2])
        assert isinstance(found, Timeline)
        assert len(shares) == 4
        assert len(found.attacked) == 4
        assert (found.active_mask is None) == isinstance(attack, ObsAtk)
        assert torch.allclose(metrics.l2(found.white, found.start.expand_as(found.white)), found.l2, atol=1e-4)


def test_measuring_goes_on_where_it_stopped(shelf: Any, unet: Denoiser) -> None:
    card = checkpoints.Card(
        "mine", "", "UNet", "cifar10", dict(noise="BlindGaussian(sigma_max=50.0)"), 0, "", "abc", []
    )
    some = datasets.load("cifar10", "test").part(slice(0, 70))
    begun = attack_rates.begin(card, some)
    *_, whole = attack_rates.attacked(noise_free, begun, some, 70, workers=2)
    attack_rates.STORE.put("mine", next(attack_rates.attacked(noise_free, begun, some, 70)))
    again = attack_rates.STORE.resume("mine", attack_rates.begin(card, some))
    assert again.n == len(again.rows) == attack_rates.BATCH
    *_, again = attack_rates.attacked(noise_free, again, some, 70)
    assert torch.allclose(again.rows, whole.rows, equal_nan=True)
    assert again.n == len(again.rows) == 70
    assert attack_rates.STORE.resume("mine", attack_rates.begin(replace(card, sha256="other"), some)).n == 0


def noise_free(z: Tensor) -> Tensor:
    """A denoiser that does next to nothing, with a gradient."""
    return 0.9 * z


def test_ratios_and_shares_are_what_they_say() -> None:
    rows = torch.ones(2, len(attack_rates.COLUMNS))
    columns = {name: k for k, name in enumerate(attack_rates.COLUMNS)}
    rows[:, columns["denoised"]] = torch.tensor([30.0, 24.0])
    rows[:, columns["random_40"]] = torch.tensor([33.0, 30.0])
    rows[:, columns["fooled_40"]] = 20.0
    card = checkpoints.Card("mine", "", "UNet", "cifar10", dict(noise="Gaussian(sigma=50.0)"), 0, "", "", [])
    begun = attack_rates.begin(card, datasets.load("cifar10", "test"))
    found = replace(begun, n=2, rows=rows)
    assert found.ratio(40, fair=False).tolist() == pytest.approx([1.5, 1.2])
    assert found.ratio(40, fair=True).tolist() == pytest.approx([1.65, 1.5])
    assert attack_rates.share(found.ratio(40, fair=False), 1.4, float("inf")) == 50
    ((name, mean),) = attack_rates.ranked([found], 40)
    assert (name, round(mean, 4)) == ("mine", 1.35)
    assert found.beyond(40).tolist() == [13.0, 10.0]


def test_every_shipped_denoiser_has_a_nominal_noise() -> None:
    assert noise.parse("BlindImpulse(p=0.2, sigma_max=50.0)").nominal == noise.Impulse(0.2, 50.0)
    assert noise.parse("RandomImpulse(p=0.5)").nominal == noise.RandomImpulse(0.5)
