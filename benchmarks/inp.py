"""How soon does a page answer a touch? Interaction to Next Paint of every control, on a warm server.

`python -m benchmarks.inp` needs Chromium. Event Timing says how long a key or a click took until the next frame was painted,
in steps of 8 ms; what took less than 16 it leaves out, which counts as 16 here. Controls of a component are answered in the
browser, the others of Streamlit's by the server, which the browser does not wait for to paint.
"""

import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from playwright.sync_api import Error, Locator, Page

from app.navigation import PAGES
from tests import browser

WATCH = """() => {
  window.noisescopeTook = {};
  new PerformanceObserver((list) => { for (const e of list.getEntries()) if (e.interactionId) window.noisescopeTook[e.interactionId] = Math.max(e.duration, window.noisescopeTook[e.interactionId] ?? 0); })
    .observe({ type: "event", durationThreshold: 16 });
}"""
TOOK = "() => { const took = Object.values(window.noisescopeTook); window.noisescopeTook = {}; return took; }"
KEYS = {
    "answered in the browser": [".strength", ".at", "canvas[tabindex='0']", "button.tile[tabindex='0']"],
    "Streamlit's": ["[data-testid=stSlider] [role=slider]", "[data-testid=stSelectSlider] [role=slider]", "[data-testid=stNumberInputField]"],
}  # arrow keys move these  # fmt: skip
CLICKS = {
    "answered in the browser": [".play", ".thumbs button", ".kinds button", ".bars .aim", ".brushes button"],
    "Streamlit's": ["[data-testid^=stBaseButton-segmented_control]", "[data-testid^=stBaseButton-pills]", "[data-testid=stNumberInputStepUp]", "label[data-baseweb=checkbox]", "[data-testid=stExpander] summary"],
}  # fmt: skip
TIMES = 3  # that each control is touched
EACH = 4  # controls of one kind on a page
SHORTEST = 16.0  # milliseconds


def main() -> None:
    """Touch everything, and print how long it took."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place, browser.chromium() as chromium, browser.server(Path(place) / "log") as address:  # fmt: skip
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        for entry in PAGES:
            for warm in (False, True):
                page.goto(f"{address}/{entry.address}")
                browser.settled(page)
                if warm:
                    page.evaluate(WATCH)
                    for kind in KEYS:
                        found[kind] += (times := touched(page, kind))
                        if times:
                            print(f"/{entry.address:12} {kind}: slowest {max(times):.0f} ms (n = {len(times)})")
    for kind, times in found.items():
        p50, p95 = np.percentile(times, (50, 95))
        print(f"{kind}: p50 {p50:.0f} ms, p95 {p95:.0f} ms until the next frame is painted (n = {len(times)})")


def touched(page: Page, kind: str) -> list[float]:
    """Touch the controls of a kind, and return how long each took, in milliseconds."""
    times: list[float] = []
    for selector in (*KEYS[kind], *CLICKS[kind]):
        controls = page.locator(selector)
        for place in range(min(EACH, controls.count())):
            for _ in range(TIMES):
                if touch(page, controls.nth(place), selector in KEYS[kind]):
                    browser.settled(page)
                    page.wait_for_timeout(50)  # until the observer has heard of it
                    took = page.evaluate(TOOK)
                    times.append(max(took, default=SHORTEST))
    return times


def touch(page: Page, control: Locator, by_key: bool) -> bool:
    """Press a key on a control, or click it; say whether that went."""
    try:
        if not control.is_visible() or control.is_disabled():
            return False
        if by_key:
            control.focus(timeout=2000)
            page.keyboard.press("ArrowRight")
        else:
            control.click(timeout=2000)
    except Error:
        return False  # it went while it was reached for
    return True


if __name__ == "__main__":
    main()
