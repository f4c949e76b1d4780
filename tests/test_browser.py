"""The app in headless Chromium, as a visitor meets it.

`make screenshots` keeps the pictures README shows; they are taken on the built-in sample, which everybody has.
"""

import csv
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from app import navigation
from app.browser import frames
from app.inputs import Trained
from app.received import JOINER
from core import checkpoints
from core.attacks import FGSM, PGD, TargetedPGD, gradient
from core.data import datasets
from core.data.samples import photograph
from core.experiments.registry import EXPERIMENTS

playwright = pytest.importorskip("playwright.sync_api")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, TimeoutError, expect

from tests import browser as driver
from tests.test_received import ATTACKS
from tests.test_uploads import bomb, saved

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(driver.executable() is None, reason="no Chromium on this machine"),
]
ONCE = (
    pytest.mark.sample
)  # what a page does is the same on all data: where CI has the full sets it is seen on the sample alone
PAGES = {entry.address: entry for entry in navigation.PAGES}
SHOTS = os.environ.get("SCREENSHOTS")
expect.set_options(timeout=120_000)  # a machine that is busy with other tests takes its time
FULL = (datasets.folder() / "MNIST").exists()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    log = folder / "log"
    shutil.copytree(checkpoints.FOLDER, folder / "checkpoints")  # what is measured here is not kept
    environment = dict(NOISESCOPE_CHECKPOINTS=str(folder / "checkpoints"), NOISESCOPE_RUNS=str(folder / "runs"))
    with driver.server(log, **environment) as address:
        yield address
    assert "Traceback" not in log.read_text()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab; whatever goes wrong in it fails the test."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    problems += [e.inner_text() for e in page.locator("[data-testid=stException]").all()]
    text = page.locator("body").inner_text()
    page.close()
    assert not problems
    assert "DeltaGenerator(" not in text
    assert "Traceback" not in text


def visit(page: Page, url: str) -> None:
    """Open a page and wait for its end: a press while it is still being written may be lost."""
    page.goto(url)
    with suppress(TimeoutError):  # one that breaks off has no words at its end
        page.locator(".words").first.wait_for(state="attached", timeout=20_000)
    driver.settled(page)
    page.wait_for_timeout(200)
    driver.settled(page)


def choose(page: Page, label: str, option: str) -> None:
    """Pick from a list by typing, as a visitor in a hurry does."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.fill(option)
    expect(page.get_by_role("option", name=option)).to_be_visible()
    box.press("Enter")
    driver.settled(page)


def shot(page: Page, name: str) -> None:
    """Keep a picture for README, where that was asked for."""
    if SHOTS:
        page.wait_for_timeout(600)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def count_messages(page: Page) -> None:
    """Count in `window.sent` what the page tells the server from now on."""
    page.evaluate(
        "() => { const send = WebSocket.prototype.send; window.sent = 0; WebSocket.prototype.send = function (d) { window.sent += 1; return send.call(this, d); }; }"
    )


def picture(page: Page, view: str) -> str:
    return str(page.locator(f".input figure.{view} canvas").evaluate("c => c.toDataURL()"))


@ONCE  # and tests/test_pages.py opens every page on all data
@pytest.mark.parametrize("path", PAGES, ids=[*(p or "home" for p in PAGES)])
def test_every_page_opens_by_its_own_link(path: str, page: Page, address: str) -> None:
    visit(page, f"{address}/{path}")
    expect(page.locator("h1")).to_have_text(PAGES[path].asks)
    expect(page).to_have_title(f"{PAGES[path].asks} \u00b7 Noisescope")
    alone = len(navigation.chapters()[PAGES[path].chapter]) == 1
    for label in (PAGES[path].chapter, *([] if alone else [PAGES[path].title])):
        link = page.get_by_role("link", name=label, exact=True).last
        assert link.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), label  # no label is cut
    expect(page.get_by_text("Data: ")).to_be_visible()
    if path not in ("see", "denoise", "learn"):
        shot(page, path or "home")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)
        assert not barriers(page), scheme


CUT = """() => [...document.querySelectorAll("[data-testid=stMainBlockContainer] :is(input[role=combobox], input[type=number], button p, label p)")]
    .filter((e) => {
        const box = e.getBoundingClientRect();
        if (!box.width) return false;
        if (e.scrollWidth > e.clientWidth + 1) return true;
        for (let p = e.parentElement; p; p = p.parentElement) {
            const around = p.getBoundingClientRect();
            if (getComputedStyle(p).overflowX !== "visible" && (box.right > around.right + 1.5 || box.left < around.left - 1.5)) return true;
        }
    }).map((e) => e.value || e.textContent)"""  # what stands in a control and is not whole


def barriers(page: Page) -> list[str]:
    """Name what of a page keeps somebody out, by axe-core's rules: contrast, names, alternative texts, order of headings."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def click_point(page: Page, name: str) -> None:
    """Click the point of a chart that stands for what is called `name`."""
    where = """(g, name) => {
        for (const trace of g._fullData) {
            const k = (trace.customdata || []).findIndex(about => about[0] === name);
            if (k < 0) continue;
            const box = g.getBoundingClientRect(), {xaxis, yaxis} = g._fullLayout;
            return [box.x + xaxis._offset + xaxis.d2p(trace.x[k]), box.y + yaxis._offset + yaxis.d2p(trace.y[k])];
        }
    }"""
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    before = page.url
    for _ in range(3):
        page.mouse.click(*chart.evaluate(where, name))
        page.wait_for_timeout(500)
        driver.settled(page)
        if page.url != before:
            break


@ONCE
def test_a_block_that_is_clicked_shows_what_it_makes_of_the_picture(page: Page, address: str) -> None:
    visit(page, f"{address}/inside?photo=5")
    sheet = page.locator("[data-testid=stImage] img[alt='What the block makes of the attacked picture']")
    before = sheet.get_attribute("src")
    click_point(page, "up3a")
    expect(page).to_have_url(re.compile("block=up3a"))
    expect(
        page.get_by_text("repeat, convolution of Up 4b, after LeakyReLU and Down 3, after LeakyReLU")
    ).to_be_visible()
    expect(sheet).not_to_have_attribute("src", str(before))
    page.get_by_text("that reads digits").click()
    driver.settled(page)
    click_point(page, "relu2")
    expect(page).to_have_url(re.compile("view=digits.*block=relu2"))
    expect(page.get_by_text("ReLU of Layer 2, after pooling")).to_be_visible()


def test_sliding_changes_picture_maps_and_verdict_without_a_round_trip(page: Page, address: str) -> None:
    visit(page, f"{address}/see?image={333 if FULL else 4}&add=FGSM&strength=0")
    verdict = page.locator(".verdict")
    assert picture(page, "seen") == picture(page, "clean")
    expect(verdict).to_have_attribute("data-state", re.compile("right|wrong"))
    before = verdict.inner_text()
    maps = page.locator(".grid canvas").nth(1).evaluate("c => c.toDataURL()")
    sent: list[int] = []
    page.on("websocket", lambda ws: None)
    count_messages(page)
    slider = page.locator("input.strength")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + 9, box["y"] + 12)
    page.mouse.down()
    seen = set()
    for k in range(1, 11):
        page.mouse.move(box["x"] + 9 + k * 0.06 * box["width"], box["y"] + 12)
        seen.add(picture(page, "seen"))
    assert len(seen) >= 9  # it moves while the mouse is down
    assert page.evaluate("window.sent") == 0  # and the server has heard nothing
    page.mouse.up()
    assert not sent
    expect(verdict).to_have_attribute("data-state", re.compile("fooled|wrong"))
    assert verdict.inner_text() != before
    assert page.locator(".grid canvas").nth(1).evaluate("c => c.toDataURL()") != maps
    expect(page).to_have_url(re.compile("strength=0.3"))
    level = page.locator(".level").inner_text()
    driver.settled(page)
    assert page.locator(".level").inner_text() == level  # the rerun leaves the slider where it is
    driver.drag(page, 0.2)
    page.mouse.move(5, 5)
    shot(page, "see")


@pytest.mark.parametrize("name", ["digit-cnn", "digit-mlp"])
def test_the_network_in_the_browser_is_the_one_in_torch(name: str, page: Page, address: str) -> None:
    """Logits, every stage, gradients, FGSM and PGD of a hundred digits."""
    model, test = checkpoints.classifier(name)[0], datasets.load("mnist", "test")
    x, y = test.images(slice(0, 100)), test.labels[:100]
    visit(page, f"{address}/see?network={name}&image=0")
    found = page.evaluate(
        """async ([key, digits, labels, offset]) => {
            const net = await window.noisescopeNetworks.get(key).come;
            return digits.map((digit, i) => {
                const x = Float32Array.from(digit), y = labels[i], out = net.stages(x);
                out.gradient = net.gradient(x, y);
                out.fgsm = net.fgsm(x, y, 0.1);
                out.pgd = net.pgd(x, y, 0.1, offset);
                out.towards = net.pgd(x, 8, 0.1, offset, { sign: -1 });
                return Object.fromEntries(Object.entries(out).map(([name, values]) => [name, Array.from(values)]));
            });
        }""",
        [Trained.named(name).key, x.flatten(1).tolist(), y.tolist(), frames.offset(0).flatten().tolist()],
    )
    expected = {**model.stages(x), "gradient": gradient(model, x, y)}
    for stage, values in expected.items():
        got = torch.tensor([digit[stage] for digit in found])
        torch.testing.assert_close(got, values.flatten(1), atol=1e-4, rtol=0)
    for kind, attack in (("fgsm", FGSM(0.1)), ("pgd", PGD(0.1)), ("towards", TargetedPGD(0.1, target=8))):
        got = torch.tensor([digit[kind] for digit in found])
        far = (got - attack(model, x, y).flatten(1)).abs() > 1e-4
        assert far.float().mean() < 0.01, kind  # where a gradient is zero but for rounding, its sign is anybody's guess


def draw(page: Page, *strokes: tuple[tuple[float, float], ...], lift: bool = True) -> None:
    """Draw on the pad, by the mouse, between points given in shares of its sides."""
    box = page.locator(".pad canvas").bounding_box()
    assert box
    for stroke in strokes:
        first, *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*first)
        page.mouse.down()
        for point in others:
            page.mouse.move(*point, steps=5)
        if lift:
            page.mouse.up()


@ONCE
def test_a_teacher_gives_a_lesson_and_five_students_answer(page: Page, chromium: Browser, address: str) -> None:
    visit(page, f"{address}/")
    page.get_by_role("link", name=re.compile("^Seeing like a network")).click()
    expect(page.get_by_text("step 1 of 8")).to_be_visible()
    page.keyboard.press("PageDown")
    question = page.get_by_role("heading", name=re.compile("^Random noise is added"))
    expect(question).to_be_visible()
    expect(page.locator("h1")).to_have_count(0)  # what is asked about is not shown yet
    page.get_by_role("button", name="Ask a class").click()
    code = page.get_by_text(re.compile("^class code")).inner_text().split()[-1]
    students = [chromium.new_page(viewport={"width": 390, "height": 700}) for _ in range(5)]
    for k, student in enumerate(students):
        student.goto(f"{address}/?class={code.lower()}")
        student.get_by_text(("0.25", "0.15")[k % 2], exact=True).click()
    expect(page.get_by_text("5 of 5 have answered")).to_be_visible()
    expect(page.locator("[data-testid=stHtml]").filter(has_text="have answered")).to_have_text(
        re.compile(r"0\.15\s*2\s*0\.25\s*3")
    )
    shot(page, "lesson")
    shot(students[0], "student")
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".verdict")).to_be_visible()
    for student in students:
        expect(student.get_by_text("Look at the screen in front.")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    for student in students:
        expect(student.get_by_role("heading", name=re.compile("^Now the noise is aimed"))).to_be_visible()
    page.get_by_role("button", name="End the lesson").click()
    expect(page.get_by_text("step 3 of 8")).to_have_count(0)
    expect(students[0].get_by_text("There is no such class now")).to_be_visible()
    for student in students:
        student.close()


def scribble(page: Page, end: float) -> None:
    """Paint over the digit, from side to side and down to a share of its height."""
    box = page.locator(".challenge canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    for k in range(1, 9):
        x, y = 0.9 if k % 2 else 0.1, 0.1 + (end - 0.1) * k / 8
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
    page.mouse.up()


@ONCE
def test_a_class_paints_and_the_teacher_sees_the_board(page: Page, chromium: Browser, address: str) -> None:
    visit(page, f"{address}/challenge?image=20&lesson=seeing-7")
    page.get_by_role("button", name="Ask a class").click()
    code = page.get_by_role("button", name=re.compile("^End class")).inner_text().split()[-1]
    students = [chromium.new_page(viewport={"width": 390, "height": 844}) for _ in range(2)]
    sent = []
    for student, end in zip(students, (0.95, 0.8), strict=True):
        student.goto(f"{address}/?class={code}")
        send = student.get_by_role("button", name="Send it in")
        expect(send).to_be_disabled()  # the digit is read as it was
        scribble(student, end)
        expect(send).to_be_enabled()
        sent.append(int(student.locator(".challenge .figures b").first.inner_text()))
        send.click()
        expect(student.get_by_text(f"{sent[-1]} pixels")).to_be_visible()
        expect(student.get_by_text(re.compile(r"You are \w+ \w+\."))).to_be_visible()
    expect(page.get_by_text("of 2 who have fooled it")).to_be_visible()  # by itself
    shot(page, "challenge")
    shot(students[0], "easel")
    page.get_by_role("button", name="Back").click()
    expect(students[0].get_by_role("heading", name=re.compile("^How many pixels"))).to_be_visible()
    for student in students:
        student.close()


@ONCE
def test_the_presenters_view_has_picture_and_answer_above_the_fold(chromium: Browser, address: str) -> None:
    page = chromium.new_page(viewport={"width": 1024, "height": 768})
    for path in ("/?image=5&add=FGSM&strength=0.1&present=1", "/see?image=5&add=FGSM&strength=0.1&present=1"):
        visit(page, address + path)
        expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
        for part in (".verdict", ":is(.seen, .input) canvas >> nth=0"):
            box = page.locator(part).bounding_box()
            assert box
            assert 0 <= box["y"] < 768 - box["height"], (path, part)
            assert 0 <= box["x"] <= 1024 - box["width"], (path, part)
        small = page.locator("[data-testid=stMainBlockContainer]").evaluate(
            """main => {
                const found = [], walk = (root) => root.querySelectorAll('*').forEach((e) => {
                    if (e.shadowRoot) walk(e.shadowRoot);
                    const speaks = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && e.offsetParent;
                    if (speaks && parseFloat(getComputedStyle(e).fontSize) * 1.46 < 16) found.push(e.textContent);
                });
                walk(main);
                return found;
            }"""
        )
        assert not small
        shot(page, "presented")
    for path in ("see?network=digit-cnn-robust&add=ReplaceGaussian", "similar", "fooled", "break"):
        visit(page, f"{address}/{path}{'&' if '?' in path else '?'}present=1")
        assert not page.evaluate(CUT), path
    ends = page.locator(".main-svg").evaluate_all("all => all.map((e) => e.getBoundingClientRect().right)")
    assert 900 < max(ends) <= 1024  # charts are whole, too
    page.close()


@ONCE
def test_the_link_of_what_is_shown_can_be_copied(page: Page, address: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, f"{address}/see?image=4&add=FGSM&strength=0.2")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


@ONCE
def test_one_click_on_a_class_aims_at_it(page: Page, address: str) -> None:
    visit(page, f"{address}/see?image=5&add=SaltAndPepper&strength=0.3")
    page.get_by_role("button", name="Make it read as a 3").click()
    expect(page).to_have_url(re.compile("add=TargetedPGD&target=3$"))
    driver.settled(page)
    page.get_by_role("button", name="Make it read as a 0").click()
    expect(page).to_have_url(re.compile("add=TargetedPGD&target=0$"))
    driver.drag(page, 1.0)
    expect(page.locator(".verdict")).to_have_text(re.compile("→ 0, "))


SEVEN = ((0.3, 0.2), (0.75, 0.2), (0.45, 0.85))


@ONCE
def test_a_digit_is_read_and_attacked_while_it_is_drawn_and_follows_to_other_pages(page: Page, address: str) -> None:
    visit(page, f"{address}/")
    verdict = page.locator(".verdict")
    expect(verdict).to_have_attribute("data-state", "right")
    page.get_by_role("radio", name="aimed at it").click()
    expect(page).to_have_url(re.compile("add=FGSM&strength=0.1$"))
    driver.settled(page)
    count_messages(page)
    draw(page, SEVEN, lift=False)
    expect(verdict).to_have_text(re.compile("^7, .* sure: the answer"))
    assert page.evaluate("window.sent") == 0  # the server has heard nothing
    page.mouse.up()
    expect(page).to_have_url(re.compile("way=draw&add=FGSM"))
    page.locator(".target select").select_option("a 3")
    driver.drag(page, 0.9)
    expect(page).to_have_url(re.compile("add=TargetedPGD&target=3&strength=0.2"))
    expect(verdict).to_have_text(re.compile("→ 3, .*changed$"))
    driver.settled(page)
    shot(page, "start")
    said = verdict.inner_text()
    page.locator("[data-testid=stMain]").get_by_role("link", name="Look inside").click()
    page.wait_for_url("**/see?**")
    expect(verdict).to_have_text(said)  # the same drawing under the same attack, now by the server
    page.reload()
    expect(verdict).to_have_text(said)


@ONCE
def test_layers_follow_the_pen(page: Page, address: str) -> None:
    visit(page, f"{address}/see?way=draw&add=PGD&strength=0.1")
    maps = page.locator(".grid canvas")
    before = [maps.nth(k).evaluate("c => c.toDataURL()") for k in (0, 1, 9, 10)]
    count_messages(page)
    draw(page, SEVEN, lift=False)
    expect(page.locator(".verdict")).to_have_text(re.compile("^7, "))
    assert all(maps.nth(k).evaluate("c => c.toDataURL()") != b for k, b in zip((0, 1, 9, 10), before, strict=True))
    assert page.evaluate("window.sent") == 0
    said = page.locator(".verdict").inner_text()
    page.mouse.up()
    driver.settled(page)
    page.wait_for_timeout(500)
    expect(page.locator(".verdict")).to_have_text(said)


@ONCE
def test_the_keyboard_slides_too(page: Page, address: str) -> None:
    visit(page, f"{address}/see?image=5&add=FGSM&strength=0.1")
    slider = page.locator("input.strength")
    slider.focus()
    start = int(slider.input_value())
    page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == start + 1
    page.keyboard.press("End")
    assert slider.input_value() == slider.get_attribute("max")
    expect(page.locator(".level")).to_have_text("0.50")
    page.keyboard.press("Home")
    expect(page.locator(".level")).to_have_text("0.00")
    assert picture(page, "seen") == picture(page, "clean")
    page.locator("button.play").click()
    expect(page.locator(".level")).not_to_have_text("0.00")
    page.locator("button.play").click()


@pytest.mark.skipif(not FULL, reason="the study's images are MNIST's")
def test_the_studys_example_is_one_click(page: Page, address: str) -> None:
    visit(page, f"{address}/see")
    driver.drag(page, 0.9)
    expect(page).to_have_url(re.compile("strength=0.4"))
    page.get_by_role("button", name="A 9 under attack").click()
    expect(page.locator(".verdict")).to_have_text(re.compile(r"^9, 9\d % sure → 7, 9\d % sure: fooled$"))
    expect(page).to_have_url(re.compile("image=20&.*strength=0.1$"))
    expect(page.locator(".level")).to_have_text("0.10")


@ONCE
def test_a_held_arrow_key_is_not_pulled_back(page: Page, address: str) -> None:
    """Every press tells the server, whose answers come late."""
    visit(page, f"{address}/see?image=8&add=FGSM&strength=0")
    expect(page.get_by_text("Data: ")).to_be_visible()
    driver.settled(page)  # a press on a page that is still being written may be lost
    page.locator("input.strength").focus()
    for _ in range(25):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(33)
    driver.settled(page)
    expect(page.locator(".level")).to_have_text("0.25")
    expect(page).to_have_url(re.compile("strength=0.25$"))


@ONCE
def test_changing_what_is_added_starts_a_new_slider(page: Page, address: str) -> None:
    visit(page, f"{address}/see?image=3&add=FGSM&strength=0.4")
    expect(page.locator(".level")).to_have_text("0.40")
    choose(page, "We add", "Poisson")
    expect(page.locator(".name")).to_have_text("Light (photons per pixel)")
    expect(page.get_by_text("The address asks for")).to_have_count(0)
    driver.drag(page, 1.0)
    expect(page.locator(".level")).to_have_text("1")
    expect(page).to_have_url(re.compile("strength=1$"))
    page.get_by_label("Number, 0 to").fill("5")
    page.get_by_label("Number, 0 to").press("Enter")
    expect(page).to_have_url(re.compile("image=5&"))
    driver.settled(page)
    expect(page.locator(".level")).to_have_text("1")  # another image, the same place


@ONCE
def test_a_map_enlarges_and_a_unit_shows_its_formula(page: Page, address: str) -> None:
    """The numbers add up: bias plus products is what the unit says, clean and seen."""
    visit(page, f"{address}/see?image=3&add=SaltAndPepper&strength=0.2")
    for label in ("Layer 1 map 2, seen", "Layer 2 map 4, seen"):
        page.get_by_role("button", name=label).click()
        panel = page.locator(".inspector")
        expect(panel).to_be_visible()
        panel.locator(".large canvas").nth(1).click(position={"x": 60, "y": 60})
        rows = [row.split("\t") for row in panel.locator("tr").all_inner_texts()[1:]]
        values = [[float(v.replace("\u2212", "-")) for v in row[1:3]] for row in rows]
        *parts, unit = values
        for column in (0, 1):
            assert sum(part[column] for part in parts) == pytest.approx(unit[column], abs=0.004)
        assert page.locator(".input .box").count() == 3
    shot(page, "unit")
    page.get_by_role("button", name="Hidden map 1, seen").click()
    page.locator(".inspector .large canvas").nth(1).click(position={"x": 70, "y": 40})
    rows = [row.split("\t") for row in page.locator(".inspector tr").all_inner_texts()[1:]]
    *parts, total, unit = ([float(v.replace("\u2212", "-")) for v in row[1:3]] for row in rows)
    for column in (0, 1):
        assert sum(part[column] for part in parts) == pytest.approx(total[column], abs=0.005)
        assert max(0, total[column]) == pytest.approx(unit[column], abs=0.01)
    page.locator(".group select").nth(1).select_option(label="after pooling")
    expect(page.get_by_role("button", name="Layer 2 map 4, seen")).to_be_visible()
    assert page.get_by_role("button", name="Layer 2 map 4, seen").locator("canvas").get_attribute("width") == "4"
    for scale in ("map", "layer", "shared"):
        page.locator(".scale-choice").select_option(scale)
    page.get_by_role("button", name="Layer 2 map 4, seen").click()
    largest = [
        [float(v.replace("\u2212", "-")) for v in row.split("\t")[1:3]]
        for row in page.locator(".inspector tr").all_inner_texts()[1:]
    ]
    assert [max(v[c] for v in largest[:4]) for c in (0, 1)] == pytest.approx(largest[4], abs=0.004)


@ONCE
def test_without_a_mouse_maps_are_one_stop_and_escape_gives_the_focus_back(page: Page, address: str) -> None:
    visit(page, f"{address}/see?image=333&add=FGSM&strength=0.1")
    expect(page.locator("button.tile").nth(10)).to_be_attached()
    stop = page.locator("button.tile[tabindex='0']")
    expect(stop).to_have_count(1)
    stop.focus()
    first = page.locator("button.tile:focus").get_attribute("title")
    page.keyboard.press("ArrowDown")
    below = page.locator("button.tile:focus")
    expect(stop).to_have_count(1)
    assert below.get_attribute("title") != first
    title = below.get_attribute("title")
    page.keyboard.press("Enter")
    inspector = page.locator(".inspector")
    expect(inspector).to_be_visible()
    expect(page).to_have_url(re.compile("point="))
    large = inspector.locator("canvas[data-view=seen]")
    large.focus()
    before = inspector.locator("p").first.inner_text()
    page.keyboard.press("ArrowRight")
    expect(inspector.locator("p").first).not_to_have_text(before)
    expect(inspector.locator("canvas[data-view=seen]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(inspector).to_be_hidden()
    assert page.locator("button.tile:focus").get_attribute("title") == title


@ONCE
def test_without_a_mouse_a_digit_is_drawn_and_a_slider_takes_large_steps(page: Page, address: str) -> None:
    visit(page, f"{address}/")
    page.get_by_role("button", name="clear").click()
    pad = page.locator(".pad canvas")
    pad.focus()
    for key in ("ArrowUp", *["ArrowUp"] * 7, " ", *["ArrowDown"] * 16, " "):
        page.keyboard.press(key)
    expect(page.locator(".verdict")).to_contain_text("1")
    ink = pad.evaluate(
        "c => c.getContext('2d').getImageData(0, 0, 280, 280).data.filter((v, i) => i % 4 === 3 && v > 128).length"
    )
    assert ink > 2000
    slider = page.locator("input.strength")
    slider.focus()
    at = int(slider.input_value())
    page.keyboard.press("Shift+ArrowRight")
    assert int(slider.input_value()) == at + 10
    page.keyboard.press("ArrowLeft")
    assert int(slider.input_value()) == at + 9


@ONCE
def test_a_cell_of_transfer_opens_its_attack(page: Page, address: str) -> None:
    visit(page, f"{address}/transfer")
    expect(page.locator(".strip canvas").first).to_be_visible()
    figure = page.locator(".js-plotly-plot .nsewdrag").first
    box = figure.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 3)  # the first cell: not near its middle
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    expect(page).to_have_url(re.compile("to=n2n-gaussian-50"))
    expect(page.get_by_text("n2n-gaussian-50 of it").first).to_be_visible()


@ONCE
def test_a_digit_drawn_by_hand_is_read_and_an_empty_pad_says_so(page: Page, address: str) -> None:
    visit(page, f"{address}/see?way=draw")
    expect(page.get_by_text("Draw a digit on the pad")).to_be_visible()
    draw(page, ((0.5, 0.18), (0.48, 0.83)))
    expect(page.locator(".verdict")).to_have_text(re.compile("the answer"))
    driver.settled(page)
    expect(page.locator(".input figure.clean canvas")).to_be_visible()
    shot(page, "draw")
    page.locator(".pad button").click()
    expect(page.get_by_text("Draw a digit on the pad")).to_be_visible()


@ONCE
def test_a_bad_file_and_a_bad_address_are_one_sentence(page: Page, address: str, tmp_path: Path) -> None:
    visit(page, f"{address}/see?image=10000&way=upload")
    expect(page.get_by_text("The address asks for test image 10000")).to_be_visible()
    for name, content, sentence in (
        ("bomb.png", bomb(20_000, 20_000), "larger than the 40 million pixels"),
        ("letter.png", b"Dear network", "not a PNG, JPEG or WebP picture"),
    ):
        (tmp_path / name).write_bytes(content)
        page.locator("input[type=file]").set_input_files(tmp_path / name)
        expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.locator("h1")).to_have_text("What does the network see?")


def test_measuring_shows_progress_and_stops(page: Page, address: str) -> None:
    visit(page, f"{address}/break?view=attack")
    page.get_by_role("radiogroup", name="Under which noise or attack").get_by_text("PGD").click()
    driver.settled(page)
    driver.settled(page)
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text(re.compile("digit-cnn, PGD: .* images, about"))).to_be_visible()
    stop = page.get_by_role("button", name="Stop")
    while stop.count():  # drawn anew, or gone with the measurement's end, in the very moment of the click
        with suppress(playwright.TimeoutError):
            stop.click(timeout=5_000)
        page.wait_for_timeout(1_000)


@ONCE
def test_it_is_legible_in_the_dark_and_on_a_phone(chromium: Browser, address: str) -> None:
    dark = chromium.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    visit(dark, f"{address}/see?image=12&add=PGD&strength=0.1")
    assert dark.locator(".scrub").evaluate("e => getComputedStyle(e).color") != "rgb(43, 43, 43)"
    shot(dark, "dark")
    dark.close()
    phone = chromium.new_page(viewport={"width": 390, "height": 800})
    visit(phone, f"{address}/see?image=3")
    expect(phone.locator(".verdict")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    for path in ("inside", "alike"):
        visit(phone, f"{address}/{path}")
        expect(phone.locator(".js-plotly-plot").last).to_be_visible()
        widths = phone.locator(".js-plotly-plot").evaluate_all("all => all.map((e) => e.clientWidth)")
        assert min(widths) > 300, path  # a chart does not share its row with pictures
        assert not phone.evaluate(CUT), path
    phone.close()


def tile(page: Page, title: str) -> str:
    """The pixels of one picture of a strip."""
    figure = page.locator(".strip figure").filter(has=page.locator(f"b:text-is('{title}')"))
    return str(figure.locator("canvas").evaluate("c => c.toDataURL()"))


def whole(page: Page) -> None:
    """Wait until the strip has all its levels."""
    expect(page.locator(".strip.some")).to_have_count(0)


def test_sliding_noise_moves_every_picture_of_the_strip_without_a_round_trip_and_the_gallery_where_it_rests(
    page: Page, address: str
) -> None:
    visit(page, f"{address}/denoise?photo=17&add=Gaussian&strength=0&denoiser=n2n-gaussian-50&all=True")
    expect(page.locator(".strip.follows figure.best")).to_have_count(1)
    whole(page)
    live, resting = ("noisy", "denoised", "removed", "still wrong"), ("n2n-impulse-0.2", "wavelet")
    assert tile(page, "noisy") == tile(page, "original")
    before = {title: tile(page, title) for title in (*live, *resting)}
    count_messages(page)
    slider = page.locator(".strip:not(.follows) input.strength")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + 9, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 12, steps=5)
    assert all(tile(page, title) != before[title] for title in live)
    assert page.evaluate("window.sent") == 0
    expect(page.locator(".strip.follows.near")).to_have_count(1)
    page.mouse.up()
    expect(page).to_have_url(re.compile("strength=(48|50|52).*all=True|all=True.*strength=(48|50|52)"))
    driver.settled(page)
    expect(page.locator(".strip:not(.follows) .level")).to_have_text(re.compile("^(48|50|52) grey levels$"))
    expect(page.get_by_text("All networks on the same noisy picture")).to_be_visible()
    expect(page.locator(".strip.follows.near")).to_have_count(0, timeout=60_000)
    assert all(tile(page, title) != before[title] for title in resting)


@ONCE
def test_a_new_picture_shows_the_nearest_level_and_says_so_until_somebody_stays(page: Page, address: str) -> None:
    visit(page, f"{address}/denoise?photo=18&add=Gaussian&strength=45&denoiser=n2n-gaussian-50")
    level = page.locator(".strip .level")
    expect(page.locator(".strip.some")).to_have_count(1)
    expect(level).to_have_text("45 grey levels, shown: 50")
    before = tile(page, "denoised")
    whole(page)
    expect(level).to_have_text("45 grey levels")
    assert tile(page, "denoised") != before
    expect(page).to_have_url(re.compile("strength=45"))


def view(page: Page, side: str) -> str:
    """The pixels of the photograph's stage, left (over) or right (under) of the line."""
    return str(page.locator(f".photograph canvas.{side}").evaluate("c => c.toDataURL()"))


SLIDE = """(root, levels) => {
  const slider = root.querySelector(".strength"), pixels = (side) => root.querySelector(`canvas.${side}`).toDataURL(), before = window.sent;
  const seen = levels.map((level) => {
    slider.value = level;
    slider.dispatchEvent(new Event("input"));
    return [root.querySelector(".state").textContent, pixels("over"), pixels("under")];
  });
  return { seen, sent: window.sent - before };
}"""


def arrived(page: Page) -> None:
    """Wait until every piece of the photograph is there."""
    expect(page.get_by_text("Sent: previews")).to_be_visible(timeout=180_000)


@ONCE
def test_a_photograph_comes_first_and_slides_without_waiting_and_sharpens_where_it_rests(
    page: Page, address: str
) -> None:
    visit(page, f"{address}/denoise")
    root, state = page.locator(".photograph"), page.locator(".photograph .state")
    expect(page.get_by_text("Data: the photograph “astronaut”")).to_be_visible()
    arrived(page)
    expect(root).to_have_attribute("data-shown", "full")
    expect(page.locator(".photograph .level")).to_have_text("50 grey levels")
    before = [view(page, "over"), view(page, "under")]
    count_messages(page)
    moved = root.evaluate(SLIDE, [9, 8, 7, 6, 5])
    assert {state for state, *_ in moved["seen"]} == {"preview, 256 x 256 pixels"}
    assert len({over for _, over, _ in moved["seen"]}) == len({under for *_, under in moved["seen"]}) == 5
    assert before not in [pixels for _, *pixels in moved["seen"]]
    assert moved["sent"] == 0  # the server has heard nothing
    slider = page.locator(".photograph input.strength")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.255 * box["width"], box["y"] + box["height"] / 2)
    expect(page.locator(".photograph .level")).to_have_text("25 grey levels")
    expect(root).to_have_attribute("data-shown", "full")  # it rests, and the mouse is still down
    expect(state).to_have_text(re.compile("^full size: SSIM"))
    assert view(page, "over") != moved["seen"][-1][1]
    expect(page.locator(".photograph .level")).to_have_text("25 grey levels")
    page.mouse.up()
    expect(page).to_have_url(re.compile("strength=25"))
    arrived(page)
    expect(page.locator(".photograph .level")).to_have_text("25 grey levels")
    rows = [rf"{name}\s*\d+\.\d dB" for name in ("n2n-gaussian-50", "median", "non-local means", "total variation")]
    tried = 5 + (find_spec("bm3d") is not None)
    expect(page.locator(".photograph .methods tr").filter(has_text=" dB")).to_have_count(tried, timeout=180_000)
    expect(page.locator(".photograph .methods")).to_have_text(re.compile(".*".join(rows)))
    shot(page, "denoise")


@ONCE
def test_the_line_and_its_grip_are_in_one_place_and_stay_there(page: Page, address: str) -> None:
    visit(page, f"{address}/denoise?from=photograph&name=coffee&add=Gaussian&strength=50")
    arrived(page)
    stage = page.locator(".photograph .stage")
    box = stage.bounding_box()
    assert box

    def line() -> float:
        line = page.locator(".photograph .line").bounding_box()
        assert line
        assert box
        return (line["x"] + line["width"] / 2 - box["x"]) / box["width"]

    for share in (0.75, 0.25):
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 50, steps=4)
        page.mouse.up()
        assert line() == pytest.approx(share, abs=0.01)
        assert float(page.locator(".photograph .at").input_value()) == pytest.approx(1000 * share, abs=10)
    shown = {view(page, "under")}
    for name in ("original", "removed", "still wrong", "median"):
        page.locator(".photograph").get_by_role("radio", name=name).click()
        shown.add(view(page, "under"))
        assert line() == pytest.approx(0.25, abs=0.01)
        expect(page.locator(".photograph .tag.right")).to_have_text(name)
    assert len(shown) == 5
    page.locator(".photograph .at").focus()
    page.keyboard.press("End")
    assert line() == pytest.approx(1, abs=0.001)
    page.keyboard.press("Home")
    assert line() == pytest.approx(0, abs=0.001)
    page.locator(".photograph").get_by_role("radio", name="noisy").click()
    page.locator(".photograph .at").focus()
    for _ in range(4):
        page.keyboard.press("PageUp")
    shot(page, "wipe")


@ONCE
def test_a_photograph_that_is_brought_goes_the_same_way(page: Page, address: str) -> None:
    visit(page, f"{address}/denoise?from=upload")
    picture = saved(Image.fromarray(photograph("chelsea")[:200, :300]))
    page.locator("input[type=file]").set_input_files(FilePayload(name="a.png", mimeType="image/png", buffer=picture))
    expect(page.locator(".photograph")).to_have_attribute("data-shown", "full")
    expect(page.get_by_text("Data: your picture, which is not kept on disk, 300 x 200 pixels")).to_be_visible()


@ONCE
def test_a_picture_too_large_is_refused_in_one_sentence(page: Page, address: str) -> None:
    visit(page, f"{address}/denoise?from=upload")
    file = FilePayload(name="bomb.png", mimeType="image/png", buffer=bomb(40_000, 40_000))
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("This picture is larger than the 40 million pixels")).to_be_visible()


@ONCE
def test_a_click_on_a_bar_shows_its_images(page: Page, address: str) -> None:
    visit(page, f"{address}/quality")
    bars = page.locator(".barlayer .trace .points path")
    expect(bars.first).to_be_attached()
    tallest = max(range(bars.count()), key=lambda k: (bars.nth(k).bounding_box() or {"height": 0})["height"])
    box = bars.nth(tallest).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 3)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 3)
    expect(page.get_by_text("images lie in that bar")).to_be_visible()
    shot(page, "quality")


@ONCE
@pytest.mark.parametrize("view", ["pair", "statistic", "losses", "clean", "photons", "clipping"])
def test_every_view_of_learning_is_drawn(view: str, page: Page, address: str) -> None:
    visit(page, f"{address}/learn?view={view}")
    expect(page.locator(".strip canvas, .js-plotly-plot, [data-testid=stImage]").first).to_be_visible()
    expect(page.get_by_text("Not here yet")).to_have_count(0)
    shot(page, f"learn-{view}")


@ONCE
def test_a_card_can_be_downloaded(page: Page, address: str) -> None:
    visit(page, f"{address}/cards?card=n2n-gaussian-50")
    with page.expect_download() as download:
        page.get_by_role("button", name="Weights").click()
    assert download.value.suggested_filename == "n2n-gaussian-50.safetensors"
    shot(page, "cards")


def test_dragging_through_an_attack_moves_every_picture_without_a_round_trip(page: Page, address: str) -> None:
    visit(page, f"{address}/fooled?photo=17&denoiser=n2n-gaussian-50&attack=DAG&at=0")
    titles = (
        "adversarial",
        "adversarial, denoised",
        "what the attack adds",
        "chance, as strong",
        "chance, denoised",
        "mask T",
    )
    expect(page.locator(".strip .level")).to_have_text(re.compile("^0 of 40$"))
    assert tile(page, "adversarial") == tile(page, "original")
    before = {title: tile(page, title) for title in titles}
    count_messages(page)
    whole(page)
    sent = page.evaluate("window.sent")
    slider = page.locator(".strip input.strength")
    slider.focus()
    slider.evaluate("s => { s.value = s.max; s.dispatchEvent(new Event('input')); }")
    assert all(tile(page, title) != pixels for title, pixels in before.items() if title != "mask T")
    assert page.evaluate("window.sent") == sent
    expect(page.locator(".strip .level")).to_have_text("40 of 40")
    page.locator(".strip").hover()
    shot(page, "fooled")


@ONCE
def test_pushing_a_picture_moves_every_picture_without_a_round_trip(page: Page, address: str) -> None:
    visit(page, f"{address}/directions?photo=17&denoiser=n2n-gaussian-50&at=0")
    expect(page.locator(".strip .level")).to_have_text(re.compile(r"^0 L2$"))
    titles = [f"along {name}" for name in ("v1", "DAG", "L2PGD", "Jᵀn", "white noise")]
    before = {title: tile(page, title) for title in titles}
    assert len(set(before.values())) == 1
    count_messages(page)
    page.locator(".strip input.strength").focus()
    page.keyboard.press("End")
    expect(page.locator(".strip .level")).to_have_text("3 L2")
    assert len({tile(page, title) for title in titles}) == len(titles)
    expect(page.locator(".strip polyline")).to_have_count(10)
    expect(page.locator(".js-plotly-plot")).to_have_count(1)


@ONCE
def test_a_digit_moves_along_two_lines_without_a_round_trip(page: Page, address: str) -> None:
    visit(page, f"{address}/linear?at=20")
    charts, titles = page.locator(".charts .chart"), ("along the attack", "along chance")
    expect(charts).to_have_count(2)
    before = {title: tile(page, title) for title in titles}
    assert set(before.values()) == {tile(page, "the digit")}  # t = 0
    cursors = [charts.nth(k).locator(".cursor") for k in (0, 1)]
    middle = cursors[0].get_attribute("x1")
    assert cursors[1].get_attribute("x1") == middle
    count_messages(page)
    page.locator(".strip input.strength").press("End")
    assert all(tile(page, title) != pixels for title, pixels in before.items())
    assert all(cursor.get_attribute("x1") != middle for cursor in cursors)
    expect(page.locator(".strip .level")).to_have_text("0.5 of the grey range")
    shot(page, "linear")


@ONCE
def test_all_seven_networks_are_attacked_on_one_page(page: Page, address: str) -> None:
    visit(page, f"{address}/fooled?photo=17&attack=ObsAtk&steps=5")
    page.get_by_text("Attack them all").click()
    expect(page.get_by_text("n2n-impulse-0.5", exact=True)).to_be_visible(timeout=180_000)
    driver.settled(page)
    expect(page.locator("[data-testid=stImage] img")).to_have_count(42)


@ONCE
def test_why_noise_and_adversarial_noise_look_alike_is_drawn(page: Page, address: str) -> None:
    visit(page, f"{address}/alike?photo=17")
    expect(page.get_by_text("Correlation of n with").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    shot(page, "alike")


@ONCE
def test_the_search_for_a_pixel_is_watched_generation_by_generation(page: Page, address: str) -> None:
    visit(page, f"{address}/pixels?image=20&pixels=3")
    before = tile(page, "all candidates")
    slider = page.locator(".strip input.strength")
    slider.focus()
    page.keyboard.press("End")
    assert tile(page, "all candidates") != before
    expect(page.get_by_text("Single pixels that change the answer")).to_be_visible()
    shot(page, "pixels")


def test_the_denoiser_as_a_defence_is_drawn_and_tried_on_a_digit(page: Page, address: str) -> None:
    visit(page, f"{address}/defence?image=3&epsilon=0.2")
    expect(page.locator(".strip figure")).to_have_count(8)
    expect(page.locator(".strip:not(.some)")).to_be_visible()  # every strength has come
    sent = page.locator(".strip figure").nth(2)
    before = sent.inner_text()  # its L2 grows
    page.locator("input.strength").press("ArrowRight")
    expect(sent).not_to_have_text(before, use_inner_text=True)
    expect(page).to_have_url(re.compile("epsilon=0.3"))
    shot(page, "defence")


def test_a_guarantee_follows_the_noise_and_is_attacked(page: Page, address: str) -> None:
    visit(page, f"{address}/certificate?image=3&at=2")
    expect(page.get_by_text(re.compile("votes say [0-9]")).first).to_be_visible()
    expect(page.locator("[data-testid=stImage] img")).to_have_count(7)
    before = tile(page, "noisy")
    page.locator(".strip input.strength").focus()
    page.keyboard.press("ArrowRight")
    assert tile(page, "noisy") != before
    expect(page).to_have_url(re.compile("at=3"))
    expect(page.get_by_text("The votes at sigma 0.4").first).to_be_visible()
    shot(page, "certificate")


@pytest.mark.parametrize("name", ["often", "transfer", "study"])
def test_what_was_measured_of_attacks_is_shown(name: str, page: Page, address: str) -> None:
    visit(page, f"{address}/{name}{'?part=all' if name == 'study' else ''}")
    expect(page.get_by_text("n2n-gaussian-50").first).to_be_visible()
    needs = ("worst", "features", "constructed") if name == "study" else ("worst", "transfer")
    if not any(EXPERIMENTS[experiment].stale() for experiment in needs):
        expect(page.locator("p").get_by_text("not measured yet")).to_have_count(0)  # a snippet may say so
    shot(page, name)


@ONCE
def test_a_run_is_launched_watched_stopped_resumed_adopted_and_used(page: Page, address: str) -> None:
    visit(page, f"{address}/train")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("200")  # of the sample they are short
    epochs.press("Enter")
    driver.settled(page)
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("at work")).to_be_visible()
    done = page.get_by_text(re.compile(r"Step [\d,]+ of"))
    expect(done).to_be_visible()
    expect(page.locator(".strip")).to_be_visible()
    expect(page.locator(".strip .level")).to_have_text(re.compile("[1-9][0-9]* of"))  # an epoch is over
    first = done.inner_text()
    expect(done).not_to_have_text(first)  # it grows while one watches
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("stopped").first).to_be_visible()
    driver.settled(page)
    shot(page, "train")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("at work")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Adopt").click()
    name = page.get_by_role("textbox", name=re.compile("^Name"))
    name.fill("seen-to-learn")
    name.press("Enter")
    page.get_by_role("button", name="Adopt its network").click()
    expect(page.get_by_text("seen-to-learn is adopted")).to_be_visible()
    expect(page.get_by_role("button", name="Measure it")).to_be_visible()
    page.get_by_role("link", name="Every layer", exact=True).last.click()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page).to_have_url(re.compile("network=seen-to-learn"))
    visit(page, f"{address}/see?image=3&network=seen-to-learn")
    expect(page.locator(".verdict")).to_be_visible()
    visit(page, f"{address}/cards?card=seen-to-learn")
    expect(page.get_by_text("python -m core measure accuracy seen-to-learn")).to_be_visible()
    page.get_by_role("button", name="Measure it").click()
    expect(page.get_by_text("MNIST is not here" if not FULL else "Measuring seen-to-learn")).to_be_visible()


@ONCE
def test_a_run_outlives_its_app_and_is_steered_from_another(tmp_path: Path, page: Page) -> None:
    environment = dict(NOISESCOPE_RUNS=str(tmp_path / "runs"))
    with driver.server(tmp_path / "second", **environment) as other:
        with driver.server(tmp_path / "first", **environment) as address:
            visit(page, f"{address}/train")
            epochs = page.get_by_role("spinbutton", name="Epochs")
            epochs.fill("200")
            epochs.press("Enter")
            driver.settled(page)
            page.get_by_role("button", name="Launch").click()
            expect(page.get_by_text("at work")).to_be_visible()
        visit(page, f"{other}/train")
        expect(page.get_by_text("at work")).to_be_visible()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("stopped").first).to_be_visible()
    for log in ("first", "second"):
        assert "Traceback" not in (tmp_path / log).read_text()


@ONCE
def test_a_double_click_deletes_one_run_and_what_moves_up_asks_again(tmp_path: Path, page: Page) -> None:
    for k in (1, 2):
        shutil.copytree(
            checkpoints.FOLDER / "results" / "accuracy", tmp_path / "runs" / f"half-{k}"
        )  # no runs: damaged
    with driver.server(tmp_path / "log", NOISESCOPE_RUNS=str(tmp_path / "runs")) as address:
        visit(page, f"{address}/train")
        page.get_by_role("button", name="Delete half-1").click()
        delete = page.get_by_role("button", name="Delete it")
        expect(delete).to_be_disabled()
        page.get_by_text("Yes, delete half-1").click()
        expect(delete).to_be_enabled()
        box = delete.bounding_box()
        assert box
        delete.dblclick()
        expect(page.get_by_text("half-1 is deleted.")).to_be_visible()
        driver.settled(page)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # an impatient third one
        driver.settled(page)
        page.keyboard.press("Escape")
        expect(delete).to_have_count(0)
        page.get_by_role("button", name="Delete half-2").click()
        delete.click(force=True)
        driver.settled(page)
        expect(page.get_by_text("Yes, delete half-2")).to_be_visible()
        expect(delete).to_be_disabled()
        shot(page, "double")
        assert [file.name for file in (tmp_path / "runs").glob("half*")] == ["half-2"]


@ONCE
def test_who_has_no_token_may_watch_and_not_launch(tmp_path: Path, page: Page) -> None:
    environment = dict(NOISESCOPE_RUNS=str(tmp_path / "runs"), NOISESCOPE_TRAINING="token", NOISESCOPE_TOKEN="hush")
    with driver.server(tmp_path / "log", **environment) as address:
        visit(page, f"{address}/train")
        expect(page.get_by_text("There is no run yet")).to_be_visible()
        expect(page.get_by_text("Start a run")).to_have_count(0)
        token = page.get_by_role("textbox", name="Token")
        token.fill("wrong")
        token.press("Enter")
        expect(page.get_by_text("This is not the token.")).to_be_visible()
        token.fill("hush")
        token.press("Enter")
        expect(page.get_by_role("button", name="Launch")).to_be_visible()


def test_this_machine_has_two_names_here_and_a_tunnel_to_it_is_another(address: str, page: Page) -> None:
    port = int(address.rpartition(":")[2])
    for name in ("127.0.0.1", "localhost"):
        page.goto(f"http://{name}:{port}/train")
        expect(page.get_by_text("Start a run", exact=True)).to_be_visible()  # it is timed on: no need to wait for that
    with driver.tunnel(port) as other:
        visit(page, f"http://localhost:{other}/train")
        expect(page.get_by_role("textbox", name="Token")).to_be_visible()
        expect(page.get_by_text("Start a run")).to_have_count(0)
        visit(page, f"http://localhost:{other}/break")
        page.get_by_role("button", name="Measure").click()
        expect(page.get_by_text("Who knows this server's token")).to_be_visible()
        page.goto("about:blank")


@ONCE
def test_words_in_the_address_stay_words(address: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, f"{address}/see?network={quote(' '.join(ATTACKS.values()))}")
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("which is not offered here")
    shown = re.sub(rf"[`\s{JOINER}]", "", alert.inner_text())
    for words in ATTACKS.values():
        assert re.sub(r"[`\s]", "", repr(words)[1:-1]) in shown
    assert alert.locator("a, img, .katex, em, strong, del, h1, [style*=color]").count() == 0
    assert not [url for url in asked if not url.startswith(address) and not url.startswith(("data:", "blob:"))]


@ONCE
def test_only_its_own_pages_may_frame_it(address: str, page: Page) -> None:
    stranger, frame = "http://stranger.test/", f"<iframe src='{address}/see?embed=true' width=900 height=700></iframe>"
    page.route(f"{stranger}**", lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(stranger)
    page.frames[1].wait_for_url("chrome-error://chromewebdata/", wait_until="commit")
    page.goto(f"{address}/_stcore/health")
    page.evaluate("frame => { document.body.innerHTML = frame }", frame)
    expect(page.frame_locator("iframe").get_by_role("heading", name="What does the network see?")).to_be_visible()


@ONCE
def test_what_is_no_message_closes_the_connection_and_leaves_no_traceback(address: str) -> None:
    for hostile in ("hello", b"\xff\xff", b""):  # the log is read when the server has ended
        with connect(
            f"{address.replace('http', 'ws')}/_stcore/stream", subprotocols=[Subprotocol("streamlit")]
        ) as line:
            line.send(hostile)
            with pytest.raises(ConnectionClosed):
                line.recv(timeout=60)


@ONCE
@pytest.mark.parametrize("name", ["", "see", "fooled"])
def test_what_is_seen_can_be_taken_home(name: str, page: Page, address: str, chromium: Browser, tmp_path: Path) -> None:
    visit(page, f"{address}/{name}")
    if name == "fooled":  # a few levels are known at first
        page.wait_for_selector(".strip:not(.some, .follows)")
    page.get_by_role("button", name="Save pictures and charts").click()
    strip = page.locator(".save .thing").first

    def taken(kind: str) -> Path:
        with page.expect_download() as download:
            strip.get_by_role("button", name=kind).click()
        download.value.save_as(tmp_path / f"it.{kind}")
        return tmp_path / f"it.{kind}"

    assert Image.open(taken("PNG")).size >= (1200, 400)
    drawing = ElementTree.parse(taken("SVG")).getroot()
    assert drawing.findall(".//{*}image")
    words = " ".join("".join(t.itertext()) for t in drawing.iter("{http://www.w3.org/2000/svg}text"))
    assert page.locator(".controls .name").first.inner_text() in words
    header, *rows = csv.reader(taken("CSV").read_text().splitlines())
    numbers = rows[: rows.index([])]
    assert len(numbers) > 3
    assert all(len(row) == len(header) for row in numbers)
    assert rows[-1][0].startswith(f"Noisescope, {address}")
    alone(chromium, taken("HTML"), draws=name != "fooled")


def alone(chromium: Browser, file: Path, draws: bool) -> None:
    """Open a file that was taken home without any server: it slides, and where there is a pad one can draw."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.context.set_offline(True)
    page.goto(file.as_uri())
    page.wait_for_selector(driver.PAINTED)

    def pictures() -> list[str]:
        return [str(c.evaluate("c => c.toDataURL()")) for c in page.locator("canvas").all()]

    before = pictures()
    page.locator("input.strength").press("Home")
    assert pictures() != before
    if draws:
        page.locator("input.strength").press("End")
        said = page.locator(".verdict").inner_text()
        box = page.locator(".pad canvas").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=6)
        page.mouse.up()
        expect(page.locator(".verdict")).not_to_have_text(said)
    page.close()
    assert not problems


@ONCE
def test_words_are_explained_where_they_stand(page: Page, address: str) -> None:
    visit(page, f"{address}/fooled")
    listed = page.locator(".words summary")
    expect(listed).to_contain_text("PSNR")
    expect(listed).to_contain_text("L2PGD")  # chosen in a field
    listed.press("Enter")
    expect(page.locator(".words dd").first).to_be_visible()
    page.locator("h1").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    x, y = page.evaluate(
        """() => { const all = [...CSS.highlights.get("noisescope-word")], r = all.find((r) => String(r) === "denoiser").getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }"""
    )
    page.mouse.move(x, y)
    expect(page.locator(".tip")).to_contain_text("returns a cleaner one")
    page.mouse.move(5, 5)
    expect(page.locator(".tip")).to_be_hidden()


def test_the_same_in_python_follows_the_slider(page: Page, address: str) -> None:
    visit(page, f"{address}/denoise?image=17&strength=50")
    code = page.locator("[data-testid=stExpander] code").last
    for _ in range(3):  # a press while the page is still being written is lost
        page.get_by_text("The same in Python").click()
        page.wait_for_timeout(1000)
        if code.is_visible():
            break
    expect(code).to_contain_text("ADD = Gaussian(sigma=50.0)")
    page.locator("input.strength").first.press("ArrowRight")
    expect(code).to_contain_text("ADD = Gaussian(sigma=52.5)")
    expect(code).to_be_visible()
