import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest

from core import UserError, params
from core.attacks import ATTACKS
from core.noise import BLIND, NOISES, Gaussian, Poisson
from core.params import Span, validated


@validated
class Thing:
    size: Annotated[float, Span(0, 10, 1, unit="metres")] = 5.0
    count: Annotated[int, Span(1, 3, 1)] = 1


@pytest.mark.parametrize("value", [-1, 10.5, float("nan"), float("inf"), True, "3"])
def test_a_value_outside_its_span_is_refused_by_name_value_and_range(value: object) -> None:
    with pytest.raises(UserError, match=r"Thing: size is .*, but it goes from 0 to 10 metres\."):
        Thing(size=value)  # type: ignore[arg-type]


def test_repr_is_a_full_account_and_values_are_frozen() -> None:
    assert repr(Thing(size=2.0)) == "Thing(size=2.0, count=1)"
    with pytest.raises(AttributeError):
        Thing().size = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("kind", [*NOISES.values(), *BLIND.values(), *ATTACKS.values()], ids=lambda k: k.__name__)
def test_every_noise_and_attack_has_a_strength_whose_levels_it_takes(kind: type) -> None:
    name, span = params.strength(kind)
    levels = span.levels()
    assert len(levels) == 51
    assert (levels[0], levels[-1]) == ((span.high, span.low) if span.falling else (span.low, span.high))
    for level in levels:
        assert getattr(params.at(kind(), level), name) == level


def test_at_sets_the_strength_and_nothing_else() -> None:
    assert params.at(Thing(size=1.0, count=2), 7.0) == Thing(size=7.0, count=2)
    assert params.level(Gaussian(30.0)) == 30.0
    assert params.strength(Poisson)[0] == "photons"


@validated
class Choice:
    side: Literal["left", "right"] = "left"
    name: str = ""
    quick: bool = False


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (dict(side="lfet"), "Choice: side is 'lfet', but it is one of 'left', 'right'."),
        (dict(side=0), "Choice: side is 0, but it is one of 'left', 'right'."),
        (dict(name=3), "Choice: name is 3, but it is text."),
        (dict(quick=1), "Choice: quick is 1, but it is True or False."),
    ],
)
def test_a_choice_a_word_and_a_switch_are_checked_as_numbers_are(values: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError) as refusal:
        Choice(**values)
    assert str(refusal.value) == why
    assert Choice("right", "x", True).side == "right"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("DAG(norm='l7')", "DAG: norm is 'l7', but it is one of 'l2', 'linf'."),
        ("Denoising('mine', '', Gaussian(), L2(), target='claen')", "Denoising: target is 'claen', but it is one of 'noisy', 'clean'."),
    ],
)  # fmt: skip
def test_the_choices_of_attacks_and_recipes_are_checked(value: str, why: str) -> None:
    """In a process of its own, where nothing but the class itself checks them."""
    code = (
        "from core.attacks import DAG; from core.noise import Gaussian; from core.training.losses import L2; "
        f"from core.training.recipes import Denoising; {value}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith(f"UserError: {why}")
