import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core import checkpoints
from core.attacks import FGSM, PGD
from core.attacks.worst_case import WorstCase
from core.data.datasets import Dataset
from core.experiments import accuracy, trial
from core.experiments.accuracy import Curve
from core.measures import metrics
from core.networks.digits import Classifier
from core.noise import Gaussian, SaltAndPepper
from core.types import generator


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(case: tuple[int, int]) -> None:
    hits, n = case
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    assert metrics.wilson(hits, n) == pytest.approx((interval.low, interval.high), abs=1e-6)


def test_a_trial_clips_once_and_asks_the_model_twice(cnn: Classifier, digits: Dataset) -> None:
    x, y = digits.images(slice(0, 5)), digits.labels[:5]
    seen = trial.trial(cnn, x, trial.bind(Gaussian(100.0), cnn, y, seed=3))
    assert torch.equal(seen.corrupted, Gaussian(100.0)(x, generator(3)).clamp(0, 1))
    assert torch.equal(seen.before, cnn(x))
    assert torch.equal(seen.after, cnn(seen.corrupted))


@pytest.mark.parametrize("thing", [SaltAndPepper(), FGSM()], ids=repr)
def test_a_sweep_counts_what_one_by_one_counts(thing: trial.Corruption, cnn: Classifier, digits: Dataset) -> None:
    small = dataclasses.replace(digits, pixels=digits.pixels[:120], labels=digits.labels[:120])
    levels = (0.0, 0.1, 0.4)
    *_, counts = accuracy.sweep(cnn, small, thing, levels, seed=0, batch=120)
    order = torch.randperm(120, generator=generator(0))
    x, y = small.images(order), small.labels[order]
    for table, z in zip(counts, trial.at_levels(thing, cnn, x, y, levels, seed=0), strict=True):
        answers = cnn(z).argmax(1)
        assert int(table.trace()) == int((answers == y).sum())
        for truth in range(10):
            assert table[truth].tolist() == torch.bincount(answers[y == truth], minlength=10).tolist()


def test_a_sweep_can_be_stopped_and_has_then_counted_every_image_once_per_level(
    cnn: Classifier, digits: Dataset
) -> None:
    sweep = accuracy.sweep(cnn, digits, FGSM(), (0.0, 0.1), seed=0, batch=50)
    next(sweep)
    counts = next(sweep)
    assert counts.sum((1, 2)).tolist() == [100, 100]


def test_a_sweep_leaves_what_it_has_yielded_alone_and_goes_on_where_it_was(cnn: Classifier, digits: Dataset) -> None:
    some = digits.part(slice(0, 90))
    parts = list(accuracy.sweep(cnn, some, SaltAndPepper(), (0.0, 0.3), seed=0, batch=40))
    assert [int(p[0].sum()) for p in parts] == [40, 80, 90]
    *_, rest = accuracy.sweep(cnn, some, SaltAndPepper(), (0.0, 0.3), seed=0, batch=40, done=40)
    assert torch.equal(parts[0] + rest, parts[-1])
    (short,) = accuracy.sweep(cnn, some, SaltAndPepper(), (0.0, 0.3), seed=0, batch=40, n=10)
    assert torch.equal(short, parts[0])


@pytest.fixture
def measured(cnn: Classifier, digits: Dataset) -> Curve:
    some = digits.part(slice(0, 50))
    begun = accuracy.begin(accuracy.STORE, checkpoints.read("digit-cnn"), some, FGSM(), (0.0, 0.1))
    *_, counts = accuracy.sweep(cnn, some, FGSM(), (0.0, 0.1), 0)
    return accuracy.grown(begun, counts)


@pytest.fixture
def shelved(shelf: Path) -> Path:
    """A folder of the test's own, in which the card of digit-cnn lies."""
    shelf.mkdir()
    shutil.copy(Path(__file__).parents[1] / "checkpoints" / "digit-cnn.json", shelf)
    return shelf


def test_curves_come_back_as_they_were_kept(measured: Curve, shelved: Path) -> None:
    other = dataclasses.replace(measured, corruption=repr(PGD()))
    accuracy.STORE.put("digit-cnn.fgsm", measured)
    accuracy.STORE.put("digit-cnn.pgd", other)
    assert accuracy.of("digit-cnn") == [measured, other]
    assert measured.n == 50
    assert sum(measured.hits) <= 100


def test_fewer_images_never_replace_more_of_the_same_network(measured: Curve, shelved: Path) -> None:
    double = accuracy.grown(measured, torch.tensor(measured.counts))
    accuracy.STORE.put("digit-cnn.fgsm", double)
    accuracy.STORE.put("digit-cnn.fgsm", measured)
    assert accuracy.of("digit-cnn") == [double]
    retrained = dataclasses.replace(measured, networks={"digit-cnn": "0" * 64})
    accuracy.STORE.put("digit-cnn.fgsm", retrained)
    assert accuracy.STORE.every() == {"digit-cnn.fgsm": retrained}
    assert accuracy.of("digit-cnn") == []


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"network": 1}]', '{"networks": 1}'])
def test_an_unreadable_curve_file_is_no_curves(content: str, shelved: Path) -> None:
    (shelved / "results" / "accuracy").mkdir(parents=True)
    (shelved / "results" / "accuracy" / "digit-cnn.fgsm.json").write_text(content)
    assert accuracy.of("digit-cnn") == []


@pytest.mark.parametrize(("name", "clean"), [("digit-cnn", 97.35), ("digit-mlp", 93.59), ("digit-cnn-robust", 98.12)])
def test_shipped_curves_are_of_the_shipped_weights_on_the_full_test_set(name: str, clean: float) -> None:
    card = checkpoints.read(name)
    full = {c.kind: c for c in accuracy.of(name) if c.data == "MNIST, 10,000 test images"}
    worst = full.pop("WorstCase")
    assert full.keys() == {"SaltAndPepper", "ReplaceGaussian", "FGSM", "PGD"}
    for c in full.values():
        assert (c.networks, c.n, len(c.levels)) == ({name: card.sha256}, 10_000, 21)
        assert c.accuracy[0] == pytest.approx(clean, abs=0.005)
    assert accuracy.clean(name) is not None
    assert (worst.networks, worst.hits) == ({name: card.sha256}, sorted(worst.hits, reverse=True))
    for level in worst.levels:
        assert worst.interval(level)[0] <= min(full[kind].interval(level)[1] for kind in ("FGSM", "PGD"))


def test_fgsm_flatters_where_it_leaves_more_than_the_worst_case_beyond_both_intervals(
    measured: Curve, shelved: Path
) -> None:
    def curve(corruption: trial.Corruption, right: int, wrong: int) -> Curve:
        counts = torch.zeros(2, 10, 10, dtype=torch.int64)
        counts[0, 0, 0], counts[1, 0, 0], counts[1, 0, 1] = right + wrong, right, wrong
        begun = dataclasses.replace(measured, n=0, counts=(((0,) * 10,) * 10,) * 2, corruption=repr(corruption))
        return accuracy.grown(begun, counts)

    assert accuracy.flattered("digit-cnn") is None
    accuracy.STORE.put("digit-cnn.fgsm", curve(FGSM(), 80, 20))
    assert accuracy.flattered("digit-cnn") is None
    accuracy.STORE.put("digit-cnn.worstcase", curve(WorstCase(), 75, 25))
    assert accuracy.flattered("digit-cnn") is None
    accuracy.STORE.put("digit-cnn.worstcase", curve(WorstCase(), 60, 50))
    found = accuracy.flattered("digit-cnn")
    assert found is not None
    assert found[0] == 0.1
