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
    *_, found = defence.measure(
        cnn, Card("mine", "", "DigitCNN", "mnist", {}, 0, "", "abc", {}, []), shield, card, digits, 80
    )
    assert found.n == 80
    chosen = datasets.shuffled(len(digits), defence.SEED)[:80]
    with torch.no_grad():
        right = int(metrics.correct(cnn(digits.images(chosen)), digits.labels[chosen]).sum())
    assert found.hits["attacked"][0] == right  # an attack of no strength changes no answer
    assert found.hits["denoised"][1] > found.hits["attacked"][1] + 10
    assert found.hits["through"][1] < found.hits["denoised"][1]
    defence.keep(found)
    kept = defence.kept()["mine"]
    assert kept.hits == {way: list(hits) for way, hits in found.hits.items()}


def test_a_row_of_transfer_is_the_mean_of_its_losses(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "BATCHES", 1)
    some = datasets.load("cifar10", "test").part(slice(0, 8))
    card = Card("mine", "", "UNet", "cifar10", dict(noise="Gaussian(sigma=50.0)"), 0, "", "abc", {}, [])

    def blur(z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(z, 3, 1, 1, count_include_pad=False)

    *_, row = transfer.lost(blur, {"itself": blur, "nothing": lambda z: z}, card, {"mine": "abc"}, some)
    assert isinstance(row, transfer.Row)
    assert row.n == 8
    assert row.lost["itself"] > 1
    assert row.lost["nothing"] == pytest.approx(0, abs=1e-3)  # of equal L2, so of equal PSNR
    assert row.attack == repr(attack_rates.ATTACK)
    transfer.keep(row)
    assert transfer.kept() == {"mine": row}
    assert transfer.current() == {}  # no such network is here
    known = transfer.standing(card, {"mine": "abc"})
    assert known == row
    changed = transfer.standing(card, {"mine": "abc", "itself": "new"})
    assert changed
    assert set(changed.lost) == {"nothing"}
    *_, again = transfer.lost(blur, {"itself": blur}, card, {"mine": "abc", "itself": "new"}, some)
    assert isinstance(again, transfer.Row)
    assert again.joined(changed).lost == row.lost
    assert transfer.standing(replace(card, sha256="other"), {"mine": "abc"}) is None
