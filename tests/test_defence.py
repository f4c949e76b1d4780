"""Transfer and defence: their bookkeeping, on few images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core import checkpoints
from core.attacks.worst_case import WorstCase
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import attack_rates, defence, transfer
from core.measures import metrics
from core.networks.digits import Classifier
from core.networks.unet import Denoiser


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defence, "EPSILONS", (0.0, 0.15))
    monkeypatch.setattr(defence, "WORST", WorstCase(steps=10, restarts=1, queries=20))
    monkeypatch.setattr(defence, "BATCH", 40)


def test_a_defence_counts_and_an_attacker_who_knows_of_it_wins(
    cnn: Classifier, digits: Dataset, shelf: Any, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    shield, card = shipped("n2n-digits")
    mine = Card("mine", "", "DigitCNN", "mnist", {}, 0, "", "abc", [])
    *_, found = defence.defended(cnn, shield, defence.begin(mine, card, digits), digits, 80)
    assert found.n == 80
    chosen = datasets.shuffled(len(digits), found.seed)[:80]
    with torch.no_grad():
        right = int(metrics.correct(cnn(digits.images(chosen)), digits.labels[chosen]).sum())
    assert found.hits["undefended"][0] == right  # an attack of no strength changes no answer
    assert found.hits["oblivious"][1] > found.hits["undefended"][1] + 10
    assert found.hits["adaptive"][1] <= min(found.hits["hasty"][1], found.hits["oblivious"][1])
    assert found.hits["hasty"][1] < found.hits["oblivious"][1]
    defence.STORE.put("mine", found)
    assert [kept.hits for kept in defence.STORE.every().values()] == [found.hits]
    assert defence.STORE.current() == {}  # no such network is here


def test_at_its_worst_a_digit_that_has_fallen_stays_so(cnn: Classifier, digits: Dataset, quick: None) -> None:
    shield, _ = shipped("n2n-digits")
    x, y = digits.images(slice(0, 20)), digits.labels[:20]
    undefended, oblivious, hasty, adaptive = defence.judged(cnn, shield, x, y)
    for worst in (undefended, adaptive):
        assert bool((worst[1:] <= worst[:-1]).all())
    assert bool((adaptive <= (oblivious & hasty)).all())


def test_the_typical_digit_fares_as_most_do(digits: Dataset) -> None:
    _, card = shipped("n2n-digits")
    begun = defence.begin(Card("mine", "", "DigitCNN", "mnist", {}, 0, "", "abc", []), card, digits)
    most = torch.tensor([False, True, True, False])
    right = most[:, None, None].repeat(1, len(defence.EPSILONS), 60)
    for place in {*range(60)} - {7, 21}:
        right[place % 4, 2, place] ^= True  # under one threat not as most
    right[:, 0, 7] ^= True  # as most at this strength, not at another
    found = replace(begun, n=60, right=right)
    assert [2 * hits[2] > 60 for hits in found.hits.values()] == most.tolist()
    assert found.typical(defence.EPSILONS[2]) == 21


def test_one_digit_is_tried_as_many_are(cnn: Classifier, digits: Dataset, quick: None) -> None:
    shield, _ = shipped("n2n-digits")
    x, y = digits.images(slice(3, 4)), digits.labels[3:4]
    *shares, tried = defence.tried(cnn, shield, x, y, 0.15)
    done = [share for share in shares if isinstance(share, float)]
    assert done == sorted(done)
    assert len(done) == len(shares)
    assert 0 < done[0] < done[-1] < 1
    assert isinstance(tried, dict)
    assert list(tried) == ["clean", *defence.THREATS]
    answers = torch.tensor([int(tried[threat].sure.argmax()) == int(y) for threat in defence.THREATS])
    assert torch.equal(answers, defence.judged(cnn, shield, x, y)[:, 1, 0])
    assert all(float((one.sent - x).abs().max()) <= 0.15 + 1e-6 for one in tried.values())
    assert torch.equal(tried["undefended"].seen, tried["undefended"].sent)
    *_, same = defence.tried(cnn, shield, x, y, 0.0)
    assert isinstance(same, dict)
    assert all(torch.equal(one.sent, x) for one in same.values())


@pytest.mark.parametrize("name", sorted(defence.STORE.current()))
def test_the_digit_shown_first_behaves_as_its_chart_says(name: str) -> None:
    found = defence.STORE.current()[name]
    test = datasets.load("mnist", "test")
    if test.title != found.data:
        pytest.skip("measured on the full MNIST")
    place, epsilon = found.typical(0.2), found.epsilons.index(0.2)
    index = datasets.shuffled(len(test), found.seed)[[place]]
    (model, _), (shield, _) = checkpoints.classifier(name), checkpoints.denoiser(found.denoiser)
    y = test.labels[index]
    *_, tried = defence.tried(model, shield, test.images(index), y, 0.2)
    assert isinstance(tried, dict)
    for threat, hits in found.hits.items():
        assert (int(tried[threat].sure.argmax()) == int(y)) == (2 * hits[epsilon] > found.n), threat


def shipped(name: str) -> tuple[Denoiser, Card]:
    """Load a denoiser that ships, whatever folder of checkpoints a test has."""
    with pytest.MonkeyPatch.context() as monkey:
        monkey.setattr(checkpoints, "FOLDER", Path(__file__).parents[1] / "checkpoints")
        return checkpoints.denoiser(name)


def test_a_row_of_transfer_is_the_mean_of_its_losses(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    some = datasets.load("cifar10", "test").part(slice(0, 8))
    card = Card("mine", "", "UNet", "cifar10", dict(noise="Gaussian(sigma=50.0)"), 0, "", "abc", [])

    def blur(z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(z, 3, 1, 1, count_include_pad=False)

    begun = transfer.begin([card], ("itself", "nothing"), some)
    (row,) = transfer.spread(blur, {"itself": blur, "nothing": lambda z: z}, begun, some, 8)
    assert row.n == 8
    assert row.lost["itself"] > 1
    assert row.lost["nothing"] == pytest.approx(0, abs=1e-3)  # of equal L2, so of equal PSNR
    assert row.attack == repr(attack_rates.ATTACK)
    transfer.STORE.put("mine", row)
    assert transfer.STORE.every()["mine"].lost == row.lost
    assert transfer.STORE.current() == {}  # no such network is here
    again = transfer.begin([card, replace(card, name="other", sha256="new")], ("itself", "nothing"), some)
    assert transfer.STORE.resume("mine", begun).n == 8
    assert transfer.STORE.resume("mine", again).n == 0  # of other networks: measured anew as a whole


def card_of(name: str, start: str, seen: str = "BlindGaussian(sigma_max=50.0)", seed: int = 0) -> Card:
    return Card(name, "", "UNet", "cifar10", dict(noise=seen, start=start), seed, "", "abc", [])


def test_whether_the_start_is_what_transfers_is_said_only_of_networks_that_learned_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cards = {c.name: c for c in (card_of("first", ""), card_of("again", "", seed=1), card_of("later", "first", "BlindPoisson(mean=100.0)"))}  # fmt: skip
    monkeypatch.setattr(checkpoints, "read", cards.__getitem__)
    monkeypatch.setattr(checkpoints, "there", cards.__contains__)
    assert [transfer.root(name) for name in cards] == ["UNet, seed 0", "UNet, seed 1", "UNet, seed 0"]
    some = datasets.load("cifar10", "test")
    noisy = torch.rand(100, 4)
    near = torch.tensor([0.0, 4.0, 1.3, 6.0])  # L2, then what first, again and later lose
    row = replace(transfer.begin([cards["later"]], tuple(cards), some), n=100, rows=near + noisy)
    found = transfer.kin(row)
    assert (found.siblings, found.strangers, found.matched) == (("first",), ("again",), (("first", "again"),))
    assert float(found.apart.mean()) == pytest.approx(2.7, abs=0.2)
    words = transfer.verdict({"later": row})
    assert "part of what transfers comes with the start" in words
    assert "each network trained once" in words
    alike = replace(row, rows=noisy[:, :1].expand(-1, 4))
    assert "no sign that the shared start" in transfer.verdict({"later": alike})
    without = replace(row, evaluated=("first", "later"), rows=row.rows[:, :3])
    assert "is open" in transfer.verdict({"later": without})
    assert "python -m core measure transfer" in transfer.verdict({"later": without})
