"""How straight networks are: against lines whose answer is known, scipy's regression, and layers by hand."""

from typing import Any

import pytest
import torch
from scipy.stats import linregress
from torch import nn

from core import checkpoints, models
from core.attacks import FGSM
from core.data import datasets
from core.experiments import input_sizes, linearity, softmax
from core.experiments.input_sizes import EPSILON
from core.experiments.linearity import ATTACK, CHANCE, LINES, PLACES, SIZE
from core.measures.linearity import explained, growth, rectified, sides, weights
from core.networks.digits import Classifier, DigitCNN
from core.types import Images, Labels, generator

T = torch.tensor(PLACES)


@pytest.fixture(scope="module", params=["digit-cnn", "digit-mlp"])
def model(request: Any) -> Classifier:
    return checkpoints.classifier(request.param)[0]


@pytest.fixture(scope="module")
def batch() -> tuple[Images, Labels]:
    test = datasets.load("mnist", "test")
    return test.images(slice(0, 12)), test.labels[:12]


def test_what_a_line_explains_is_scipys_r_squared() -> None:
    curves = torch.randn(len(T), 3, 1, generator=generator(0)) + 0.7 * T.view(-1, 1, 1)
    expected = [linregress(T.numpy(), curves[:, k, 0].numpy()).rvalue ** 2 for k in range(3)]
    assert explained(T, curves).tolist() == pytest.approx(expected, abs=1e-5)


def test_a_straight_curve_is_explained_whole_and_a_bow_not_at_all() -> None:
    straight, bow, still = 3 * T - 1, T.square(), torch.ones_like(T)
    found = explained(T, torch.stack([straight, bow, still], 1)[..., None])
    assert found.tolist() == pytest.approx([1, 0, 1], abs=1e-6)
    both = explained(T, torch.stack([straight, 3 * bow], 1)[:, None])  # pooled: of the variance of both
    lines, bows = (float((v - v.mean()).square().sum()) for v in (straight, 3 * bow))
    assert float(both) == pytest.approx(lines / (lines + bows), abs=1e-5)


def test_a_linear_model_is_linear(batch: tuple[Images, Labels]) -> None:
    x, y = batch
    linear = models.freeze(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    for d in linearity.lines(linear, x, y, 0).values():
        assert (explained(T, linearity.along(linear, x, d)) > 1 - 1e-5).all()


def test_the_line_of_the_attack_is_that_of_fgsm(model: Classifier, batch: tuple[Images, Labels]) -> None:
    x, y = batch
    ways = linearity.lines(model, x, y, 0)
    assert torch.equal((x + SIZE * ways[ATTACK]).clamp(0, 1), FGSM(SIZE)(model, x, y))
    assert set(ways[CHANCE].unique().tolist()) == {-1.0, 1.0}
    assert abs(float(ways[CHANCE].mean())) < 0.05
    assert torch.equal(linearity.along(model, x, ways[ATTACK])[PLACES.index(0)], model(x))


def test_a_unit_answers_where_what_it_gets_is_above_0(model: Classifier, batch: tuple[Images, Labels]) -> None:
    stages, seen = model.stages(batch[0]), sides(model, batch[0])
    for name, before in rectified(model, batch[0]).items():
        assert torch.allclose(before.clamp(min=0), stages[name].flatten(1), atol=1e-6)
        assert torch.equal(seen[name], stages[name].flatten(1) > 0)
    if "pool1" in seen:
        taken = stages["conv1"].flatten(2).gather(2, seen["pool1"].view(12, 3, -1)).view(12, 3, 12, 12)
        assert torch.equal(taken, stages["pool1"])


def test_nothing_moves_more_than_the_most_and_the_first_layer_could_move_epsilon_m_n(
    model: Classifier, batch: tuple[Images, Labels]
) -> None:
    x, y = batch
    for d in linearity.lines(model, x, y, 0).values():
        found = growth(model, x, x + SIZE * d)
        assert (found[..., 0] <= found[..., 1] * (1 + 1e-5)).all()
        n, m = weights(model)[0]
        if (d != 0).all():
            assert found[:, 0, 1] == pytest.approx(SIZE * m * n, rel=1e-4)
    first = next(iter(model.children())).get_parameter("weight")
    n, m = weights(model)[0]
    assert n == first[0].numel()
    assert m == pytest.approx(float(first.abs().mean()))


def test_the_plane_says_what_the_network_says(model: Classifier, batch: tuple[Images, Labels]) -> None:
    x, y = batch[0][:1], batch[1][:1]
    ways = linearity.lines(model, x, y, 0)
    leads, answers = linearity.plane(model, x, y, ways)
    assert torch.equal(leads > 0, answers == int(y))
    a, b = 30, 5
    here = model(x + PLACES[a] * ways[ATTACK] + PLACES[b] * ways[CHANCE])
    assert int(here.argmax()) == int(answers[a, b])


def test_measuring_goes_on_where_it_stopped(shelf: Any) -> None:
    models_ = datasets.load("mnist", "test").part(slice(0, 250))
    model = models.freeze(models.build("DigitCNN", 0))
    assert isinstance(model, DigitCNN)
    card = checkpoints.Card("mine", "", "DigitCNN", "mnist", {}, 0, "", "abc", [])
    begun = linearity.begin(model, card, models_)
    *_, whole = linearity.spread(model, begun, models_, 250)
    *_, part = linearity.spread(model, begun, models_, 100)
    linearity.STORE.put("mine", part)
    again = linearity.STORE.resume("mine", begun)
    assert again.n == 100
    *_, rest = linearity.spread(model, again, models_, 250)
    assert torch.equal(rest.rows, whole.rows)
    assert rest.n == 250
    assert rest.rows.isfinite().all()
    for way in LINES:
        assert 0 < rest.mean(f"straight, {way}")[0] <= 1
        assert 0 < linearity.aligned(rest, 0, way) <= 1
    assert "a straight line explains" in rest.line
    assert rest.stages == ["pool1", "relu1", "pool2", "relu2", "hidden"]


def test_fgsm_moves_a_linear_models_logit_by_epsilon_m_n() -> None:
    rng = generator(0)
    x, w = torch.rand(50, 1, 7, 7, generator=rng), torch.randn(1, 1, 7, 7, generator=rng)
    y = torch.where(torch.rand(50, generator=rng) < 0.5, 1.0, -1.0)
    begun = input_sizes.begin(7, datasets.load("mnist", "test"))
    found = input_sizes.tested(begun, w, 0.0, x, y)
    logit = (x * w).sum((1, 2, 3))
    attacked = ((x - EPSILON * y.view(-1, 1, 1, 1) * w.sign()) * w).sum((1, 2, 3))
    assert (y * (logit - attacked)).tolist() == pytest.approx([found.moved] * 50, rel=1e-4)
    assert found.hits[0] == int((y * logit > 0).sum())
    assert found.hits[2] == int((y * logit > found.moved).sum()) <= found.hits[1] <= found.n == 50


@pytest.mark.parametrize("side", [7, 28, 56])
def test_digits_keep_their_brightness_at_every_size(side: int) -> None:
    x = datasets.load("mnist", "test").images(slice(0, 5))
    other = input_sizes.resized(x, side)
    assert other.shape == (5, 1, side, side)
    assert torch.allclose(other.mean((1, 2, 3)), x.mean((1, 2, 3)), rtol=0.02)
    assert side != 28 or torch.allclose(other, x)


def test_a_linear_model_learns_the_pair() -> None:
    test = datasets.load("mnist", "test").part(slice(0, 600))
    x, y = input_sizes.pair(test, 7)
    assert set(y.tolist()) == {-1.0, 1.0}
    w, bias = input_sizes.fitted(x, y)
    assert float((y * ((x * w).sum((1, 2, 3)) + bias) > 0).float().mean()) > 0.95


def test_a_softmax_regression_is_fooled_as_a_network_is(shelf: Any) -> None:
    sample = datasets.sample("mnist", "test")
    model = softmax.fitted(sample)
    x = sample.images(slice(0, 5))
    assert explained(T, linearity.along(model, x, torch.ones_like(x))).tolist() == pytest.approx([1] * 5, abs=1e-5)
    found = softmax.tested(softmax.begin(sample), model, sample)
    assert found.clean < 0.02 * found.n < 0.9 * found.n < found.wrong <= found.n == len(sample)
    assert 0.1 < found.sure <= 1
    assert f"{100 * found.wrong / found.n:.1f} % wrong" in found.line
