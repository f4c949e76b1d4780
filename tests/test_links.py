"""Links: whatever is chosen on a page is in its address and comes back from it, and Back goes back, in headless Chromium.

Every control is found by its role, so that a new page is walked by itself. By default one control of each of FEW pages is
turned; `LINKS=pages` turns one of every page, `LINKS=all` all of them in all views, one after the other, which takes many minutes.
"""

import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from app import address as names
from app import navigation
from core import params
from core.attacks import ATTACKS, DENOISER_ATTACKS, OnePixel
from core.noise import TRAINABLE
from core.training.losses import LOSSES
from core.training.minimisers import LAWS

playwright = pytest.importorskip("playwright.sync_api")
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from tests import browser as driver

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sample,
    pytest.mark.skipif(driver.executable() is None, reason="no Chromium on this machine"),
]
ALL = os.environ.get("LINKS") == "all"
FEW = ("home", "see", "fooled", "learn", "quality")
WALKED = [entry for entry in navigation.PAGES if "LINKS" in os.environ or entry.name in FEW]
PLAIN = {
    "denoise": ("?image=5", "?photograph=chelsea"),
    "certificate": ("?votes=100",),
}  # pages that are walked at other addresses
KNOWN = {
    *names.NAMES, *OnePixel.__dataclass_fields__,
    *(field for kinds in (ATTACKS, DENOISER_ATTACKS, TRAINABLE, LOSSES, LAWS) for kind in kinds.values() for field in params.spans(kind)),
}  # fmt: skip
LOOK = """() => {
  const deep = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? deep(e.shadowRoot) : [])]);
  const roots = document.querySelectorAll("[data-testid=stMain], [data-testid=stPopoverBody]");
  const seen = [...roots].flatMap(deep).filter((e) => e.isConnected && e.getClientRects().length && getComputedStyle(e).visibility !== "hidden");
  const chosen = (e) => [...e.querySelectorAll("[aria-checked=true], [data-testid$=Active]")].map((b) => b.innerText).join(", ");
  const kinds = [
    ["list", "input[role=combobox]", (e) => e.closest("[data-testid=stMultiSelect]")?.innerText ?? e.value],
    ["number", "input[type=number]", (e) => e.value],
    ["slider", "input[type=range]", (e) => e.value],
    ["switch", "input[type=checkbox]", (e) => e.checked],
    ["select", "select", (e) => e.value],
    ["buttons", "[role=radiogroup], [role=toolbar][aria-label]", chosen],
  ];
  let count = 0, rests = !!document.querySelector("h1")?.getClientRects().length; // hidden while a part of Streamlit is fetched
  const controls = seen.flatMap((e) => {
    const [kind, , value] = kinds.find(([, selector]) => e.matches(selector)) ?? [];
    if (!kind) return [];
    rests &&= !e.disabled; // all are while the connection is lost
    e.dataset.walked = count++;
    return [{ kind, label: e.ariaLabel || e.labels?.[0]?.innerText || "", value: String(value(e)) }];
  });
  const hash = (text) => [...text].reduce((a, c) => (31 * a + c.charCodeAt(0)) | 0, 7);
  const pictures = seen.filter((e) => e.matches("canvas") && e.width > 1).map((e) => hash(e.toDataURL()));
  const images = seen.filter((e) => e.matches("[data-testid=stImage] img")).map((e) => new URL(e.src).pathname);
  return { rests, controls, pictures, images };
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    environment = dict(NOISESCOPE_RUNS=str(folder / "runs"), NOISESCOPE_DATA=str(folder / "data"))
    with driver.server(folder / "log", **environment) as address:
        yield address
    assert "Traceback" not in (folder / "log").read_text()


def opened(chromium: Browser, url: str) -> Page:
    """Open a link as somebody does who was never here."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(url)
    expect(page.get_by_text(re.compile("^Data: ")).first).to_be_visible(timeout=60_000)
    return page


def looked(page: Page) -> dict[str, Any]:
    """Return what is chosen and shown when nothing changes any more, what lies behind "More" included."""
    more = page.get_by_role("button", name="More")
    if more.count() and not page.get_by_test_id("stPopoverBody").count():
        more.first.click()
    before: dict[str, Any] = {}
    for _ in range(200):
        driver.settled(page)
        expect(page.locator(".strip.some, [role=progressbar]")).to_have_count(0, timeout=240_000)
        found: dict[str, Any] = page.evaluate(LOOK)
        if found == before and found["rests"]:
            return found
        before = found
        page.wait_for_timeout(250)
    raise AssertionError("the page does not come to rest")


def turn(page: Page, control: Locator, kind: str) -> None:
    """Set a control to something else, as a visitor does with mouse and keys."""
    match kind:
        case "list":
            before = control.input_value()
            options = page.get_by_role("option")
            while not options.count():
                control.press("ArrowDown")
                page.wait_for_timeout(500)
            texts = options.all_inner_texts()
            options.nth((texts.index(before) + 1) % len(texts) if before in texts else 0).click()
            page.keyboard.press("Escape")
        case "buttons":
            control.locator("[aria-checked=false], button:not([aria-checked])").first.click()
        case "switch":
            control.press("Space")
        case "select":
            control.press("ArrowDown")
            control.press("ArrowDown")
        case _:
            last = control.get_attribute("max") == control.input_value()
            keys = ("ArrowLeft", "ArrowDown") if last else ("ArrowRight", "ArrowUp")
            control.press(keys[kind == "number"])
            if kind == "number":
                control.press("Enter")


def other(page: Page, control: dict[str, str]) -> None:
    """Set one of the controls that are there to something else, if another choice has not taken it away."""
    now = looked(page)["controls"]
    same = [k for k, c in enumerate(now) if (c["kind"], c["label"]) == (control["kind"], control["label"])]
    if same:
        turn(page, page.locator(f"[data-walked='{same[0]}']").first, control["kind"])


def compare(page: Page, chromium: Browser) -> None:
    """Open the address of a page afresh: the same controls, set to the same, and the same pictures."""
    shown, link = looked(page), page.url
    fresh = opened(chromium, link)
    again = looked(fresh)
    for part, found in shown.items():
        assert again[part] == found, (part, link)
    for one in (page, fresh):
        expect(one.get_by_text("The address")).to_have_count(0)
    assert dict(parse_qsl(urlsplit(link).query)).keys() <= KNOWN, link
    fresh.context.close()


@pytest.mark.parametrize("entry", WALKED, ids=lambda entry: entry.name)
def test_what_is_chosen_on_a_page_is_in_its_link(entry: navigation.Entry, chromium: Browser, address: str) -> None:
    for more in PLAIN.get(entry.name, ("",)):
        rng, page = Random(f"{entry.name}{more}"), opened(chromium, f"{address}/{entry.address}{more}")
        looked(page)
        views = page.locator("[role=radiogroup]").first.get_by_role("radio") if "view=" in page.url else None
        places = range(views.count()) if views else [0]
        for place in places if ALL else rng.sample(places, 1):
            if views:
                page.keyboard.press("Escape")
                views.nth(place).click()
            controls = looked(page)["controls"][bool(views) :]
            controls.sort(key=lambda c: bool(c["kind"] == "switch"))  # they may hide others
            for control in controls if ALL else rng.sample(controls, min(1, len(controls))):
                other(page, control)
            compare(page, chromium)
        page.context.close()


def at(page: Page) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.url).query))


def said(page: Page, **wanted: str | None) -> None:
    """Wait until the address says this; None: does not say it."""
    for _ in range(100):
        if {name: at(page).get(name) for name in wanted} == wanted:
            break
        page.wait_for_timeout(100)
    assert {name: at(page).get(name) for name in wanted} == wanted, page.url
    driver.settled(page)


def test_back_and_forward_restore_what_was_chosen_and_a_slide_is_no_choice(chromium: Browser, address: str) -> None:
    page = opened(chromium, f"{address}/similar?image=5&add=FGSM&strength=0.1")
    page.goto(f"{address}/see?image=5&add=FGSM&strength=0.1")
    expect(page.locator(".verdict")).to_be_visible()
    said(page, image="5", strength="0.1")
    slider, number = page.locator("input.strength"), page.get_by_label("Number, 0 to")
    number.press("ArrowUp")
    number.press("Enter")
    said(page, image="6")
    picture = page.locator(".clean canvas").evaluate("c => c.toDataURL()")
    for step in (2, 3, 4):
        slider.press("ArrowRight")
        said(page, strength=f"0.1{step - 1}")
    page.get_by_role("button", name="Layer 1 map 2, seen").click()
    said(page, map="conv1.2", point="13.13")
    page.get_by_role("combobox", name="We add").click()
    page.get_by_role("option", name=re.compile("^PGD")).click()
    said(page, add="PGD", map="conv1.2", strength="0.13")
    page.go_back()
    said(page, add="FGSM", map="conv1.2", strength="0.13", image="6")
    expect(page.get_by_role("combobox", name="We add")).to_have_value(re.compile("^FGSM"))
    page.go_back()
    said(page, map=None, strength="0.13", image="6")  # the slides have no entries of their own
    expect(page.locator(".inspector")).to_be_hidden()
    expect(page.locator(".level")).to_have_text("0.13")
    page.go_back()
    said(page, image="5", strength="0.1")
    expect(number).to_have_value("5")
    expect(page.locator(".level")).to_have_text("0.10")
    assert page.locator(".clean canvas").evaluate("c => c.toDataURL()") != picture
    page.go_forward()
    said(page, image="6", strength="0.13", map=None)
    expect(number).to_have_value("6")
    assert page.locator(".clean canvas").evaluate("c => c.toDataURL()") == picture
    page.go_forward()
    said(page, map="conv1.2")
    expect(page.locator(".inspector")).to_be_visible()
    for _ in range(3):
        page.go_back()
        page.wait_for_timeout(200)
    page.wait_for_url("**/similar?**")
    page.context.close()


def test_back_from_a_page_leads_to_what_was_chosen_on_the_one_before(chromium: Browser, address: str) -> None:
    page = opened(chromium, f"{address}/")
    page.get_by_role("radio", name="aimed at it").click()
    said(page, add="FGSM", image="20")
    page.get_by_role("link", name="Learn from noise", exact=True).click()
    page.wait_for_url("**/learn?**")
    said(page, view="pair")
    page.get_by_role("button", name="Draw another pair").click()
    said(page, view="pair", draw="1")
    page.get_by_role("radio", name="Photons").click()
    said(page, view="photons", draw=None)
    page.go_back()
    said(page, view="pair", draw="1")
    expect(page.get_by_text("draw 1.")).to_be_visible()
    page.go_back()
    said(page, view="pair", draw=None)
    expect(page.get_by_text("draw 0.")).to_be_visible()
    page.go_back()
    said(page, add="FGSM", image="20", view=None)
    expect(page.get_by_role("radio", name="aimed at it")).to_have_attribute("aria-checked", "true")
    page.go_back()
    said(page, add="Gaussian", image="20")
    expect(page.get_by_role("radio", name="random noise")).to_have_attribute("aria-checked", "true")
    page.context.close()
