"""Transfer and defence: their bookkeeping, on few images."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from core import checkpoints
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import attack_rates, defence, transfer
from core.measures import metrics
from core.models import Classifier


def test_a_defence_counts_and_an_attacker_who_knows_of_it_wins(
    cnn: Classifier, digits: Dataset, shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    shield, card = checkpoints.denoiser("n2n-digits")
    monkeypatch.setattr(checkpoints, "FOLDER", shelf)
    monkeypatch.setattr(defence, "EPSILONS", (0.0, 0.15))
    monkeypatch.setattr(defence, "BATCH", 40)
    mine = Card("mine", "", "DigitCNN", "mnist", {}, 0, "", "abc", [])
    *_, found = defence.defended(cnn, shield, defence.begin(mine, card, digits), digits, 80)
    assert found.n == 80
    chosen = datasets.shuffled(len(digits), found.seed)[:80]
    with torch.no_grad():
        right = int(metrics.correct(cnn(digits.images(chosen)), digits.labels[chosen]).sum())
    assert found.hits["undefended"][0] == right  # an attack of no strength changes no answer
    assert found.hits["oblivious"][1] > found.hits["undefended"][1] + 10
    assert found.hits["adaptive"][1] < found.hits["oblivious"][1]
    defence.STORE.put("mine", found)
    assert defence.STORE.every() == {"mine": found}
    assert defence.STORE.current() == {}  # no such network is here


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
