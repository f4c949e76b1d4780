"""Every page in Streamlit's own test harness: opens, answers, survives what is missing or impossible."""

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest, norm
from streamlit.testing.v1 import AppTest

from app import cache, navigation, progress, uploads
from app.browser import packing
from app.browser.photographs import Scene
from app.controls.images import DIGIT_SOURCES
from app.defended import Defended
from app.door import Door
from app.held import size
from app.inputs import Digit, Photo, Trained
from app.photograph import Shown
from app.reminded import LEVELS, Reminded
from app.transferred import lent
from core import UserError, checkpoints
from core.attacks import FGSM, PGD
from core.checkpoints import Card
from core.data import datasets
from core.denoisers.classical import CLASSICAL
from core.experiments import (
    accuracy,
    attack_path,
    attack_rates,
    certificate,
    defence,
    directions,
    linearity,
    measure,
    worst_curves,
)
from core.experiments.attack_rates import NETWORKS
from core.experiments.photographs import CAMERA, METHODS, RAW, SIGMAS, Photograph
from core.experiments.registry import EXPERIMENTS
from core.measures import metrics
from core.networks.unet import ConditionedUNet
from core.noise import Gaussian, ReplaceGaussian, SaltAndPepper
from core.study import background, findings, report
from core.training import recipes
from core.types import generator
from tests.test_uploads import bomb, saved

ROOT = Path(__file__).parents[1]
PAGES = tuple(entry.name for entry in navigation.PAGES)
DIGITS = (
    "home",
    "see",
    "learned",
    "similar",
    "break",
    "cards",
    "words",
    "pixels",
    "linear",
    "defence",
    "certificate",
    "challenge",
    "study",
    "train",
    "brittle",
)  # show MNIST, the others CIFAR-10
NEEDY = (
    "home",
    "see",
    "learned",
    "similar",
    "break",
    "cards",
    "pixels",
    "certificate",
    "challenge",
    "denoise",
    "quality",
    "fooled",
    "directions",
    "alike",
    "linear",
    "brittle",
    "inside",
)  # of a network


PLAIN = {
    "denoise": {"photo": "5"},
    "certificate": {"votes": "100"},
}  # the address under which a page shows its data set, where it opens with something else, or with ten times as many votes


def opened(page: str, /, **address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=400)
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    if page != "home":
        go(at, page, **address)
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    return " ".join(
        str(e.value) for kind in ("title", "markdown", "caption", "warning", "info") for e in getattr(at, kind)
    )


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    monkeypatch.setenv("NOISESCOPE_RUNS", str(tmp_path / "runs"))
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_asks_its_question_and_says_which_data_it_shows(page: str) -> None:
    at = opened(page)
    assert at.title[0].value.endswith("?")
    assert not at.warning
    assert any(c.value.startswith("Data: ") for c in at.caption)
    assert size(at.session_state._state.filtered_state) < 20_000  # bytes that a session keeps: choices, never pictures


def test_what_is_kept_stays_in_its_bounds_however_many_pictures_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions come and go, each with another picture: what is light, and what was found behind the door, each in so many bytes."""
    monkeypatch.setattr(cache, "LIGHT", 500_000)
    one = Door(room=300_000)
    monkeypatch.setattr(cache, "door", lambda: one)
    made = dict.fromkeys(("light", "heavy"), 0)
    for k in range(12):
        opened("pixels" if k % 2 else "see", image=str(k))
        assert cache.light().nbytes <= 500_000
        assert one.held.nbytes <= 300_000
        made["light"] = max(made["light"], cache.light().nbytes)
        made["heavy"] = max(made["heavy"], one.held.nbytes)
    assert made["light"] > 300_000, "the bound is reached"
    assert made["heavy"] > 100_000


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_the_sample_and_offers_the_full_set(page: str, no_data: Path) -> None:
    at = opened(page, **PLAIN.get(page, {}))
    mine, other = ("MNIST", "CIFAR-10") if page in DIGITS else ("CIFAR-10", "MNIST")
    assert f"{mine} is not here" in words(at)
    assert any(b.label == f"Download {mine}" for b in at.button)
    assert any(b.label == f"Download {other}" for b in at.button) == (page == "home")
    assert not at.warning


@pytest.mark.sample
@pytest.mark.parametrize("page", PAGES)
def test_every_page_survives_having_no_network(page: str, shelf: Path) -> None:
    at = opened(page)
    assert at.title
    if page not in NEEDY:
        assert not at.warning
    else:
        assert f"train {'digit-cnn' if page in DIGITS else 'n2n-gaussian-50'}" in words(at)


@pytest.mark.sample
@pytest.mark.parametrize("page", PAGES)
def test_every_page_survives_a_damaged_network(page: str, shelf: Path) -> None:
    shelf.mkdir()
    name = "digit-cnn" if page in DIGITS else "n2n-gaussian-50"
    for file in (ROOT / "checkpoints").glob(f"{name}.*"):
        (shelf / file.name).write_bytes(file.read_bytes())
    (shelf / f"{name}.safetensors").write_bytes(b"half a file")
    at = opened(page)
    if page in NEEDY:
        assert f"The weights of {name} are damaged" in at.warning[0].value


@pytest.mark.parametrize("page", PAGES)
def test_every_page_survives_a_damaged_data_set(page: str, no_data: Path) -> None:
    (no_data / "MNIST" / "raw").mkdir(parents=True)
    (no_data / "cifar-10-batches-py").mkdir()
    at = opened(page, **PLAIN.get(page, {}))
    assert f"{'MNIST' if page in DIGITS else 'CIFAR-10'} is damaged or only partly here" in words(at)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"image": "10000"}, "The address asks for test image 10000, but they go from 0 to"),
        ({"image": "-1"}, "The address asks for test image -1"),
        ({"image": "nine"}, "The address asks for test image nine"),
        ({"add": "Fog"}, "The address asks for the noise or attack 'Fog', which is not offered here"),
        ({"add": "FGSM", "strength": "-1"}, "The address asks for epsilon -1, but it goes from 0 to 0.5"),
        ({"add": "PGD", "strength": "nan"}, "The address asks for epsilon nan"),
        ({"network": "../../x"}, "The address asks for the network '../../x', which is not offered here"),
        ({"seed": "1e9"}, "The address asks for seed 1e9"),
        ({"way": "guess"}, "The address asks for the way to pick an image 'guess'"),
    ],
)
@pytest.mark.parametrize("page", ["see", "similar"])
def test_an_impossible_address_is_one_sentence_and_the_page_lives_on(
    page: str, address: dict[str, str], sentence: str
) -> None:
    at = opened(page, **address)
    assert len(at.warning) == 1
    assert at.warning[0].value.startswith(sentence)
    assert at.title[0].value.endswith("?")


def test_a_deep_link_sets_every_control() -> None:
    at = opened("see", image="118", add="SaltAndPepper", strength="0.1", network="digit-mlp", seed="18")
    assert at.number_input(key="image").value == 118
    assert at.selectbox(key="add").value == "SaltAndPepper"
    assert at.selectbox(key="network").value == "digit-mlp"
    assert at.number_input(key="seed").value == 18
    assert not at.warning


def test_the_studys_examples_are_one_click_each() -> None:
    at = opened("see")
    if not cache.dataset("mnist", "test").full:
        assert "The study's three examples are MNIST's" in words(at)
        pytest.skip("the study's images are MNIST's")
    for label, image, add in (
        ("A 5 under noise", 333, "ReplaceGaussian"),
        ("A 9 under salt and pepper", 118, "SaltAndPepper"),
        ("A 9 under attack", 20, "FGSM"),
    ):
        next(b for b in at.button if b.label == label).click().run()
        assert not at.exception
        assert (at.number_input(key="image").value, at.selectbox(key="add").value) == (image, add)
        assert at.query_params["image"] == str(image)
        assert at.query_params["strength"] == "0.1"


def go(at: AppTest, page: str, /, **address: str) -> None:
    """Follow a link to another page in the same session."""
    at.query_params.clear()
    at.switch_page(str(ROOT / "pages" / f"{page}.py"))
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception


def go_by(at: AppTest, first: str, then: str, /, **address: str) -> None:
    """Visit one page, and follow a link to another from there."""
    go(at, first)
    go(at, then, **address)


def test_the_strength_goes_along_too() -> None:
    at = opened("see", add="FGSM", strength="0.3")
    go(at, "similar")
    assert at.query_params["strength"] == "0.3"
    go(at, "brittle")
    at.select_slider(key="strength-FGSM").set_value(0.2).run()
    go(at, "see")
    assert at.query_params["strength"] == "0.2"


def test_choices_go_along_to_another_page_and_links_win_over_them() -> None:
    at = opened("see", image="7", add="SaltAndPepper", seed="3")
    go(at, "similar")
    assert at.number_input(key="image").value == 7
    assert at.selectbox(key="add").value == "SaltAndPepper"
    assert at.number_input(key="seed").value == 3
    go(at, "learned")  # which has no such controls
    go(at, "see")
    assert (at.number_input(key="image").value, at.selectbox(key="add").value) == (7, "SaltAndPepper")
    go_by(at, "home", "see", image="20")
    assert at.number_input(key="image").value == 20
    at.selectbox(key="way").set_value("random").run()
    drawn = at.query_params["image"]
    assert drawn != "20"
    go_by(at, "home", "see", image="21")
    assert at.selectbox(key="way").value == "number"
    assert at.number_input(key="image").value == 21
    at.selectbox(key="network").set_value("digit-mlp").run()
    go(at, "similar")  # which has no such network
    assert at.selectbox(key="network").value == "digit-cnn"
    assert not at.warning


@pytest.mark.parametrize("way", ["class", "random", "mistakes"])
def test_the_address_of_a_digit_reproduces_it_however_it_was_found(way: str) -> None:
    at = opened("see", way=way)
    found = at.query_params["image"]
    assert at.query_params["way"] == way
    assert opened("see", image=found).number_input(key="image").value == int(found)
    again = opened("see", image=found, way=way)
    assert (again.selectbox(key="way").value, again.query_params["image"]) == (way, found)


def test_every_parameter_is_in_the_address_and_an_example_resets_it() -> None:
    at = opened("see", add="PGD", steps="3", step="0.5", seed="4", strength="0.2")
    assert at.slider(key="PGD.steps").value == 3
    assert at.query_params == dict(
        network="digit-cnn", image=at.query_params["image"], add="PGD", steps="3", step="0.5", seed="4", strength="0.2"
    )
    at = opened("see", add="ReplaceGaussian", mean="0.9")
    assert at.slider(key="ReplaceGaussian.mean").value == 0.9
    controls_at = opened("see", add="ReplaceGaussian", mean="7")
    assert controls_at.warning[0].value.startswith("The address asks for mean 7, but it goes from 0 to 1")
    if cache.dataset("mnist", "test").full:
        next(b for b in at.button if b.label == "A 5 under noise").click().run()
        assert at.slider(key="ReplaceGaussian.mean").value == 0.5
        assert "mean" not in at.query_params


def test_another_kind_keeps_the_strength_only_where_it_means_the_same() -> None:
    at = opened("see", add="FGSM", strength="0.4")
    at.selectbox(key="add").set_value("PGD").run()
    assert at.query_params["strength"] == "0.4"
    at.selectbox(key="add").set_value("Poisson").run()
    assert "strength" not in at.query_params
    assert not at.warning


@pytest.mark.parametrize("way", DIGIT_SOURCES)
def test_every_way_to_pick_an_image_works(way: str) -> None:
    at = opened("see", way=way)
    assert at.selectbox(key="way").value == way
    assert not at.warning
    if way == "random":
        before = at.session_state["image"]
        next(b for b in at.button if b.label == "Another one").click().run()
        assert at.session_state["image"] != before
    if way == "mistakes":
        answers, _ = progress.predictions(Trained.named("digit-cnn"))
        assert answers[at.session_state["image"]] != cache.dataset("mnist", "test").labels[at.session_state["image"]]
    if way == "draw":
        assert "Draw a digit on the pad" in words(at)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (bomb(20_000, 20_000), "larger than the 40 million pixels"),
        (b"I am a text file", "not a PNG, JPEG or WebP picture"),
        (saved(Image.new("RGB", (30, 30), "white")), "This picture is blank"),
    ],
    ids=["bomb", "text", "blank"],
)
def test_a_bad_upload_is_one_sentence_and_the_page_lives_on(content: bytes, sentence: str) -> None:
    at = opened("see", way="upload")
    at.file_uploader(key="upload").upload("digit.png", content, "image/png").run()
    assert not at.exception
    assert sentence in at.warning[0].value
    assert at.title[0].value.endswith("?")


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "animated"])
def test_a_strange_upload_is_read_and_said(mode: str, digits: Any) -> None:
    pixels = 255 - digits.pixels[0, 0].numpy().repeat(4, 0).repeat(4, 1)
    picture = Image.fromarray(pixels)
    content = {
        "CMYK": lambda: saved(picture.convert("CMYK"), "JPEG"),
        "I;16": lambda: saved(Image.fromarray(pixels.astype(np.uint16) * 257)),
        "animated": lambda: saved(picture, "PNG", save_all=True, append_images=[Image.new("L", picture.size)]),
    }[mode]()
    at = opened("see", way="upload")
    at.file_uploader(key="upload").upload("digit", content, "image/png").run()
    assert not at.exception
    assert not at.warning
    assert any(c.value.startswith("This picture") for c in at.caption)


@pytest.mark.parametrize("metric", ["SSIM", "cosine", "L2"])
def test_similar_images_are_of_the_class_the_network_says(metric: str) -> None:
    found = progress.neighbours(
        Trained.named("digit-cnn"),
        Digit.of(cache.dataset("mnist", "test"), 3),
        FGSM(0.2),
        0,
        metric,
        True,
        8,
    )
    trial, _ = cache.digit_trial(Trained.named("digit-cnn"), Digit.of(cache.dataset("mnist", "test"), 3), FGSM(0.2), 0)
    train = cache.dataset("mnist", "train")
    for (indices, _), logits in ((found.clean, trial.before), (found.corrupted, trial.after)):
        assert {int(train.labels[i]) for i in indices} == {int(logits.argmax())}


def test_noises_with_equal_numbers_are_kept_apart_in_the_cache() -> None:
    """A dataclass nested in another loses its type in Streamlit's key; ours are arguments of their own."""
    things = (ReplaceGaussian(0.1), SaltAndPepper(0.1), Gaussian(0.1), FGSM(0.1), PGD(0.1))
    frames = {
        cache.digit_frames(Trained.named("digit-cnn"), Digit.of(cache.dataset("mnist", "test"), 3), thing, 0)
        for thing in things
    }
    assert len(frames) == len(things)


def test_what_changed_is_another_key(shelf: Path, digits: Any) -> None:
    """A network trained anew and a test image of other data; the same ones are the same."""
    shutil.copytree(ROOT / "checkpoints", shelf, ignore=shutil.ignore_patterns("curves", "results"))
    one, digit, photo = Trained.named("digit-cnn"), Digit.of(digits, 3), Photo.of(cache.dataset("cifar10", "test"), 3)
    assert one == Trained.named("digit-cnn")
    checkpoints.save(checkpoints.load("digit-mlp")[0], checkpoints.read("digit-cnn"))
    assert one != Trained.named("digit-cnn")
    other = replace(digits, pixels=255 - digits.pixels)
    assert digit == Digit.of(digits, 3) != Digit.of(other, 3)
    assert photo != Photo.of(
        replace(cache.dataset("cifar10", "test"), pixels=255 - cache.dataset("cifar10", "test").pixels), 3
    )


def test_the_first_page_and_the_navigation_follow_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy.py").write_text("import streamlit as st\nst.write('Here it is.')\n")
    toy = navigation.Entry(str(tmp_path / "toy"), "Toys", "Toy", "toys", "Is it a toy?", "It is.")
    monkeypatch.setattr(navigation, "PAGES", (*navigation.PAGES, toy))
    at = opened("home")
    assert [link.proto.label for link in at.sidebar.get("page_link")] == list(navigation.chapters())
    links = [link.proto.label for link in at.main.get("page_link")]
    assert [label for label in links if label.endswith("?")] == [entry.asks for entry in navigation.PAGES[1:]]
    assert at.title[0].value == navigation.PAGES[0].asks


def test_a_chapter_is_a_row_of_its_pages() -> None:
    at = opened("transfer")
    links = [link.proto.label for link in at.main.get("page_link")]
    assert links[:5] == [entry.title for entry in navigation.PAGES if entry.chapter == "Fool a denoiser"]
    assert at.title[0].value == "Does it transfer?"


def test_a_digit_of_ones_own_is_what_was_drawn(digits: Any) -> None:
    own = Digit(digits.pixels[4].numpy().tobytes())
    assert np.array_equal((own.image()[0, 0] * 255).round().numpy(), digits.pixels[4, 0].numpy())
    assert own.label is None


def test_break_shows_both_views_and_whose_row_it_is() -> None:
    at = opened("break")
    assert "It is its MLP's" in at.info[0].value
    assert "on average 1.4 points from **digit-mlp**" in at.info[0].value
    at = opened("break", view="attack")
    assert not at.info
    for name in ("digit-cnn", "digit-mlp", "digit-cnn-robust"):
        flattering = accuracy.flattered(name)
        said = [w.value for w in at.warning if "FGSM flatters" in w.value and f"**{name}**" in w.value]
        assert len(said) == (flattering is not None)
        assert not flattering or f"**{name}** at epsilon {flattering[0]:g}: " in said[0]
    assert "epsilon" in " ".join(s.label for s in at.select_slider)


def test_a_digit_is_tried_under_every_threat_also_where_nothing_is_measured() -> None:
    digit = Digit.of(cache.dataset("mnist", "test"), 3)
    shown = Defended(Trained.named("digit-cnn"), Trained.named(defence.SHIELD), digit)
    header, arrays = packing.unpack(shown.at(defence.EPSILONS.index(0.2)))
    assert [t["hint"] for t in header["tiles"] if t["hint"]] == [*defence.THREATS.values()]
    assert header["known"] == [2]
    for tile in header["tiles"]:
        if tile["image"] in defence.THREATS:
            change = np.abs(arrays[tile["image"]] - arrays["clean"])
            assert change.max() <= 0.2 + 1 / 255
            (l2,) = (line["values"][0] for line in tile["lines"] if line["text"] == "L2 {}")
            assert l2 == pytest.approx(float(np.sqrt((change**2).sum())), abs=0.1)
    at = opened("defence", image="3", epsilon="0.3")
    assert at.query_params["epsilon"] == "0.3"
    assert "Test image 3" in words(at)


def test_what_a_network_is_reminded_of_slides() -> None:
    """At every strength the nearest are of the class it says there; at none they are those of the clean digit."""
    digit, train = Digit.of(cache.dataset("mnist", "test"), 3), cache.dataset("mnist", "train")
    shown = Reminded(Trained.named("digit-cnn"), digit, FGSM(), 0, "cosine", True)
    for found in shown.steps(progress.atlas(shown.trained), range(0, LEVELS, 5)):
        if isinstance(found, bytes):
            header, arrays = packing.unpack(found)
    lines = {t["image"]: {line["text"]: line["values"] for line in t["lines"]} for t in header["tiles"]}
    assert header["known"] == [0, 5, 10, 15, 20]
    assert lines["seen 0"]["a {}"] == lines["seen"]["reads {}"]
    assert lines["seen 0"]["no. {}"][0] == lines["clean 0"]["no. {}"][0]
    for place, number in enumerate(lines["seen 0"]["no. {}"]):
        assert np.abs(arrays["seen 0"][place] - train.images([int(number)])[0].numpy()).max() < 1 / 255
    assert lines["seen 0"]["cosine {}"] >= lines["seen 1"]["cosine {}"]
    at = opened("similar", image="3", add="FGSM", strength="0.2")
    assert at.query_params["strength"] == "0.2"
    assert "FGSM(epsilon=0.2)" in words(at)


def test_an_attack_is_shown_to_another_network() -> None:
    """At its last step, on the picture the page begins with, as DAG by hand; a network it was made for is one of those it can be shown to."""
    network, photo = Trained.named("n2n-gaussian-50"), Photo.of(cache.dataset("cifar10", "test"), 3)
    *_, found = attack_path.run(cache.denoiser(network), attack_rates.ATTACK, cache.image(photo), network.noise.nominal, 0, cache.image(photo))  # fmt: skip
    assert isinstance(found, attack_path.Timeline)
    header, arrays = packing.unpack(lent(found, network.name, "median", CLASSICAL["median"]))
    assert (
        np.abs(arrays["theirs"][-1] - CLASSICAL["median"](found.attacked[-1:])[0].clamp(0, 1).numpy()).max() < 1 / 255
    )
    assert [t["title"] for t in header["tiles"]][2:4] == ["n2n-gaussian-50 of it", "median of it"]
    header, arrays = packing.unpack(lent(found, network.name, network.name, cache.denoiser(network)))
    assert np.abs(arrays["theirs"] - arrays["own"]).max() <= 1 / 255
    at = opened("transfer", image="3", network="n2n-gaussian-100", to="non-local means")
    assert at.selectbox(key="to").value == "non-local means"
    assert "the picture that non-local means makes" in words(at)


def test_an_answer_is_guaranteed_as_its_votes_say_and_attacked() -> None:
    choices = {"image": "3", "votes": "300", "base": "alone", "at": "1"}
    at = opened("certificate", **choices)
    verdict = next(i.value for i in at.info if "votes say" in i.value)
    hits, sure, radius = re.findall(r"(\d+) of 300 votes say \d.* p = ([\d.]+) .* L2 \*\*([\d.]+)", verdict)[0]
    low = binomtest(int(hits), 300, alternative="greater").proportion_ci(0.999, "exact").low
    assert float(sure) == pytest.approx(low, abs=1e-4)
    assert float(radius) == pytest.approx(0.2 * norm.ppf(low), abs=0.006)
    assert {k: at.query_params[k] for k in choices} == choices
    assert "**the vote**" in words(at)


def test_what_was_measured_of_guarantees_is_shown(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf)
    card, shield = (checkpoints.read(name) for name in ("digit-cnn", "n2n-digits"))
    begun = certificate.begin(card, shield, cache.dataset("mnist", "test"))
    rows = torch.tensor([1.0, 0.5, 0.9]).expand(4, 2, len(begun.sigmas), 3)
    certificate.STORE.put("digit-cnn", replace(begun, n=4, rows=rows))
    at = opened("certificate", image="3", votes="77")
    assert "The address asks for the number of votes '77'" in at.warning[0].value
    assert "0 of 24 guarantees were broken" in words(at)


def test_measuring_can_be_started_watched_and_stopped(
    no_data: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the sample; a second press joins the first; the curve is kept with its n."""
    shelf.mkdir()
    for file in (ROOT / "checkpoints").glob("digit-cnn.*"):
        (shelf / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("NOISESCOPE_TRAINING", "on")
    at = opened("break")
    next(b for b in at.button if b.label == "Measure").click().run()
    assert not at.exception
    jobs = cache.jobs()
    job, new = jobs.start(
        *checkpoints.classifier("digit-cnn"), cache.dataset("mnist", "test"), SaltAndPepper(), (0.0, 0.5), 0
    )
    assert not new
    assert job.thread is not None
    job.thread.join(400)
    assert not jobs.running()
    (kept,) = accuracy.of("digit-cnn")
    assert kept.n == 797
    assert kept.data == "built-in sample, 797 test images"
    at.run()
    assert not at.exception


def test_a_measurement_stopped_before_its_turn_does_not_hold_the_next_one(no_data: Path, shelf: Path) -> None:
    model, card = _shipped()
    jobs = cache.jobs()
    test = cache.dataset("mnist", "test")
    first, _ = jobs.start(model, card, test, PGD(), (0.0, 0.1, 0.2), 0)
    queued, _ = jobs.start(model, card, test, FGSM(), (0.0, 0.1), 0)
    queued.halt.set()
    again, new = jobs.start(model, card, test, FGSM(), (0.0, 0.1), 0)
    assert new
    first.halt.set()
    assert again.thread is not None
    again.thread.join(400)
    assert again.n == 797
    assert queued.n == 0


def _shipped() -> Any:
    with pytest.MonkeyPatch.context() as monkey:
        monkey.setattr(checkpoints, "FOLDER", ROOT / "checkpoints")
        return checkpoints.load("digit-cnn")


def test_a_stopped_measurement_keeps_what_it_has_counted(no_data: Path, shelf: Path) -> None:
    model, card = _shipped()
    job, _ = cache.jobs().start(model, card, cache.dataset("mnist", "test"), PGD(), (0.0, 0.1, 0.2), 0)
    while not job.n and job.running:
        time.sleep(0.01)
    job.halt.set()
    assert job.thread is not None
    job.thread.join(400)
    assert 0 < job.n < 797
    assert [c.n for c in accuracy.BESIDE.every().values()] == [job.n]


@pytest.mark.parametrize("view", ["line", "kinks", "plane", "sizes", "denoisers"])
def test_every_view_of_linearity_opens(view: str) -> None:
    at = opened("linear", view=view)
    assert not at.exception
    assert not at.warning
    assert at.query_params["view"] == view


def test_linearity_says_what_was_measured(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("digit-cnn", "n2n-gaussian-50"):
        for suffix in (".json", ".safetensors"):
            shelf.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "checkpoints" / (name + suffix), shelf)
    assert "Not measured yet: `python -m core measure linearity`" in words(opened("linear"))
    model, card = checkpoints.classifier("digit-cnn")
    test = datasets.load("mnist", "test")
    *_, found = linearity.spread(model, linearity.begin(model, card, test), test, 100)
    linearity.STORE.put("digit-cnn", found)
    at = opened("linear")
    shown = at.dataframe[0].value
    mean, half = found.mean("straight, attack")
    assert shown["t from -0.5 to 0.5"][0] == f"{100 * mean:.1f} ± {100 * half:.1f} %"
    assert shown["n"][0] == "100"
    assert len(opened("linear", view="kinks").dataframe[0].value) == 5
    assert len(opened("linear", view="sizes").dataframe[0].value) == 4


@pytest.mark.parametrize("view", ["pair", "statistic", "losses", "clean", "photons", "clipping"])
def test_every_view_of_learning_opens(view: str) -> None:
    at = opened("learn", view=view)
    assert not at.warning
    assert len(at.caption) >= 2


def test_another_pair_is_another_pair() -> None:
    at = opened("learn")
    before = words(at)
    next(b for b in at.button if b.label == "Draw another pair").click().run()
    assert "draw 1." in words(at) != before
    assert not at.exception


def test_the_statistic_page_says_where_each_loss_settles() -> None:
    at = opened("learn", view="statistic")
    settled = {m.label: float(m.value) for m in at.metric}
    assert settled["L1 settles at"] == pytest.approx(0.2, abs=0.02)
    assert settled["L2 settles at"] == pytest.approx(0.35, abs=0.02)  # 0.2 p + 0.5 (1 - p)
    assert settled["L0, gamma 0.3 settles at"] == pytest.approx(0.2, abs=0.006)
    assert settled["Root of the Hilbert transform"] == pytest.approx(0.2, abs=0.006)
    at.selectbox[0].set_value("Exponential").run()
    settled = {m.label: float(m.value) for m in at.metric}
    assert settled["Root of the Hilbert transform"] == pytest.approx(0.2 * 0.3725, abs=0.01)  # the mode is 0


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"photo": "10000"}, "The address asks for test image 10000, but they go from 0 to"),
        ({"from": "space"}, "The address asks for the way to pick a picture 'space', which is not offered here"),
        ({"from": "photograph", "name": "lena"}, "The address asks for the photograph 'lena'"),
        ({"denoiser": "../../x"}, "The address asks for the network '../../x', which is not offered here"),
        ({"add": "FGSM"}, "The address asks for the noise or attack 'FGSM', which is not offered here"),
        ({"add": "Gaussian", "strength": "1e9"}, "The address asks for sigma 1e9, but it goes from 0 to 100"),
    ],
)
def test_an_impossible_denoising_address_is_one_sentence(address: dict[str, str], sentence: str) -> None:
    at = opened("denoise", **address)
    assert len(at.warning) == 1
    assert at.warning[0].value.startswith(sentence)


def test_a_deep_link_to_a_denoiser_sets_every_control() -> None:
    at = opened("denoise", photo="12", add="Impulse", strength="0.2", denoiser="n2n-poisson-100", seed="3")
    assert at.number_input(key="photo").value == 12
    assert at.selectbox(key="add").value == "Impulse"
    assert at.selectbox(key="denoiser").value == "n2n-poisson-100"
    assert at.query_params["strength"] == "0.2"


def test_a_photograph_comes_first_and_the_page_says_which() -> None:
    at = opened("denoise", strength="25")
    assert at.query_params["photograph"] == "astronaut"
    (data,) = [c.value for c in at.caption if c.value.startswith("Data: ")]
    assert "“astronaut”" in data
    assert "512 x 512 pixels; network n2n-gaussian-50, noise Gaussian, seed 0" in data
    assert "CIFAR" not in words(at)
    assert not at.warning


def test_what_is_sent_of_a_photograph_is_what_its_network_makes_of_it() -> None:
    network, photo = Trained.named("n2n-gaussian-50"), Photo(name="camera")
    scene, x = Scene(photo.sha256, Gaussian(), 0), cache.image(photo)
    level = scene.levels.index(50)
    _, whole, _ = Shown(network, photo, scene, False, ()).works(level)
    (full,) = whole.finish()
    assert full.picture.shape == (512, 512, 3)
    denoised = torch.from_numpy(full.picture).permute(2, 0, 1)[None].float() / 255
    header = packing.header(full.piece)
    (noisy, alike), (psnr, ssim) = header["before"], header["after"]
    assert psnr == pytest.approx(float(metrics.psnr(denoised, x)), abs=0.02)
    assert noisy == pytest.approx(float(metrics.psnr(scene.noisy(x, level), x)), abs=0.02)
    assert psnr > noisy + 5
    assert ssim > alike


def test_photographs_that_are_not_measured_are_said_to_be(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf, ignore=shutil.ignore_patterns("photographs"))
    assert "Not measured yet with these networks: `python -m core measure photographs`." in words(opened("denoise"))


def test_photographs_that_are_measured_stand_beside_bm3d(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = {CAMERA: dict.fromkeys(METHODS[CAMERA], (30.0, 0.5)), RAW: dict.fromkeys(METHODS[RAW], (31.0, 0.5))}
    about: Any = dict(
        networks={"n2n-gaussian-50": "f"}, data="two", seed=7, n=3, commits=(), precision="", device="", version=1
    )
    levels[CAMERA]["BM3D"] = (29.5, 9.0)
    found = {f"{sigma:g}": levels for sigma in SIGMAS}
    shown = [Photograph(**about, photograph=name, colour=True, found=found) for name in ("coffee", "moon")]
    monkeypatch.setattr("core.experiments.photographs.measured", lambda: shown)
    at = opened("denoise")
    assert "Sigma 15: n2n-gaussian-50 is better than BM3D on 2 of 2 photographs, by +0.50 ± 0.00 dB" in words(at)
    assert "n = 2 of" in words(at)
    methods, photographs = (frame.value for frame in at.dataframe)
    assert dict(zip(methods["method"], methods["seconds a photograph"], strict=True))["BM3D"] == "9.00"
    assert list(photographs["beyond BM3D at sigma 50, dB"]) == ["+0.50", "+0.50"]


def test_a_picture_that_is_brought_is_read_and_a_bomb_is_refused_in_one_sentence() -> None:
    photo, note = uploads.photo(saved(Image.fromarray(np.full((40, 50, 3), 99, np.uint8))))
    assert cache.image(photo).shape == (1, 3, 40, 50)
    assert not note
    with pytest.raises(UserError, match="less than 8 pixels wide or high"):
        uploads.photo(saved(Image.fromarray(np.full((400, 5, 3), 99, np.uint8))))
    with pytest.raises(UserError, match="larger than the 40 million pixels"):
        uploads.photo(bomb(40_000, 40_000))


def test_quality_can_be_narrowed_and_to_nothing_and_says_so() -> None:
    at = opened("quality")
    n = int(at.metric[0].value.replace(",", ""))
    assert n >= 200
    level = at.slider[0]
    low, high = level.value
    level.set_value((low, (low + high) / 2)).run()
    assert 0 < int(at.metric[0].value.replace(",", "")) < n
    at.slider[0].set_value((low, low)).run()
    assert "No test image is like that" in words(at)
    assert any(c.value.startswith("Data: ") for c in at.caption)
    assert not at.exception


@pytest.mark.parametrize("rank", ["best", "worst", "bar"])
def test_the_best_and_the_worst_cases_are_shown(rank: str) -> None:
    at = opened("quality")
    at.session_state["rank"] = rank
    at.run()
    assert not at.exception
    chosen = [s for s in at.selectbox if s.label.startswith("Which bar")]
    assert len(chosen) == (rank == "bar")
    if chosen:  # as many pictures lie in it as its name says
        said = re.search(r": ([\d,]+) images$", chosen[0].options[0])
        assert said
        assert f"{said[1]} images lie in that bar" in words(at)


def test_the_cases_shown_are_those_that_were_measured() -> None:
    """The PSNR of what is painted is the table's, up to the rounding of what is painted to 8 bits."""
    network = Trained.named("n2n-gaussian-50")
    table, title = progress.quality_of(network).table, cache.dataset("cifar10", "test").title
    indices = (3, 60, 120)
    for index, picture in zip(indices, cache.cases(network, indices, title), strict=True):
        clean, noisy, denoised = torch.from_numpy(picture).view(3, 32, 32, 3).permute(0, 3, 1, 2)[:, None].float() / 255
        assert metrics.psnr(noisy, clean) == pytest.approx(float(table[index, 1]), abs=1e-3)
        assert metrics.psnr(denoised, clean) == pytest.approx(float(table[index, 2]), abs=0.2)


def test_a_second_link_counts_and_the_slider_stays_where_the_picture_changes() -> None:
    at = opened("denoise", photo="5", strength="20")
    assert at.query_params["strength"] == "20"
    at.number_input(key="photo").set_value(6).run()
    assert at.query_params["strength"] == "20"
    at.switch_page(str(ROOT / "pages" / "see.py")).run()
    at.switch_page(str(ROOT / "pages" / "denoise.py"))
    at.query_params["strength"] = "80"
    at.run()
    assert at.query_params["strength"] == "80"


def test_one_damaged_network_costs_its_own_place_only(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf)
    (shelf / "n2n-gaussian-100.safetensors").write_bytes(b"half")
    at = opened("denoise", denoiser="n2n-gaussian-50", photo="5", all="True")
    assert [w.value for w in at.warning] == [
        "The weights of n2n-gaussian-100 are damaged or not the ones its card describes: fetch or train n2n-gaussian-100 again."
    ]
    assert "All networks on the same noisy picture" in [s.value for s in at.header]
    assert any(c.value.startswith("Data: ") for c in at.caption)


@pytest.fixture
def telling(shelf: Path) -> str:
    """A network that can be told what a picture shows, and something else for each label; its name."""
    shutil.copytree(ROOT / "checkpoints", shelf)
    recipe = recipes.RECIPES["n2n-gaussian-50-told"]
    model = recipes.untrained(recipe)
    assert isinstance(model, ConditionedUNet)
    torch.nn.init.normal_(model.labels.weight, std=0.1, generator=generator(0))
    about: Any = recipes.provenance(recipe)
    checkpoints.save(model, Card(recipe.name, recipe.title, recipe.architecture, "cifar10", about, 2, "", "", []))
    return recipe.name


def test_a_network_can_be_told_what_a_picture_shows(telling: str) -> None:
    at = opened("denoise", denoiser=telling, photo="5", strength="25", label="cat")
    assert not at.warning
    assert at.selectbox(key="label").value == "cat"
    assert at.query_params["label"] == "cat"
    assert "Whatever it is told" in [s.value for s in at.header]
    assert "Not measured yet: `python -m core measure told`." in words(at)
    noisy = torch.rand(1, 3, 32, 32, generator=generator(0))
    none, cat = (cache.denoiser(replace(Trained.named(telling), label=label)) for label in (None, 3))
    assert (none(noisy) - cat(noisy)).abs().max() > 1e-3
    assert Trained.named(telling).tellings[4].title == f"{telling}, told “cat”"
    at.selectbox(key="label").select("").run()
    assert "label" not in at.query_params
    at.selectbox(key="denoiser").select("n2n-gaussian-50").run()
    assert "label" not in [s.key for s in at.selectbox]
    assert not at.exception


def test_an_address_that_tells_of_what_there_is_not_is_answered(telling: str) -> None:
    at = opened("denoise", denoiser=telling, photo="5", label="unicorn")
    assert "The address asks for the label 'unicorn', which is not offered here" in at.warning[0].value
    assert at.selectbox(key="label").value == ""


def test_a_told_photograph_is_set_beside_the_untold_one(telling: str) -> None:
    at = opened("denoise", **{"denoiser": telling, "from": "photograph", "name": "astronaut", "label": "ship"})
    assert not at.warning
    assert at.query_params["label"] == "ship"


def test_a_link_to_a_damaged_network_can_be_left(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf)
    (shelf / "n2n-gaussian-100.safetensors").write_bytes(b"half")
    at = opened("denoise", denoiser="n2n-gaussian-100", photo="5")
    at.selectbox(key="denoiser").set_value("n2n-gaussian-50").run()
    assert at.selectbox(key="denoiser").value == "n2n-gaussian-50"
    assert "All networks on the same noisy picture" in [s.value for s in at.header]


def test_a_card_that_was_written_anew_is_read_anew(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf)
    card = Trained.named("n2n-gaussian-50").card
    checkpoints.rewrite(replace(card, title="another title"))
    assert Trained.named("n2n-gaussian-50").card.title == "another title"


def test_learning_says_what_is_missing_and_goes_no_further(shelf: Path) -> None:
    at = opened("learn", view="clean")
    assert "Not here yet: n2n-gaussian-50, n2c-gaussian-50" in words(at)
    assert not at.warning


def test_a_large_photograph_is_cut_where_a_piece_says_as_much() -> None:
    for view in ("pair", "photons", "clipping"):
        at = opened("learn", **{"view": view, "from": "photograph", "name": "retina"})
        assert not at.warning


def test_all_networks_are_asked_only_where_somebody_looks_and_the_address_says_so() -> None:
    at = opened("denoise", photo="17", strength="50")
    assert not at.toggle(key="all").value
    assert "all" not in at.query_params
    assert "the green frame is the best by PSNR" not in words(at)
    at.toggle(key="all").set_value(True).run()
    assert at.query_params["all"] == "True"
    assert at.query_params["strength"] == "50"
    assert "the green frame is the best by PSNR" in words(at)
    assert opened("denoise", photo="17", all="True").toggle(key="all").value
    assert "asks for the switch 'perhaps'" in opened("denoise", photo="17", all="perhaps").warning[0].value


def test_an_attack_goes_into_the_address_and_comes_back() -> None:
    at = opened("fooled", photo="17", attack="ObsAtk", steps="6", epsilon="2", at="3")
    assert not at.warning
    assert {k: at.query_params[k] for k in ("attack", "steps", "epsilon", "image")} == dict(
        attack="ObsAtk", steps="6", epsilon="2", image="17"
    )
    assert "ObsAtk(epsilon=2.0, steps=6" in words(at)


def test_a_step_beyond_the_last_is_answered() -> None:
    at = opened("fooled", photo="17", steps="5", at="9")
    assert "The address asks for step 9, but they go from 0 to 5" in at.warning[0].value


def test_directions_are_compared_at_the_noise_that_is_asked_for(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf)
    shutil.rmtree(shelf / "results")
    at = opened("directions", photo="17", level="25", at="4")
    assert not at.warning
    assert {k: at.query_params[k] for k in ("image", "level", "at")} == dict(image="17", level="25", at="4")
    said = words(at)
    assert "Gaussian(sigma=25.0)" in said
    assert "Not measured yet: `python -m core measure directions`" in said
    gains = [float(m) for m in re.findall(r"\n×([\d.]+)", " ".join(str(m.value) for m in at.markdown))]
    assert len(gains) == 7
    assert gains[0] == max(gains) > 1
    assert opened("directions", level="26").selectbox(key="level").value == "clean"


def test_what_was_measured_of_directions_is_shown(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf, ignore=shutil.ignore_patterns("directions"))
    card = checkpoints.read("n2n-gaussian-50")
    begun = directions.begin(card, cache.dataset("cifar10", "test"))
    directions.STORE.put(card.name, replace(begun, n=2, rows=torch.ones(2, len(directions.COLUMNS))))
    at = opened("directions", photo="17", denoiser=card.name)
    assert at.dataframe[0].value.loc[0, "clean: mean"] == "1.00 ± 0.00"
    assert list(at.dataframe[1].value["L2 3"]) == ["1.00 (3.00)"] * 5


def test_lookalike_asks_what_to_look_like() -> None:
    at = opened("fooled", photo="17", attack="Lookalike", steps="3", aim="5")
    assert at.number_input(key="aim").value == 5
    assert at.query_params["aim"] == "5"


def test_a_photograph_is_attacked_at_64_pixels() -> None:
    at = opened("fooled", **{"from": "photograph"}, name="astronaut", steps="1")
    assert "scaled down to 64 pixels" in words(at)


def test_few_pixels_are_searched_for_and_their_number_is_in_the_address() -> None:
    at = opened("pixels", image="3", pixels="5", generations="4", population="40")
    assert at.query_params["pixels"] == "5"
    assert "OnePixel(pixels=5, population=40, generations=4, seed=0)" in words(at)
    assert at.metric[0].label == "Single pixels that change the answer"


def test_a_measurement_of_other_weights_is_not_shown(shelf: Path) -> None:
    """By no page, no list, no report and no document."""
    shutil.copytree(ROOT / "checkpoints", shelf)
    for experiment in EXPERIMENTS.values():
        shipped = experiment.store.every()
        for key, found in shipped.items():
            experiment.store.put(key, replace(found, networks=dict.fromkeys(found.networks, "0" * 64)))
        assert not [found for found in experiment.store.current().values() if found.networks]
        assert experiment.store.every().keys() == shipped.keys()
    for page, sentence in (
        ("transfer", "Nothing is measured yet"), ("defence", "Nothing is measured yet"), ("pixels", "Not measured yet"),
        ("break", "Nothing is measured yet"), ("often", "No network has been attacked yet"), ("study", "not measured yet"),
        ("certificate", "Not measured yet"),
    ):  # fmt: skip
        assert sentence in words(opened(page, **PLAIN.get(page, {}))), page
    for name, figure in (("digit-cnn", "97.35"), ("n2n-gaussian-50", "30.75")):
        shown = words(opened("cards", card=name))
        assert "Not measured yet" in shown
        assert figure not in shown
    assert "30.82" not in words(opened("learn", view="clean"))
    from_code = ("Figure 5", "Figure 6", "Figure 16", "Figure 29")
    of_no_network = ("learn", "Section 2.1.1, quoted", *from_code)
    measured = [
        f for f in findings.findings() if f.here != background.MISSING and not {f.page, f.figure} & {*of_no_network}
    ]
    assert not [f for f in measured if "not measured yet" not in f.here]
    assert all("not measured yet" in line for line in measure.listing())
    for document in report.INTRODUCTIONS:
        assert not [line for line in report.document(document).splitlines() if re.match(r"\| `(n2|digit)", line)]


CARDS = {
    (card.page, *sorted(card.query)): card for card in findings.findings() if card.query
}  # one of each form of link


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.figure)
def test_a_card_of_the_study_opens_its_page_at_its_very_picture(card: background.Finding) -> None:
    if not all(datasets.load(name, "test").full for name in ("mnist", "cifar10")):
        pytest.skip("the study's images are MNIST's and CIFAR-10's")
    at = opened(card.page, **card.query)
    assert not at.warning
    shown = dict(at.query_params.items())  # but for what the page begins with anyhow
    assert {name: shown[name] for name in card.query if name in shown}.items() <= card.query.items()


def test_the_study_says_which_figures_are_not_measured(shelf: Path) -> None:
    at = opened("study")
    assert "not measured yet" in words(at)
    assert "97.55 % of the test digits right" in words(at)


def test_where_training_is_off_everyone_may_still_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESCOPE_TRAINING", "off")
    at = opened("train")
    assert "on this server nothing can be changed" in words(at)
    assert "There is no run yet" in words(at)
    assert not at.toggle


def test_a_recipe_can_be_given_another_network_and_other_data(
    tmp_path: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOISESCOPE_TRAINING", "on")
    monkeypatch.setenv("NOISESCOPE_RUNS", str(tmp_path / "runs"))
    at = opened("train")
    chosen = at.selectbox(key="plan")
    chosen.select(next(o for o in chosen.options if o.startswith("n2n-gaussian-50"))).run()
    assert "991,203 weights" in words(at)
    at.selectbox(key="unet-n2n-gaussian-50").select("DigitUNet").run()
    assert "62,257 weights" in words(at)
    at.selectbox(key="unet-n2n-gaussian-50").select("ConditionedUNet").run()
    assert "1,004,403 weights" in words(at)
    assert at.selectbox(key="start-n2n-gaussian-50-ConditionedUNet").options[:3] == [
        "drawn weights",
        "n2n-gaussian-50-told",
        "n2n-gaussian-50",
    ]
    at.slider(key="obsatk-n2n-gaussian-50").set_value(1.1).run()
    assert not at.exception


def test_networks_are_ranked_at_one_budget_as_far_as_they_are_measured(shelf: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", shelf)
    shutil.rmtree(shelf / "results" / "worst", ignore_errors=True)
    assert "Not measured yet: `python -m core measure worst`" in words(opened("often"))
    test = datasets.load("cifar10", "test")
    for lost, name in enumerate(NETWORKS[:2], 4):
        begun = worst_curves.begin(checkpoints.read(name), test)
        rows = 30 + torch.rand(60, len(worst_curves.BUDGETS), begun.rows.shape[2])
        rows[..., 0] += lost
        worst_curves.STORE.put(name, replace(begun, n=60, rows=rows))
    shown = words(opened("often", budget="1"))
    assert (
        f"At L2 1, on 60 images, the largest mean loss beyond white noise as strong is that of {NETWORKS[1]}" in shown
    )
    assert "Of 1 differences between two networks the intervals support 1" in shown
    assert f"Not measured yet with these weights: {NETWORKS[2]}" in shown
    assert f"white noise leaves {NETWORKS[0]}" in words(opened("fooled", steps="1"))


def test_a_denoiser_is_first_fooled_by_what_does_more_harm_than_dag() -> None:
    assert opened("fooled", steps="1").query_params["attack"] == "L2PGD"
