"""How live is sliding? Latency from the slider's event to the painted picture, alone and beside a training run; and cold start.

`python -m benchmarks.scrub` needs Chromium. Latency is measured in the browser: from before the event is sent to the
first frame after it was painted; the work alone is the time the component takes to draw everything anew.
"""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from core.runs import control, folder
from core.training import recipes
from tests import browser

MEASURE = """async () => {
  const root = document.querySelector('[data-testid=stBidiComponentRegular], [data-testid=stBidiComponent]');
  const find = (node) => node.querySelector?.('input.strength') ?? [...node.querySelectorAll('*')].map(n => n.shadowRoot && find(n.shadowRoot)).find(Boolean);
  const slider = find(document), moves = 100, work = [], seen = [];
  for (let k = 0; k < moves; k++) {
    slider.value = (k * 17) % 51;
    const start = performance.now();
    slider.dispatchEvent(new Event('input'));
    work.push(performance.now() - start);
    await new Promise(r => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = r; c.port2.postMessage(0); }));
    seen.push(performance.now() - start);
  }
  return { work, seen };
}"""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as place, browser.chromium() as chromium:
        log = Path(place) / "log"
        cold = []
        for _ in range(3):
            started = time.perf_counter()
            with browser.server(log) as address:
                up = time.perf_counter() - started
                page = chromium.new_page(viewport={"width": 1280, "height": 800})
                opened = time.perf_counter()
                page.goto(f"{address}/see")
                page.wait_for_selector(browser.PAINTED, timeout=60_000)
                cold.append((up, time.perf_counter() - opened))
                page.close()
        for up, first in cold:
            print(
                f"cold start: server answers after {up:.2f} s, first picture {first:.2f} s after the page is asked for"
            )
        with browser.server(log) as address:
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            for path in ("", "see", "learned", "similar", "break"):
                opened = time.perf_counter()
                page.goto(f"{address}/{path}")
                page.get_by_text("Data: ").wait_for()  # the last line of every page
                browser.settled(page)
                print(f"/{path:8} opens in {time.perf_counter() - opened:.2f} s")
            alone = moves(page, address, "nothing else at work"), digits(page, address, "nothing else at work")
            os.environ["NOISESCOPE_RUNS"] = f"{place}/runs"
            run = control.launch(replace(recipes.PRESETS["One minute, digits"][0], epochs=200))
            while folder.read(run).status.step == 0:
                time.sleep(0.2)
            beside = moves(page, address, "beside a training run"), digits(page, address, "beside a training run")
            control.ask(run, "stop")
            for what, one, other in zip(("event to painted frame", "another digit"), alone, beside, strict=True):
                print(f"beside a training run / alone: {other / one:.2f} (p95, {what})")


def digits(page: Page, address: str, when: str) -> float:
    """Ask for twenty other digits, print how long until each is painted, and return the 95 % quantile in milliseconds."""
    page.goto(f"{address}/see")
    browser.settled(page)
    more, times = page.get_by_test_id("stNumberInputStepUp").first, []
    for _ in range(20):
        before, started = page.locator(".input canvas").first.evaluate("c => c.toDataURL()"), time.perf_counter()
        more.click()
        while page.locator(".input canvas").first.evaluate("c => c.toDataURL()") == before:
            pass
        times.append(1000 * (time.perf_counter() - started))
    p50, p95 = np.percentile(times, (50, 95))
    print(f"another digit, {when}: p50 {p50:.0f} ms, p95 {p95:.0f} ms until it is painted (n = {len(times)})")
    return float(p95)


def moves(page: Page, address: str, when: str) -> float:
    """Slide a hundred times, print how long a move took, and return the 95 % quantile in milliseconds."""
    page.goto(f"{address}/see")
    browser.settled(page)
    page.evaluate(MEASURE)
    times = page.evaluate(MEASURE)
    for what, text in (("work", "drawing alone"), ("seen", "event to painted frame")):
        p50, p95 = np.percentile(times[what], (50, 95))
        print(f"one move, {when}, {text}: p50 {p50:.1f} ms, p95 {p95:.1f} ms (n = {len(times[what])})")
    return float(p95)


if __name__ == "__main__":
    main()
