"""The strongest attacks: in their ball, at least as strong as PGD, never weaker at a larger strength, deterministic."""

import pytest
import torch

from core.attacks import PGD, Attack
from core.attacks.worst_case import APGD, Square, WorstCase
from core.data.datasets import Dataset
from core.networks.digits import Classifier
from core.types import Images, Labels

STRENGTHS = [0.1, 0.0, 0.05]
ATTACKS = (
    APGD(steps=10, restarts=1), APGD(loss="dlr", steps=10, restarts=1), Square(queries=60),
    WorstCase(steps=10, restarts=1, queries=60),
)  # fmt: skip


@pytest.fixture(scope="module")
def batch(digits: Dataset) -> tuple[Images, Labels]:
    return digits.images(slice(0, 40)), digits.labels[:40]


def right(model: Classifier, z: Images, y: Labels) -> int:
    with torch.no_grad():
        return int((model(z).argmax(1) == y).sum())


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_it_stays_in_its_ball_and_never_helps(attack: Attack, cnn: Classifier, batch: tuple[Images, Labels]) -> None:
    x, y = batch
    found = attack.levels(cnn, x, y, STRENGTHS)
    for epsilon, z in zip(STRENGTHS, found, strict=True):
        assert float((z - x).abs().max()) <= epsilon + 1e-6
        assert 0 <= float(z.min()) <= float(z.max()) <= 1
    strong, none, weak = (right(cnn, z, y) for z in found)
    assert none == right(cnn, x, y)
    assert strong <= weak <= none
    assert strong < none
    assert torch.equal(found, attack.levels(cnn, x, y, STRENGTHS))


def test_the_worst_is_no_weaker_than_pgd_nor_than_any_of_its_parts(
    cnn: Classifier, batch: tuple[Images, Labels]
) -> None:
    x, y = batch
    worst = right(cnn, WorstCase(0.08)(cnn, x, y), y)
    assert worst <= right(cnn, PGD(0.08, steps=20, step=0.1)(cnn, x, y), y)
    for part in (APGD(0.08), APGD(0.08, "dlr"), Square(0.08)):
        assert worst <= right(cnn, part(cnn, x, y), y)


def test_square_asks_for_no_gradient(cnn: Classifier, batch: tuple[Images, Labels]) -> None:
    x, y = batch

    def blind(z: Images) -> torch.Tensor:
        assert not torch.is_grad_enabled()
        logits: torch.Tensor = cnn(z)
        return logits

    assert right(cnn, Square(0.15, queries=100)(blind, x, y), y) < right(cnn, x, y)


def test_apgd_is_as_strong_as_a_trusted_one(cnn: Classifier, batch: tuple[Images, Labels]) -> None:
    torchattacks = pytest.importorskip("torchattacks")
    x, y = batch
    for ours, theirs in ((APGD(0.08, "cross-entropy", 30, 2), "ce"), (APGD(0.08, "dlr", 30, 2), "dlr")):
        trusted = torchattacks.APGD(cnn, norm="Linf", eps=0.08, steps=30, n_restarts=2, seed=0, loss=theirs)(x, y)
        assert right(cnn, ours(cnn, x, y), y) <= right(cnn, trusted, y) + 1
