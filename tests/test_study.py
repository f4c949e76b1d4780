"""The study's three examples, on our own network: what it reports happens here too."""

import re
from dataclasses import replace

import pytest

from core import UserError, checkpoints, params
from core.data import datasets
from core.experiments import accuracy, attack_rates, few_pixels, trial
from core.study import background, findings
from core.study.reported import EXAMPLES, RATIOS, REPORTED, Example, mixed


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.title)
def test_the_examples_fall_as_the_study_says(example: Example) -> None:
    try:
        test = datasets.full("mnist", "test")
    except UserError as refusal:
        pytest.skip(str(refusal))
    model, _ = checkpoints.classifier("digit-cnn")
    x, y = test.images([example.index]), test.labels[[example.index]]
    seen = trial.trial(model, x, trial.bind(example.corruption, model, y, example.seed))
    reported = [int(v) for v in re.findall(r"(\d+)", example.reported.partition(": ")[2])]
    for logits, digit, sure in zip((seen.before, seen.after), reported[::2], reported[1::2], strict=True):
        p = logits.softmax(1)[0]
        assert int(p.argmax()) == digit
        assert 100 * float(p.max()) == pytest.approx(sure, abs=12)


def test_every_published_point_lies_on_a_level_that_is_measured_here() -> None:
    curves = {c.kind: c for c in [*accuracy.of("digit-cnn"), *few_pixels.STORE.current().values()]}
    for reported in REPORTED:
        assert set(reported.levels) <= set(curves[reported.kind].levels)


def test_the_examples_strengths_are_on_the_slider() -> None:
    for example in EXAMPLES:
        assert params.level(example.corruption) in params.strength(type(example.corruption))[1].levels()


def test_figure_34_stands_beside_the_ratios_that_were_published() -> None:
    assert [said.published for said in RATIOS.values()] == [1.1148, 1.2324, 1.3158]
    says = {f.figure: f.says for f in findings.findings()}
    assert "0.09 % below 1.25 (33.67 % of its published ratios)" in says["Figure 34, n2n-impulse-0.2"]
    assert "0.09 % from 0.96 to 1.06 (0.15 % of its published ratios)" in says["Figure 34, n2n-poisson-500"]
    assert "30 for n2n-gaussian-50 and n2n-poisson-500; 40 for n2n-impulse-0.2" in mixed()


def test_every_figure_of_the_study_has_a_card_in_its_order() -> None:
    cards = findings.findings()
    assert sorted({number for card in cards for number in card.numbers}) == list(range(1, 37))
    assert sum(len(findings.findings(part)) for part in findings.PARTS) == len(cards)
    for card in cards:
        ends = [int(number) for number in re.findall(r"\b\d+\b", card.figure)]
        assert not card.numbers or [card.numbers[0], card.numbers[-1]] == [ends[0], ends[len(card.numbers) > 1]]
        assert card.says
        assert card.here


def test_a_verdict_follows_from_what_is_measured() -> None:
    cards = {card.figure: card for card in findings.findings()}
    assert cards["Figure 7, salt and pepper"].verdict == "holds"
    assert cards["Figure 7, Gaussian"].verdict == "differs"  # it is the other network's row
    assert replace(cards["Figure 7, Gaussian"], here=background.MISSING).verdict == "missing"
    assert findings._ranked(["n2n-impulse-0.2"]) is None
    seven = [*attack_rates.NETWORKS]
    assert findings._ranked(seven) is False
    assert findings._ranked([seven[-1], *seven[1:-1], seven[0]]) is True
