"""Laws of the few-pixel attacks; scipy's differential evolution and plain painting as their oracles."""

import copy
from typing import Any

import pytest
import torch
from scipy.optimize import differential_evolution
from torch import Tensor

from core.attacks import OnePixel
from core.attacks.few_pixels import exhaustive, painted, places
from core.checkpoints import Card
from core.data.datasets import Dataset
from core.experiments import every_pixel
from core.measures import metrics
from core.models import build
from core.networks.digits import Classifier

QUICK = OnePixel(1, population=60, generations=15)


@pytest.fixture(scope="module")
def batch(digits: Dataset) -> tuple[Tensor, Tensor]:
    return digits.images(slice(0, 12)), digits.labels[:12]


@pytest.mark.parametrize("count", [1, 3, 20])
def test_it_changes_no_more_pixels_than_it_says_and_stays_in_the_grey_range(
    count: int, cnn: Classifier, batch: Any
) -> None:
    x, y = batch
    z = OnePixel(count, population=40, generations=4)(cnn, x, y)
    assert z.min() >= 0
    assert z.max() <= 1
    assert (metrics.l0(z, x) <= count).all()
    assert (metrics.l0(z, x) > 0).any()


def test_same_seed_same_result_on_any_batch_size(cnn: Classifier, batch: Any) -> None:
    x, y = batch
    whole = QUICK(cnn, x, y)
    parts = torch.cat([QUICK(cnn, a, b) for a, b in zip(x.split(5), y.split(5), strict=True)])
    assert torch.equal(whole, parts)
    assert not torch.equal(whole, OnePixel(1, 60, 15, seed=1)(cnn, x, y))


def test_generations_only_get_better_and_queries_are_counted(cnn: Classifier, batch: Any) -> None:
    found = list(QUICK.search(cnn, *batch))
    best = torch.stack([g.probability.min(1).values for g in found])
    assert (best.diff(dim=0) <= 0).all()
    assert found[0].queries.unique().tolist() == [60]
    assert found[-1].queries.max() <= 60 * 16
    with torch.no_grad():
        misclassified = cnn(found[-1].best).argmax(1) != batch[1]
    assert (found[-1].queries[~misclassified] == 60 * 16).all()


@pytest.mark.parametrize("count", [1, 4, 12])
def test_looking_a_pixel_up_is_the_same_as_painting_it(count: int, cnn: Classifier, batch: Any) -> None:
    """`f(x + d) = f(x) + sum d_k (f(e_k) - f(0))`, also where two pixels of a candidate fall on one place."""
    x, y = batch
    found = next(OnePixel(count, population=50).search(cnn, x, y))
    found.candidates[:, :10, -1, :2] = found.candidates[:, :10, 0, :2]
    from core.attacks.few_pixels import _asking

    ours = _asking(cnn, x, count)(x, found.candidates)
    with torch.no_grad():
        theirs = cnn(painted(x, found.candidates).flatten(0, 1)).view(ours.shape)
    assert torch.allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize("name", ["DigitCNN", "DigitMLP"])
def test_the_exhaustive_map_is_that_of_painting_each_pixel(name: str, batch: Any) -> None:
    model = build(name, 0)
    x, y = batch[0][:2], batch[1][:2]
    probability, answer = exhaustive(model, x, y, (0.0, 0.5, 1.0))
    assert probability.shape == answer.shape == (2, 3, 28, 28)
    for v, row, column in [(0, 0, 0), (1, 14, 13), (2, 27, 5)]:
        z = x.clone()
        z[:, :, row, column] = (0.0, 0.5, 1.0)[v]
        with torch.no_grad():
            logits = model(z)
        assert torch.allclose(probability[:, v, row, column], logits.softmax(1)[torch.arange(2), y], atol=1e-5)
        assert torch.equal(answer[:, v, row, column], logits.argmax(1))


def test_no_search_in_black_and_white_beats_trying_everything(cnn: Classifier, batch: Any) -> None:
    x, y = batch
    probability, _ = exhaustive(cnn, x, y)
    with torch.no_grad():
        z = QUICK(cnn, x, y)
        z = torch.where(z != x, z.round(), x)
        reached = cnn(z).softmax(1)[torch.arange(len(x)), y]
    assert (reached >= probability.flatten(1).min(1).values - 1e-5).all()


def test_it_reaches_what_scipys_differential_evolution_reaches(cnn: Classifier, batch: Any) -> None:
    """The same objective, budget, F and lack of crossover, on a few images; either may be lucky, neither much."""
    x, y = batch
    ours = list(OnePixel(1, population=120, generations=25).search(cnn, x[:6], y[:6]))[-1].probability.min(1).values
    for k in range(6):

        @torch.no_grad()
        def objective(vectors: Any, k: int = k) -> Any:
            candidates = torch.from_numpy(vectors.T.copy()).float().view(1, -1, 1, 3)
            return cnn(painted(x[[k]], candidates)[0]).softmax(1)[:, int(y[k])].numpy()

        theirs = differential_evolution(
            objective, [(0, 1)] * 3, strategy="rand1bin", maxiter=25, popsize=40, mutation=0.5, recombination=1.0,
            tol=0, polish=False, init="random", updating="deferred", vectorized=True, rng=0,
        )  # fmt: skip
        assert float(ours[k]) == pytest.approx(float(theirs.fun), abs=0.08)


def test_the_model_is_left_alone(batch: Any) -> None:
    model = build("DigitCNN", 0)
    before = copy.deepcopy(model.state_dict())
    OnePixel(2, 10, 2)(model, *batch)
    exhaustive(model, batch[0][:1], batch[1][:1])
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(a, before[name]) for name, a in model.state_dict().items())


def test_places_cover_the_picture_and_nothing_else() -> None:
    rows, columns = places(torch.tensor([[[0.0, 0.0, 0], [1.0, 1.0, 0], [0.5, 0.999, 0]]]), 28, 20)
    assert rows.tolist() == [[0, 27, 14]]
    assert columns.tolist() == [[0, 19, 19]]


def test_exhausting_counts_what_the_map_says(cnn: Classifier, digits: Dataset, shelf: Any) -> None:
    some = digits.part(slice(0, 60))
    card = Card("mine", "", "DigitCNN", "mnist", {}, 0, "", "abc", [])
    *_, found = every_pixel.exhaust(cnn, every_pixel.begin(card, some), some, 60, workers=2)
    with torch.no_grad():
        right = cnn(some.images(slice(0, 60))).argmax(1) == some.labels
    _, answers = exhaustive(cnn, some.images(slice(0, 60)), some.labels)
    flips = (answers != some.labels[:, None, None, None]).any(1) & right[:, None, None]
    assert (found.n, found.clean) == (60, int(right.sum()))
    assert found.safe == int((right & ~flips.flatten(1).any(1)).sum())
    assert torch.equal(torch.tensor(found.flips), flips.sum(0))
    every_pixel.STORE.put("mine", found)
    assert every_pixel.STORE.every() == {"mine": found}
    part = next(every_pixel.exhaust(cnn, every_pixel.begin(card, some), some, 60))
    *_, resumed = every_pixel.exhaust(cnn, part, some, 60)
    assert (part.n, resumed) == (every_pixel.BATCH, found)
