"""The address bar: what a page says of itself, names it does not know, names that have changed, and what counts when."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app import address, navigation
from core import UserError
from tests.test_pages import go, opened, words


@pytest.mark.parametrize("page", [entry.name for entry in navigation.PAGES])
def test_a_name_that_means_nothing_here_is_answered_by_the_names_that_do(page: str) -> None:
    at = opened(page, colour="green", **({"votes": "100"} if page == "certificate" else {}))
    (warning,) = at.warning
    assert warning.value.startswith("The address says colour, which means nothing here: this page knows ")
    assert "lesson, " in warning.value
    assert "colour" not in at.query_params


def test_an_address_full_of_nonsense_is_still_one_sentence() -> None:
    at = opened("see", image="4", **{f"x{k}" * 100: "y" for k in range(50)})
    (warning,) = at.warning
    assert len(warning.value) < 700
    assert at.query_params["image"] == "4"


def test_a_parameter_of_another_noise_means_nothing() -> None:
    at = opened("see", add="FGSM", steps="3")
    assert "The address says steps" in at.warning[0].value
    assert not opened("see", add="PGD", steps="3").warning


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        ("denoise", {"from": "photograph", "name": "coffee", "denoiser": "n2n-gaussian-100"}, {"photograph": "coffee", "network": "n2n-gaussian-100"}),
        ("denoise", {"from": "number", "photo": "7"}, {"image": "7"}),
        ("fooled", {"photo": "3", "denoiser": "n2n-poisson-100"}, {"image": "3", "network": "n2n-poisson-100"}),
        ("cards", {"card": "digit-mlp"}, {"network": "digit-mlp"}),
        ("often", {"fooled": "n2n-poisson-100"}, {"network": "n2n-poisson-100"}),
        ("inside", {"of": "digits"}, {"view": "digits"}),
        ("learn", {"view": "pair", "pair": "BlindPoisson"}, {"view": "pair", "add": "BlindPoisson"}),
    ],
)  # fmt: skip
def test_an_old_link_leads_where_it_led(page: str, old: dict[str, str], new: dict[str, str]) -> None:
    at = opened(page, **old)
    assert not at.warning
    said = dict(at.query_params.items())
    assert new == {name: said.get(name) for name in new}
    assert not said.keys() & address.OLD.keys()


def test_what_a_page_begins_with_is_left_out_but_for_picture_network_and_noise() -> None:
    assert {*opened("see").query_params} == {"network", "image", "add"}
    at = opened("see", seed="3")
    assert {*at.query_params} == {"network", "image", "add", "seed"}
    at.number_input(key="seed").set_value(0).run()
    assert "seed" not in at.query_params


def test_a_name_counts_when_its_control_appears_and_once() -> None:
    at = opened("certificate", way="draw", base="alone", votes="100")
    assert "Draw a digit" in words(at)
    assert not at.warning  # there will be more to choose from when a digit is there
    assert at.query_params["base"] == "alone"
    at.selectbox(key="way").set_value("number").run()
    assert at.query_params["base"] == "alone"
    assert at.query_params["votes"] == "100"


def test_how_a_map_is_looked_at_goes_along() -> None:
    at = opened("see", stages="relu1 conv2 hidden", range="map", map="conv2.3", point="2.4")
    assert not at.warning
    go(at, "similar")
    assert "map" not in at.query_params
    go(at, "see")
    assert at.query_params["map"] == "conv2.3"
    assert "The address asks for the map 'conv2.9'" in opened("see", map="conv2.9").warning[0].value
    assert "The address asks for the map" in opened("see", network="digit-mlp", map="conv2.1").warning[0].value


@given(some.lists(some.sampled_from(["a", "b", "c"]), unique=True))
def test_several_are_written_as_they_are_read(chosen: list[str]) -> None:
    assert address.some_of(["a", "b", "c"], "the letter")(address._written(chosen)) == chosen


@given(some.floats(0, 50), some.floats(0, 50))
def test_a_range_is_two_numbers_the_lower_first(one: float, other: float) -> None:
    parse = address.between(0.0, 50.0, "levels")
    low, high = sorted((round(one, 1), round(other, 1)))
    assert parse(address._written((low, high))) == (low, high)
    if low < high:
        with pytest.raises(UserError, match="the lower first"):
            parse(address._written((high, low)))
