"""The snippets below the pages: each runs, prints what the page shows, and takes from the address nothing but values."""

import ast
import re
import runpy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas  # type: ignore[import-untyped]  # noqa: F401  # plotly looks into it while the app, warming up, imports it
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from app import browser, cache, snippets
from app.browser import packing
from app.inputs import Trained
from app.navigation import PAGES
from core.measures import metrics
from core.runs import folder
from core.training import recipes
from tests.test_layers import imports
from tests.test_pages import ROOT, opened, words

FILES = sorted((ROOT / "snippets").glob("*.py"))
WITHOUT = {
    "home": "its digit is drawn and attacked in the browser; see has the same digit",
    "challenge": "its digit is painted over by hand",
    "words": "words alone",
}
VIEWS = {
    "linear": {"plane": "a map, of which no figure is told"},
}  # without a snippet
SETTINGS = re.compile(r"\w+\([^()]*=[^()]*\)")  # of a noise or an attack
FIGURE = re.compile(r"[-+]?\d[\d,]*(?:\.\d+|(?= %))")  # all but whole numbers, which count something


def ran(text: str, place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a snippet and return what it printed."""
    file = place / "snippet.py"
    file.write_text(text)
    capsys.readouterr()
    runpy.run_path(str(file))
    return capsys.readouterr().out


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the page sends to its components, by their names, while somebody stays; of a photograph the whole of it."""
    packed: dict[str, bytes] = {}

    def component(name: str) -> Any:
        def draw(key: str, data: bytes = b"", **_: Any) -> dict[str, Any]:
            if name != "piece" or "/full/" in key:
                packed[name] = data
            return {}

        return draw

    monkeypatch.setattr(browser, "component", component)
    monkeypatch.setattr(browser, "_stays", lambda *_: True)
    return packed


def whole(sent: dict[str, bytes]) -> bool:
    """Say whether what is computed while somebody stays has come."""
    header = packing.header(sent["strip"]) if "strip" in sent else {"levels": []}
    return len(header.get("known", header["levels"])) == len(header["levels"]) and ("photograph" in sent) <= ("piece" in sent)  # fmt: skip


def figures(text: str) -> Iterator[tuple[float, int]]:
    """Read the numbers with decimals in a text, and how many those are."""
    for number in FIGURE.findall(text):
        yield float(number.replace(",", "")), len(number.partition(".")[2])


def told(packed: bytes) -> str:
    """Write what a strip says where its slider starts, and at its end."""
    header = packing.header(packed)
    start = len(header["levels"]) // 2 if header["start"] is None else header["start"]
    lines = [line for tile in header["tiles"] for line in tile["lines"]]
    pairs = [(line, values[k]) for line in lines for values in [line["values"]] for k in {min(start, len(values) - 1), len(values) - 1}]  # fmt: skip
    curves = header.get("curve") or []
    texts = [curve["text"] for curve in (curves if isinstance(curves, list) else [curves])]
    return " ".join(
        [
            str(header["levels"][start]),
            *texts,
            *(line["text"].replace("{}", f"{value:.{line['digits']}f}") for line, value in pairs if value is not None),
        ]
    )


def slid(packed: bytes, network: str) -> str:
    """Write what a digit network says where the slider of /see starts: the browser computes it."""
    header, arrays = packing.unpack(packed)
    level = header["start"] if header["start"] is not None else round(len(header["levels"]) / 5)
    clean, seen = (torch.from_numpy(arrays["image"][k][None]).float() for k in (0, level + 1))
    sure = cache.classifier(Trained.named(network))(torch.cat([clean, seen])).softmax(1).amax(1)
    return " ".join(f"{v:.4f}" for v in [float(metrics.l2(clean, seen)), *(100 * sure).tolist()])


def seen(at: Any, sent: dict[str, bytes]) -> str:
    """Write everything a page says."""
    said = [words(at), *(f"{m.value} {m.label} {m.delta}" for m in at.metric)]
    said += [str(frame.value.to_numpy().tolist()) for frame in at.dataframe]
    said += [caption for image in at.image for caption in image.captions]
    said += [told(sent["strip"])] if "strip" in sent else []
    said += [slid(sent["scrub"], at.query_params["network"])] if "scrub" in sent else []
    if "piece" in sent:
        header = packing.header(sent["piece"])
        said += [f"{psnr:.2f} {ssim:.3f}" for psnr, ssim in (header["before"], header["after"])]
    return " ".join(said)


CASES: list[tuple[str, dict[str, str]]] = [
    ("see", {}),
    ("see", dict(network="digit-mlp", image="7", add="PGD", steps="3", strength="0.2", seed="4")),
    ("see", dict(image="7", add="SaltAndPepper", strength="0.3", seed="2")),
    ("inside", {}),
    ("inside", dict(image="7", block="up1a", network="n2n-poisson-100")),
    ("inside", dict(view="digits", image="7", add="Gaussian", strength="50", block="hidden")),
    ("learned", {}),
    ("learned", dict(network="digit-cnn-robust")),
    ("similar", dict(add="FGSM", strength="0.1")),
    ("similar", dict(image="7", add="Poisson", strength="10", metric="cosine", among="all", seed="1")),
    ("pixels", dict(generations="3")),
    ("pixels", dict(image="7", pixels="3", generations="2", population="30", values="five", seed="1")),
    ("certificate", dict(votes="100")),
    ("certificate", dict(image="7", votes="100", base="alone", at="2", seed="3")),
    ("denoise", {}),
    ("denoise", dict(image="7", add="Impulse", strength="0.2", network="n2n-poisson-100", seed="3")),
    ("learn", {}),
    ("learn", dict(view="pair", add="BlindPoisson", image="7")),
    ("learn", dict(view="statistic")),
    ("learn", dict(view="statistic", add="Exponential", strength="0.5", value="0.4", exponent="1.5")),
    ("learn", dict(view="clean")),
    ("learn", dict(view="losses", add="Impulse", strength="0.3")),
    ("learn", dict(view="clipping")),
    ("learn", dict(view="clipping", image="7", sigma="50", averaged="16")),
    ("fooled", dict(steps="3", at="3")),
    ("fooled", dict(image="7", attack="ObsAtk", steps="4", epsilon="2", at="4", seed="1")),
    ("alike", dict(steps="2")),
    ("alike", dict(image="7", steps="3", gamma="0.2", seed="1", network="n2n-impulse-0.5")),
    ("often", {}),
    ("often", dict(network="n2n-poisson-200", steps="30", budget="1")),
    ("defence", {}),
    ("defence", dict(image="7", epsilon="0.3", network="digit-cnn-robust")),
    ("linear", {}),
    ("linear", dict(view="line", image="7", at="10", seed="1")),
    ("linear", dict(view="denoisers", image="7", seed="1")),
    ("linear", dict(view="sizes")),
    ("brittle", {}),
    ("brittle", dict(unit="conv2-3", network="digit-cnn-robust")),
    ("brittle", dict(view="pictures", channel="2-7")),
    ("directions", {}),
    ("directions", dict(image="7", level="25", at="4", seed="1")),
    ("study", dict(part="all")),
    ("cards", {}),
    ("cards", dict(network="n2n-gaussian-50")),
]  # fmt: skip


@pytest.mark.parametrize(("page", "chosen"), CASES, ids=[f"{p}-{'-'.join(c.values())}" for p, c in CASES])
def test_a_snippet_prints_what_its_page_shows(
    page: str, chosen: dict[str, str], sent: dict[str, bytes], no_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    at = opened(page, **chosen)
    assert not at.warning
    while not whole(sent):
        time.sleep(0.1)
        at.run()
    printed, there = ran(at.code[-1].value, tmp_path, capsys), list(figures(seen(at, sent)))
    assert printed
    unit = 1.1 if page == "denoise" else 0.6  # of the last digit: the page denoises photographs in bfloat16
    for number, decimals in figures(SETTINGS.sub("", printed)):
        near = [other for other, its in there if abs(number - other) < unit * 10.0 ** -min(decimals, its)]
        assert near, f"{number} of {printed} is not in {sorted(there)}"


def test_whole_curves_are_printed_among_them_what_the_page_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for view in ("noise", "attack"):
        at = opened("break", view=view)
        printed = ran(at.code[-1].value, tmp_path, capsys)
        confused = next(c.value for c in at.caption if "Look for a dark column" in c.value)
        (told,) = re.findall(r"[\d.]+ % right \(95 % interval [\d.]+ to [\d.]+\)", confused)
        assert told in printed


def test_gains_are_those_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not cache.dataset("cifar10", "test").full:
        pytest.skip("what is measured is CIFAR-10's")
    for denoiser in ("n2n-gaussian-50", "n2n-poisson-100"):
        at = opened("quality", network=denoiser)
        printed = ran(at.code[-1].value, tmp_path, capsys)
        assert all(m.value in printed for m in at.metric)
        assert at.metric[2].delta in printed


def test_the_matrix_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = opened("transfer")
    printed = ran(at.code[-1].value, tmp_path, capsys)
    lengths = re.findall(r"(n2n-gaussian-50) (\d+\.\d)", next(c.value for c in at.caption if "Mean L2" in c.value))
    assert all(re.search(rf"^{name}, .* {length}$", printed, re.MULTILINE) for name, length in lengths)


def test_units_on_one_side_of_their_kinks_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ({}, dict(stage="hidden", image="7", seed="2")):
        at = opened("linear", view="kinks", **more)
        counted = [(m.value, int(m.delta.split()[0]) if m.delta else 0) for m in at.metric]
        printed = ran(at.code[-1].value, tmp_path, capsys)
        found = re.findall(r": (\d+ of \d+) answer, (\d+) passed", printed)
        assert sorted((value, int(passed)) for value, passed in found) == sorted(counted)


def test_photons_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = opened("learn", view="photons")
    told = next(c.value for c in at.caption if "Photons that reached each pixel" in c.value)
    assert ran(at.code[-1].value, tmp_path, capsys).removesuffix(" photons\n") in told


def test_a_run_is_trained_again(tmp_path: Path, no_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = recipes.recipe("digit-mlp")
    folder.create("mine", recipe)
    text = opened("train", run="mine").code[-1].value
    assert "RUN = 'mine'" in text
    losses = [float(loss) for loss in re.findall(r"mean loss ([\d.]+)", ran(text, tmp_path, capsys))]
    assert len(losses) == recipe.epochs
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_snippet_runs_as_it_is(file: Path, no_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(file.read_text().splitlines()) <= 32
    assert {name.partition(".")[0] for name in imports(file)} <= {"core", "torch"}
    runpy.run_path(str(file))
    assert capsys.readouterr().out


def test_every_page_has_a_snippet_or_a_reason() -> None:
    have = {file.stem.partition("_")[0] for file in FILES}
    assert have | WITHOUT.keys() == {entry.name for entry in PAGES}
    assert not have & WITHOUT.keys()
    for page, views in VIEWS.items():
        assert not {f"{page}_{view}" for view in views} & {file.stem for file in FILES}
        for view in views:
            assert not opened(page, view=view).code


@settings(max_examples=25, deadline=None)
@given(some.text(max_size=40) | some.sampled_from(["os.system", "__import__('os')", "1e999", "nan", "'", '"""', "\n", "9" * 5000, "True", "None"]))  # fmt: skip
def test_whatever_an_address_says_only_values_change(text: str) -> None:
    for file in FILES:
        snippet = snippets.read(file.stem)
        assert snippet
        chosen = dict.fromkeys([*map(str.lower, snippet.constants), "strength", "seed", "photograph", "steps"], text)
        before, after = ast.parse(snippet.text), ast.parse(snippet.filled(chosen))
        for tree in (before, after):
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():  # fmt: skip
                    assert isinstance(node.value, ast.Constant | ast.Call | ast.UnaryOp)
                    if isinstance(node.value, ast.Call):
                        assert isinstance(node.value.func, ast.Name)
                        assert node.value.func.id in snippets.KINDS
                        assert all(isinstance(k.value, ast.Constant | ast.UnaryOp) for k in node.value.keywords)
                    node.value = ast.Constant(0)
        assert ast.dump(before) == ast.dump(after)


def test_another_attack_is_imported_and_one_s_own_picture_is_told_of() -> None:
    see = snippets.of("see", dict(network="digit-cnn", image="7", add="Gaussian", strength="30", seed="2"))
    assert see
    assert "from core.noise import Gaussian\n" in see
    assert "ADD = Gaussian(sigma=30.0)" in see
    assert "FGSM" not in see
    own = snippets.of("see", dict(network="digit-cnn", way="draw", add="FGSM"))
    assert own
    assert own.splitlines()[1].startswith("# A picture of your own")
    assert ast.parse(own)


def test_a_view_has_its_own_snippet_or_none() -> None:
    assert snippets.of("inside", dict(view="digits")) != snippets.of("inside", dict(view="pictures"))
    assert snippets.of("linear", dict(view="plane")) is None
    assert snippets.of("learn", dict(view="../../app/main")) is None
    assert "VIEW = 'attack'" in (snippets.of("break", dict(view="attack")) or "")


def test_the_snippet_follows_a_part_that_runs_alone() -> None:
    at = opened("denoise", image="17", strength="50", network="n2n-gaussian-50")
    assert "IMAGE = 17" in at.code[-1].value
    at.number_input(key="photo").set_value(18).run()
    assert "IMAGE = 18" in at.code[-1].value
    assert "ADD = Gaussian(sigma=50.0)" in at.code[-1].value


def test_pictures_have_names_and_numbers(no_data: Path) -> None:
    from core.data import datasets

    assert datasets.picture("camera").shape == (1, 3, 512, 512)
    assert np.array_equal(datasets.picture(3), datasets.load("cifar10", "test").images([3]))
    assert datasets.middle(datasets.picture("camera"), 100).shape == (1, 3, 100, 100)
    assert datasets.middle(datasets.picture(3), 100).shape == (1, 3, 32, 32)
