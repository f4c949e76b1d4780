"""The study, re-measured: every figure it reports beside the same figure from the result files."""

from collections.abc import Callable, Iterable, Iterator
from math import inf, isnan

from core import params
from core.experiments import (
    accuracy,
    attack_rates,
    denoising,
    every_pixel,
    few_pixels,
    noise_means,
    study_pictures,
    worst_curves,
)  # fmt: skip
from core.experiments.accuracy import Curve
from core.experiments.attack_rates import STEPS, Rates
from core.measures.paired import interval
from core.study import background, figures, reported
from core.study.background import MISSING, VERDICTS, Finding
from core.study.reported import DENOISERS, EXAMPLES, RATIOS, REPORTED, Example, Ratios, Reported, Share

NEAR = 2.0  # points of accuracy, on average, between two trainings of one recipe
ALL = "all"  # parts
FIGURES = {
    "n2n-gaussian-50": (18, 19),
    "n2n-poisson-100": (23, 24),
    "n2n-impulse-0.5": (26, 27),
}  # where the study shows what each does


def findings(part: str = ALL) -> list[Finding]:
    """Return a card for every figure of the study and every number it quotes, in its order, or those of one of PARTS; what is missing says so."""
    writers = [write for writers in PARTS.values() for write in writers] if part == ALL else PARTS[part]
    return [finding for write in writers for finding in write()]


def gaps(reported: Reported, curves: Iterable[Curve]) -> list[tuple[float, str]]:
    """Measure how far published points lie from each network's curve, in points of accuracy on average, nearest first.

    Curves of another kind, of other levels or on the built-in sample are passed over.
    """
    alike = (c for c in curves if c.kind == reported.kind and set(reported.levels) <= set(c.levels))
    return sorted((c.apart(reported.levels, reported.accuracy), c.network) for c in alike if c.data.startswith("MNIST"))


def _accuracy() -> Iterator[Finding]:
    here, why, holds = MISSING, "", None
    if clean := accuracy.clean("digit-cnn"):
        (share, curve), (low, high) = clean, clean[1].interval(0.0)
        holds = low <= reported.ACCURACY <= high
        inside = "inside" if holds else "outside"
        here = f"{share:.2f} % (95 % interval {low:.2f} to {high:.2f}, n = {curve.n:,})"
        why = f"Trained anew by the study's recipe; its figure lies {inside} the interval measured here."
    yield Finding(
        "The digit network", f"{reported.ACCURACY} % of the test digits right (from its code)", here, why, "see", holds=holds,
    )  # fmt: skip


def _curve(network: str, kind: str) -> Curve | None:
    return few_pixels.STORE.get(network) if kind == "OnePixel" else accuracy.STORE.get(f"{network}.{kind.lower()}")


def _points(reported: Reported, network: str) -> str:
    curve = _curve(network, reported.kind)
    if curve is None:
        return f"{network}: {MISSING}"
    return f"{network} {' '.join(f'{v:.2f}' for v in curve.at(reported.levels))} (n = {curve.n:,}, seed {curve.seed})"


def _said(reported: Reported) -> str:
    return f"{reported.network}, {' '.join(f'{v:g}' for v in reported.accuracy)} % right at {' '.join(f'{v:g}' for v in reported.levels)}"


def _gap(reported: Reported, network: str) -> float:
    curve = _curve(network, reported.kind)
    return curve.apart(reported.levels, reported.accuracy) if curve else float("nan")


def _table(reported: Reported, *networks: str) -> tuple[dict[str, str], ...]:
    """Put the study's accuracies and ours, in percent, under their strengths."""
    levels = [f"{level:g}" for level in reported.levels]
    printed = dict(zip(levels, (f"{v:.2f}" for v in reported.accuracy), strict=True))
    rows = [{"right, %": f"the study's {reported.network}", **printed, "n": ""}]
    for network in networks:
        if curve := _curve(network, reported.kind):
            values = [f"{share:.2f}" for share in curve.at(reported.levels)]
            rows.append(
                {"right, %": network, **dict(zip(levels, values, strict=True)), "n": f"{curve.n:,}, seed {curve.seed}"}
            )
    return tuple(rows)


def _apart(reported: Reported) -> str:
    gap = _gap(reported, "digit-cnn")
    if isnan(gap):
        return ""
    return f"On average {gap:.1f} points apart, with a network trained anew" + (
        ": it reproduces." if gap < NEAR else "."
    )


def _near(reported: Reported, network: str = "digit-cnn") -> bool | None:
    """Say whether a network's curve comes as near as NEAR to what was published; None where there is none."""
    gap = _gap(reported, network)
    return None if isnan(gap) else gap < NEAR


def _noise_curves() -> Iterator[Finding]:
    salt, gaussian = (r for r in REPORTED if r.figure == 7)
    yield Finding(
        "Figure 7, salt and pepper", _said(salt), _points(salt, "digit-cnn"),
        f"Salt 0.95 and pepper 0.05, as in its code. {_apart(salt)}".strip(), "break", (7,), {}, _table(salt, "digit-cnn"), _near(salt),
    )  # fmt: skip
    yield Finding(
        "Figure 7, Gaussian", f"{_said(gaussian)}; Gaussian noise hurts the CNN more",
        f"{_points(gaussian, 'digit-cnn')}; {_points(gaussian, 'digit-mlp')}",
        "" if isnan(_gap(gaussian, "digit-mlp") + _gap(gaussian, "digit-cnn")) else
        f"{gaussian.suspect} Trained anew here, the network without convolutions lies {_gap(gaussian, 'digit-mlp'):.1f} points from the row and the CNN "
        f"{_gap(gaussian, 'digit-cnn'):.1f}.", "break", (7,), {}, _table(gaussian, "digit-cnn", "digit-mlp"), _near(gaussian),
    )  # fmt: skip


def _digits() -> Iterator[Finding]:
    """Figures 8 to 10: two digits under noise, the training images they are like, and their maps."""
    for example in EXAMPLES[:2]:
        yield _example(example, "Figures 8 to 10", (8, 9, 10), "The study gives no seed: this is the first at which this network is as sure as the study's was.")  # fmt: skip


def _aimed() -> Iterator[Finding]:
    """Figures 13 and 14: a digit under FGSM."""
    yield _example(EXAMPLES[2], "Figures 13 and 14", (13, 14), "The attack needs no luck.")


def _example(example: Example, figure: str, numbers: tuple[int, ...], why: str) -> Finding:
    query = dict(
        image=str(example.index), add=type(example.corruption).__name__, strength=f"{params.level(example.corruption):g}", seed=str(example.seed),
    )  # fmt: skip
    says = example.reported.partition(": ")[2]
    return Finding(f"{figure}, test image {example.index}", says, figures.digit(example.index), why, "similar", numbers, query)  # fmt: skip


def _attack_curves() -> Iterator[Finding]:
    fgsm = next(r for r in REPORTED if r.kind == "FGSM")
    yield Finding(
        "Figure 12, FGSM", _said(fgsm), _points(fgsm, "digit-cnn"),
        f"{_apart(fgsm)} {_worst(fgsm.levels)}".strip(), "break", (12,), {}, _table(fgsm, "digit-cnn"), _near(fgsm),
    )  # fmt: skip


def _worst(levels: tuple[float, ...]) -> str:
    """Say how the digit network fares at its worst, where FGSM flatters it."""
    if not (found := accuracy.flattered("digit-cnn")):
        return ""
    _, _, worst = found
    shares = " ".join(f"{share:.1f}" for share in worst.at(levels))
    return f"FGSM flatters: at its worst, by {worst.corruption}, the same network reads {shares} % right at these strengths (n = {worst.n:,}, seed {worst.seed})."


def _pixels() -> Iterator[Finding]:
    one = next(r for r in REPORTED if r.kind == "OnePixel")
    tried = every_pixel.STORE.get("digit-cnn")
    curve, why = _curve("digit-cnn", "OnePixel"), ""
    if curve:
        low, high = curve.interval(one.levels[0])
        why = f"It drew candidates at random; here {curve.corruption} breeds them. On average {_gap(one, 'digit-cnn'):.1f} points apart; n = {curve.n:,} leaves {(high - low) / 2:.1f} open at one pixel."
    if tried:
        why += f" Every single pixel tried in black and white: {100 * tried.clean / tried.n:.2f} -> {100 * tried.safe / tried.n:.2f} % (n = {tried.n:,})."
    yield Finding(
        "Figure 12, one pixel",
        _said(one),
        _points(one, "digit-cnn"),
        why,
        "pixels",
        (12,),
        dict(image="333"),
        _table(one, "digit-cnn"),
        _near(one),
    )


def _means() -> Iterator[Finding]:
    known = {found.noise: found for found in noise_means.STORE.current().values()}
    found = [known[repr(noise)] for noise in noise_means.NOISES if repr(noise) in known]
    here = MISSING
    if found:
        said = "; ".join(mean.line for mean in found)
        here = f"mean of the noise in grey levels: {said} (n = {found[0].n:,} test images, seed {found[0].seed})"
    yield Finding(
        "Sections 3.2.2 and 3.2.3", "Poisson noise is not mean zero, nor is impulse noise",
        here,
        "Before clipping both are mean zero; only replacing pixels by random colours is not. Clipping to a picture shifts a mean a little.", "learn",
    )  # fmt: skip


def _denoisers() -> Iterator[Finding]:
    for name, theirs in DENOISERS.items():
        found, here, why = denoising.STORE.get(name), MISSING, ""
        if found:
            row = found.own
            here = f"{row['noisy']['mean']:.1f} -> {row['denoised']['mean']:.2f} dB, {row['worse']:.2f} % made worse (n = {row['n']:,}, seed {found.seed})"
            why = f"{row['denoised']['mean'] - theirs.denoised:+.1f} dB with this training."
        yield Finding(
            f"{_places(FIGURES.get(name, ()))}: {name}",
            f"its network, measured under this protocol: {theirs.noisy:.1f} -> {theirs.denoised:.1f} dB, {theirs.worse:g} % made worse",
            here, why, "quality", FIGURES.get(name, ()), dict(network=name),
        )  # fmt: skip


def _pictures() -> Iterator[Finding]:
    known = study_pictures.STORE.current()
    for title, numbers in {"ship": (30, 31), "truck": (32, 33)}.items():
        found = [known[name] for name in DENOISERS if name in known and title in known[name].found]
        rows = [(f.network, f.found[title]) for f in found]
        here, why = MISSING, ""
        if rows:
            here = "; ".join(
                f"{name}: L2 {r['noise_l2']:.1f} and {r['attack_l2']:.1f}, Wasserstein {r['wasserstein']:.1f} grey levels, shape {r['shape']:.2f}, correlation {r['correlation']:.2f}"
                for name, r in rows
            )
            low, high = min(r["correlation"] for _, r in rows), max(r["correlation"] for _, r in rows)
            why = (
                f"Alike in shape for some, in strength for few. The reason is no mystery: the attack's gradient is the noise itself, seen through the network (correlation {low:.2f} to "
                f"{high:.2f}; noise {found[0].noise} and the others' own, seed {found[0].seed}, {found[0].attack})."
            )
        yield Finding(
            f"{_places(numbers)}, {title}",
            "the histograms of noise and adversarial noise are similar in most cases",
            here,
            why,
            "alike",
            numbers,
            dict(network=next(iter(DENOISERS)), image=str(study_pictures.PICTURES[title])),
        )


def _ratios() -> Iterator[Finding]:
    for name, said in RATIOS.items():
        found = attack_rates.STORE.get(name)
        parts = [
            f"{s.percent:g} % {bounds(s)}{f' ({s.published:g} % of its published ratios)' if s.published else ''}"
            for s in said.shares
        ]
        here, why = MISSING, ""
        if found:
            here = "; ".join(
                f"{steps} steps: mean {float(found.ratio(steps, fair=False).mean()):.3f}, "
                + ", ".join(
                    f"{attack_rates.share(found.ratio(steps, fair=False), s.low, s.high):.2f} %" for s in said.shares
                )
                for steps in STEPS
            )
            here += f" (n = {found.n:,}, seed {found.seed})"
            mean, half = interval(found.beyond(STEPS[-1]))
            why = (
                f"Its ratio sets an attack of one strength against noises of many. Beyond white noise as strong the attack costs {mean:.2f} ± {half:.2f} dB after "
                f"{STEPS[-1]} steps."
            )
        yield Finding(
            f"Figure 34, {name}",
            f"mean ratio {said.mean[0]:g} to {said.mean[1]:g} (of its published ratios {said.published:g}); {', '.join(parts)}",
            here,
            why,
            "often",
            (34,),
            dict(network=name),
            holds=_within(found, said) if found else None,
        )
    known = attack_rates.STORE.current()
    tabled = [known[name] for name in DENOISERS if name in known]
    order = " > ".join(f"{name} {mean:.2f}" for name, mean in attack_rates.ranked(tabled, STEPS[-1]))
    worst = worst_curves.current()
    lost = " > ".join(f"{name} {mean:.1f} dB" for name, mean in worst_curves.ranked(worst, worst_curves.TOLD))
    curves = f"lost to the worst attack at L2 {worst_curves.TOLD:g}: {lost or MISSING}"
    yield Finding(
        "Section 4.2", "impulse noise is most susceptible, Gaussian least",
        f"study's ratio: {order or MISSING}; {curves}",
        f"{reported.mixed()} {worst_curves.verdict(worst)}", "often", holds=_ranked(list(dict(worst_curves.ranked(worst, worst_curves.TOLD)))),
    )  # fmt: skip


def _within(found: Rates, said: Ratios) -> bool:
    """Say whether the mean ratio lies where the study has it, after either number of steps."""
    low, high = said.mean
    return any(low <= float(found.ratio(steps, fair=False).double().mean()) <= high for steps in STEPS)


def _ranked(order: list[str]) -> bool | None:
    """Say whether, of all seven at one budget, an impulse network loses most and a Gaussian one least; None where some are missing."""
    if len(order) < len(attack_rates.NETWORKS):
        return None
    return order[0].startswith("n2n-impulse") and order[-1].startswith("n2n-gaussian")


def _places(numbers: tuple[int, ...]) -> str:
    return f"Figures {' and '.join(map(str, numbers))}" if numbers else "Appendix B"


PARTS: dict[str, tuple[Callable[[], Iterator[Finding]], ...]] = {  # the study's chapters
    "Digits": (
        figures.fooled, background.fast, background.single, figures.kinks, background.linearity, figures.brittle, figures.networks, _accuracy,
        _noise_curves, _digits, figures.led_astray, _attack_curves, _pixels, _aimed, figures.first_maps,
    ),
    "Denoising": (figures.learning, figures.unet, _means, _denoisers),
    "Denoisers under attack": (figures.attacked, _pictures, _ratios),
}  # fmt: skip


def bounds(share: Share) -> str:
    """Say between which ratios a share lies."""
    if share.low == -inf:
        return f"below {share.high:g}"
    return f"above {share.low:g}" if share.high == inf else f"from {share.low:g} to {share.high:g}"


def document() -> str:
    """Write docs/study.md."""
    lines = [
        "# The study, re-measured",
        "",
        "Written by `python -m core report` from the result files in `checkpoints/`. What the study says is typed in from its",
        "pages; everything under “here” is computed.",
        "",
        "| figure | the study says | here | verdict | why they differ |",
        "|---|---|---|---|---|",
        *(f"| {f.figure} | {f.says} | {f.here} | {VERDICTS[f.verdict]} | {f.why} |" for f in findings()),
    ]
    return "\n".join(lines) + "\n"
