"""Which pixels turned an answer."""

import pytest
import torch

from core import checkpoints
from core.data import datasets
from core.experiments.trial import bind, trial
from core.measures import blame
from core.networks.digits import Classifier
from core.noise import ReplaceGaussian
from core.types import Images, generator


@pytest.fixture(scope="module")
def turned() -> tuple[Classifier, Images, Images, int, int]:
    """Find a digit of the sample or the set that noise turns."""
    model, test = checkpoints.classifier("digit-cnn")[0], datasets.load("mnist", "test")
    for index in range(len(test)):
        seen = trial(model, test.images([index]), bind(ReplaceGaussian(0.4), model, test.labels[[index]], 0))
        before, after = int(seen.before.argmax()), int(seen.after.argmax())
        if before != after:
            return model, seen.clean, seen.corrupted, before, after
    raise AssertionError("noise turns no digit")


def test_all_blame_adds_up_to_what_was_added(turned: tuple[Classifier, Images, Images, int, int]) -> None:
    model, x, z, before, after = turned
    found = blame.blame(model, x, z, before, after)
    with torch.no_grad():
        margins = [logits[0, after] - logits[0, before] for logits in (model(x), model(z))]
    added = float(margins[1] - margins[0])
    assert float(found.sum()) == pytest.approx(added, rel=0.02)
    assert (found[x == z] == 0).all()


def test_on_a_linear_model_each_pixel_is_to_blame_for_its_weight_times_its_change() -> None:
    weights = torch.randn(2, 9, generator=generator(0))
    x, z = (torch.rand(1, 1, 3, 3, generator=generator(k)) for k in (1, 2))
    found = blame.blame(lambda v: v.flatten(1) @ weights.T, x, z, 0, 1)
    assert torch.allclose(found.flatten(), (weights[1] - weights[0]) * (z - x).flatten(), atol=1e-5)


def test_pixels_are_set_back_one_after_the_other() -> None:
    x, z = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    back = blame.set_back(x, z, torch.tensor([3, 0]))
    assert back.flatten(1).tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [0, 1, 1, 0]]


def test_few_of_the_most_to_blame_are_enough_and_fewer_are_not(
    turned: tuple[Classifier, Images, Images, int, int],
) -> None:
    model, x, z, before, after = turned
    order = blame.worst_first(blame.blame(model, x, z, before, after))
    count = blame.needed(model, x, z, order, before)
    back = blame.set_back(x, z, order)
    with torch.no_grad():
        answers = model(back[: count + 1]).argmax(1)
    assert int(answers[-1]) == before
    assert before not in answers[:-1]
    assert 1 <= count <= blame.by_chance(model, x, z, before, 0)
