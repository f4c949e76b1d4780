"""Attacks at one budget: exactly there after clipping, each image by its worst, and words that the intervals support."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from core import checkpoints, noise
from core.attacks import DAG, L2PGD, ObsAtk
from core.attacks.budget import at_length, restarted, stopped
from core.data import datasets
from core.experiments import worst_curves
from core.experiments.attack_rates import BESIDE
from core.experiments.worst_curves import BUDGETS, COLUMNS, Worst
from core.measures import metrics
from core.measures.paired import interval
from core.noise import Gaussian, NoisyBatch
from core.types import Scores, generator

CARD = checkpoints.Card("mine", "", "UNet", "cifar10", dict(noise="BlindGaussian(sigma_max=50.0)"), 0, "", "abc", [])


def blur(z: Tensor) -> Tensor:
    """A denoiser that costs nothing."""
    return torch.nn.functional.avg_pool2d(z, 3, 1, 1, count_include_pad=False)


@pytest.fixture(scope="module")
def case() -> NoisyBatch:
    return noise.noisy_batch(datasets.load("cifar10", "test").images(slice(0, 6)), Gaussian(50.0), 0)


def test_dag_is_stopped_where_each_image_reaches_the_budget(case: NoisyBatch) -> None:
    attack = DAG(steps=30)
    path = list(attack.path(blur, case.clean, case.noisy))
    found = stopped(path, case.clean, (0.5, 1.5, 30.0))
    for z, budget in zip(found[:2], (0.5, 1.5), strict=True):
        assert torch.allclose(metrics.l2(z, case.clean), torch.full((6,), budget), atol=1e-3)
        assert ((z >= 0) & (z <= 1)).all()
    first = next(z for z in path if metrics.l2(z, case.clean)[0] >= 0.5)
    assert (found[0][0] - first[0]).norm() < attack.gamma  # not from further along
    assert (
        metrics.l2(found[2], case.clean) > metrics.l2(path[-1], case.clean)
    ).all()  # brought on, where the path is short


def test_a_path_is_left_when_all_are_far_enough(case: NoisyBatch) -> None:
    asked = []

    def path() -> Any:
        for k in range(100):
            asked.append(k)
            yield (case.clean + 0.1 * k * torch.randn(case.clean.shape, generator=generator(k))).clamp(0, 1)

    stopped(path(), case.clean, (1.0, 2.0))
    assert len(asked) < 10


def test_what_is_unchanged_stays(case: NoisyBatch) -> None:
    assert torch.equal(at_length(case.clean, case.clean, 2.0), case.clean)


@pytest.mark.parametrize("kind", [L2PGD, ObsAtk])
def test_restarts_end_on_the_sphere_and_no_worse_than_one_start(kind: Any, case: NoisyBatch) -> None:
    attack = kind(2.0, steps=6)

    def error(z: Tensor) -> Tensor:
        return (blur(z) - case.clean).square().sum((1, 2, 3))

    once, often = (restarted(attack, blur, case.clean, case.clean, starts, 3) for starts in (1, 4))
    for z in (once, often):
        assert torch.allclose(metrics.l2(z, case.clean), torch.full((6,), 2.0), atol=1e-3)
    assert (error(often) > 0.98 * error(once)).all()
    assert (error(often) > error(at_length(case.clean + case.white, case.clean, 2.0))).all()


def test_against_a_linear_network_l2pgd_finds_the_largest_singular_value() -> None:
    """Around a fixed point of a linear map the worst error at budget B is B times its largest singular value."""
    weights = torch.linspace(0.2, 3.0, 48).view(1, 3, 4, 4)
    x = torch.full((1, 3, 4, 4), 0.5)
    z = restarted(L2PGD(0.3, steps=40), lambda v: 0.5 + weights * (v - 0.5), x, x, 3, 8)
    assert float((weights * (z - x)).norm()) == pytest.approx(0.3 * 3.0, rel=0.02)


def test_measuring_goes_on_where_it_stopped(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worst_curves, "BATCH", 4)
    monkeypatch.setattr(worst_curves, "DAG_STEPS", DAG(steps=4))
    monkeypatch.setattr(worst_curves, "CLIMB", dict(steps=2, step=0.5))
    some = datasets.load("cifar10", "test").part(slice(0, 8))
    begun = worst_curves.begin(CARD, some)
    *_, whole = worst_curves.attacked(blur, begun, some, 8, workers=2)
    worst_curves.STORE.put("mine", next(worst_curves.attacked(blur, begun, some, 8)))
    again = worst_curves.STORE.resume("mine", worst_curves.begin(CARD, some))
    assert again.n == 4
    *_, again = worst_curves.attacked(blur, again, some, 8)
    assert torch.allclose(again.rows, whole.rows, atol=1e-3)
    assert whole.rows.shape == (8, len(BUDGETS), len(COLUMNS) + 2 * len(whole.shown))
    for budget in BUDGETS:
        assert (whole.lost(budget) >= whole.lost(budget, ("L2PGD",))).all()  # each image by its worst
    assert worst_curves.STORE.resume("mine", worst_curves.begin(replace(CARD, sha256="other"), some)).n == 0


def result(name: str, lost: Scores) -> Worst:
    """A curve on which a network loses the same at every budget."""
    begun = worst_curves.begin(replace(CARD, name=name), datasets.load("cifar10", "test"))
    rows = torch.full((len(lost), len(BUDGETS), begun.rows.shape[2]), 30.0)
    rows[..., COLUMNS.index("L2PGD")] -= lost[:, None]
    return replace(begun, n=len(lost), rows=rows)


def test_only_differences_that_the_intervals_support_are_claimed() -> None:
    """Two networks that differ by little on every image are told apart; two that differ by chance are not."""
    hard = 3 * torch.randn(200, generator=generator(0)).abs()  # what is hard for one is hard for all
    jitter = 0.5 * torch.randn(200, generator=generator(1))
    found = {
        "a": result("a", hard + 5),
        "b": result("b", hard + 4.7),
        "c": result("c", hard + 4.7 + jitter - jitter.mean()),
    }
    assert worst_curves.ranked(found, 2.0)[0][0] == "a"
    pairs = {frozenset((d.one, d.other)): d for d in worst_curves.differences(found, 2.0)}
    assert pairs[frozenset("ab")].mean == pytest.approx(0.3, abs=1e-4)
    assert pairs[frozenset("ab")].supported
    assert not pairs[frozenset("bc")].supported
    words = worst_curves.verdict(found)
    assert "support 2 (95 %, paired image by image, widened for 12 comparisons)" in words
    assert "not told apart: " in words.replace("not told apart: b and c", "not told apart: ").replace("c and b", "")
    fewer = {**found, "a": replace(found["a"], n=100, rows=found["a"].rows[:100])}
    assert "on 100 images" in worst_curves.verdict(fewer)


def test_a_network_trained_otherwise_is_set_beside_the_one_it_began_with(shelf: Any) -> None:
    hard = torch.rand(100, generator=generator(0))
    for name, lost in ((worst_curves.SOURCE, hard + 3), (BESIDE[0], hard + 1)):
        checkpoints.put(replace(CARD, name=name), name.encode())
        there = {name: checkpoints.digest(name.encode())}
        worst_curves.STORE.put(name, replace(result(name, lost), networks=there))
    assert list(worst_curves.current()) == [worst_curves.SOURCE]
    row = [line for line in worst_curves.section() if line.startswith(f"| `{BESIDE[0]}` | 100 |")]
    assert row == [f"| `{BESIDE[0]}` | 100 |" + " -2.00 ± 0.00 |" * len(BUDGETS)]


def test_a_curve_by_other_attacks_is_not_compared() -> None:
    hard = torch.rand(100, generator=generator(0))
    found = {"a": result("a", hard), "b": result("b", hard), "c": replace(result("c", hard + 9), attacks=("another",))}
    assert {(d.one, d.other) for d in worst_curves.differences(found, 2.0)} == {("a", "b")}


def test_an_interval_is_wider_for_more_comparisons_and_narrower_for_more_images() -> None:
    values = torch.randn(100, generator=generator(0))
    mean, half = interval(values)
    assert mean == pytest.approx(float(values.mean()))
    assert half == pytest.approx(1.96 * float(values.std()) / 10, rel=1e-3)
    assert interval(values, 84)[1] > 1.5 * half
    assert interval(values.repeat(4))[1] == pytest.approx(half / 2, rel=0.01)


def test_what_is_missing_is_said(shelf: Any) -> None:
    assert worst_curves.current() == {}
    assert worst_curves.missing() == "Not measured yet: `python -m core measure worst`."
    assert worst_curves.verdict({}) == worst_curves.missing()
    assert any("Not measured yet" in line for line in worst_curves.table())
