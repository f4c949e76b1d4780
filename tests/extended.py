"""Run by test_extending.py in a copy of this project that has what docs/extending.md adds: the pages have found it."""

import pytest

from tests.test_pages import opened


def test_the_noise_is_slid() -> None:
    at = opened("denoise", add="Stripes", strength="50")
    assert "stripes (noise)" in at.selectbox(key="add").options
    assert at.query_params["add"] == "Stripes"
    assert not at.warning


def test_the_noise_can_be_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESCOPE_TRAINING", "on")
    at = opened("train")
    at.selectbox(key="plan").set_value("n2n-stripes: Stripes").run()
    assert "stripes" in at.selectbox(key="noise-n2n-stripes").options
    assert not at.warning
    assert not at.exception


def test_the_attack_is_played() -> None:
    at = opened("fooled", attack="Steepest", steps="3", epsilon="2")
    assert "Steepest (straight on)" in at.selectbox(key="attack").options
    assert {s.key for s in at.slider} >= {"Steepest.steps", "Steepest.epsilon"}
    assert not at.warning


def test_the_page_is_in_the_navigation_and_on_the_first_page() -> None:
    at = opened("brightness")
    assert at.title[0].value == "Does it keep the light?"
    assert "Data: " in at.caption[-1].value
