from math import ceil

import pytest
import torch
import torch.nn.functional as F

from core import Refusal, data, evaluation, models, recipes, training
from core.attacks import PGD
from core.data import Dataset
from core.params import level
from core.types import generator


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return data._digits("train", "")


def learn(sample: Dataset, epochs: int, seed: int = 0) -> tuple[models.Classifier, list[training.Step]]:
    model = models.build("DigitMLP", seed)
    optimiser = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    steps = epochs * ceil(len(sample) / 50)
    return model, list(
        training.fit(
            model, training.labelled(sample, 50), F.cross_entropy, optimiser, epochs=epochs, steps=steps, seed=seed
        )
    )


def test_it_learns_the_sample_digits(sample: Dataset) -> None:
    model, steps = learn(sample, epochs=15)
    test = data._digits("test", "")
    assert evaluation.scores(model, test)["accuracy"] > 0.85
    assert steps[-1].loss < 0.3 * steps[0].loss
    assert (steps[-1].step, steps[-1].steps) == (300, 300)


def test_same_seed_same_weights_other_seed_others(sample: Dataset) -> None:
    a, b, c = (learn(sample, 1, seed)[0] for seed in (0, 0, 1))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))


def test_every_image_is_fed_once_an_epoch_with_its_label(sample: Dataset) -> None:
    batches = list(training.labelled(sample, 64)(0, generator(0)))
    x, y = torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])
    assert len(x) == len(sample)

    def key(images: torch.Tensor, labels: torch.Tensor) -> list[tuple[float, int]]:
        return sorted(zip(images.sum((1, 2, 3)).tolist(), labels.tolist(), strict=True))

    assert key(x, y) == key(sample.images(), sample.labels)
    assert not torch.equal(y, sample.labels)


def test_adversarial_pairs_grow_to_full_strength(sample: Dataset) -> None:
    model = models.build("DigitCNN", 0)
    attack = PGD(epsilon=0.2, steps=2, step=0.5)
    clean = training.labelled(sample, 100)
    pairs = training.adversarial(clean, attack, model, ramp=2)
    for epoch, epsilon in ((0, 0.0), (1, 0.1), (2, level(attack)), (5, level(attack))):
        (x, _), (z, _) = next(clean(epoch, generator(1))), next(pairs(epoch, generator(1)))
        assert (z - x).abs().max() == pytest.approx(epsilon, abs=1e-5)


def test_an_unknown_recipe_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(Refusal, match="no recipe 'digit-rnn': choose one of digit-cnn, "):
        recipes.recipe("digit-rnn")
