"""Widgets: a dataclass goes in, sliders come up, a filled-in dataclass comes out; the image picker; the data offer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from app import address, cache
from app.browser import pad
from app.cache import Digit, Photo
from app.draw import charts
from app.draw.charts import words
from core import UserError, checkpoints, params
from core.attacks import ATTACKS, IMAGE_ATTACKS, Attack, ImageAttack
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import denoising
from core.experiments.accuracy import Corruption
from core.experiments.attack_path import Timeline
from core.noise import NOISES, Blind, Noise
from core.study import reported
from core.study.reported import Example
from core.training import recipes
from core.training.recipes import Classification, Denoising

T = TypeVar("T", bound=Corruption)
P = TypeVar("P")
S = TypeVar("S")
CORRUPTIONS: dict[str, Any] = {**NOISES, **ATTACKS}
ATTACKING = {
    "DAG": "DAG (the study's)",
    "L2PGD": "L2PGD (furthest from the truth)",
    "ObsAtk": "ObsAtk (on the noisy picture, zero mean)",
    "Lookalike": "Lookalike (as another picture)",
}
WAYS = {
    "number": "by number",
    "class": "by class",
    "random": "at random",
    "mistakes": "the network's mistakes",
    "draw": "draw it yourself",
    "upload": "upload a picture",
}


def described(kind: str) -> str:
    """Name a noise or an attack with its sort, as a list shows it."""
    return f"{words(kind)} ({'attack, aimed' if kind in ATTACKS else 'noise, random'})"


def classifiers(architecture: str | None = None) -> list[str]:
    """List the networks that read digits: those that ship, and those that were trained and adopted here."""
    shipped = [
        r.name
        for r in recipes.RECIPES.values()
        if isinstance(r, Classification) and architecture in (None, r.architecture) and checkpoints.there(r.name)
    ]
    return shipped + [
        c.name for c in cache.adopted() if "noise" not in c.recipe and architecture in (None, c.architecture)
    ]


def denoisers(dataset: str = "cifar10") -> list[str]:
    """List the networks that take noise away from the pictures of a data set: those that ship, and those adopted here."""
    shipped = [
        r.name
        for r in recipes.RECIPES.values()
        if isinstance(r, Denoising) and r.dataset == dataset and checkpoints.there(r.name)
    ]
    return shipped + [c.name for c in cache.adopted() if "noise" in c.recipe and c.dataset == dataset]


def title(name: str) -> str:
    """Return the title of a network."""
    return recipes.RECIPES[name].title if name in recipes.RECIPES else checkpoints.read(name).title


def network(architecture: str | None = None) -> str:
    """Let somebody choose a network; stops the page with one sentence where there is none."""
    names = classifiers(architecture)
    if not names:
        st.warning(
            "No trained network is here: make one with `python -m core train digit-cnn`.", icon=":material/info:"
        )
        st.stop()
    address.restore("network", names[0], address.one_of(names, "the network"))
    return str(st.selectbox("Network", names, key="network", help="\n\n".join(f"**{n}**: {title(n)}" for n in names)))


def corruption(kinds: Sequence[str] = tuple(CORRUPTIONS), default: str = "FGSM") -> Corruption:
    """Let somebody choose a noise or an attack; its strength is slid on the picture, `details` has the rest."""
    address.restore("add", default, address.one_of(list(kinds), "the noise or attack"))
    before = st.session_state["add"]
    kind = st.selectbox("We add", kinds, key="add", format_func=described, on_change=_forget_strength, args=(before,))
    return CORRUPTIONS[kind]()  # type: ignore[no-any-return]


def sound(names: list[str]) -> list[str]:
    """Return the denoisers that can be loaded, and say what is wrong with the others."""
    found = []
    for name in names:
        try:
            cache.denoiser(name)
            found.append(name)
        except UserError as refusal:
            st.warning(str(refusal), icon=":material/info:")
    return found


def harm(name: str) -> None:
    """Say below which noise a denoiser makes pictures worse, on the images and levels it was measured with."""
    kept, made_for = cache.quality_of(name), cache.noise_of(cache.denoiser(name)[1])
    if not isinstance(made_for, Blind):
        return
    weakest = denoising.break_even_level(kept.table, made_for.LEVEL.falling)
    if weakest is not None:
        bound = f"{'more' if made_for.LEVEL.falling else 'less'} than {weakest:.3g} {made_for.LEVEL.unit}"
        st.info(
            f"**Do no harm.** Under {charts.sentence(made_for)}, {name} makes pictures worse, on average, at {bound} "
            f"({kept.data}, n = {len(kept.table):,}, noise seed {denoising.SEED}).",
            icon=":material/healing:",
        )


def noise(default: str) -> Noise:
    """Let somebody choose a noise, not an attack; its strength is slid on the picture, `details` has the rest."""
    thing = corruption(list(NOISES), default)
    assert not isinstance(thing, Attack)
    return thing


def denoiser() -> str:
    """Let somebody choose a denoiser; stops the page with one sentence where there is none."""
    names = denoisers()
    if not names:
        st.warning(
            "No trained denoiser is here: make one with `python -m core train n2n-gaussian-50`.", icon=":material/info:"
        )
        st.stop()
    address.restore("denoiser", names[0], address.one_of(names, "the network"))
    titles = "\n\n".join(f"**{n}**: {title(n)}" for n in names)
    return str(st.selectbox("Network", names, key="denoiser", help=titles))


def image_attack() -> ImageAttack:
    """Let somebody choose an attack on a denoiser; `sliders` has its parameters."""
    address.restore("attack", "DAG", address.one_of(IMAGE_ATTACKS, "the attack"))
    kind = st.selectbox("Attack", list(IMAGE_ATTACKS), key="attack", format_func=ATTACKING.__getitem__)
    chosen: ImageAttack = IMAGE_ATTACKS[kind]()
    return chosen


def attacked(name: str, photo: Photo, attack: ImageAttack, seed: int, aim: Photo) -> Timeline:
    """Attack a picture, with progress."""
    with st.empty():
        for result in cache.attacked(name, photo, attack, seed, aim):
            if isinstance(result, float):
                st.progress(result, f"Attacking {name}, {100 * result:.0f} %")
        st.write("")
    assert isinstance(result, Timeline)
    return result


def _forget_strength(before: str) -> None:
    """Keep a strength only where it means the same: FGSM's epsilon is PGD's, but not a share of pixels."""
    if params.strength(CORRUPTIONS[st.session_state["add"]]) != params.strength(CORRUPTIONS[before]):
        address.ask("strength", None)


def experiment(architecture: str | None = None) -> tuple[str, Digit | None, Corruption, int]:
    """Show one row of controls: network, digit, what is added, and the rest behind "More"; the last is the seed."""
    row = st.columns([1.15, 2.6, 1.5, 0.8], vertical_alignment="bottom")
    with row[0]:
        name = network(architecture)
    with row[1]:
        picture = digit(name)
    with row[2]:
        thing = corruption()
    with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
        thing, seed = details(thing)
    return name, picture, thing, seed


def details(thing: T) -> tuple[T, int]:
    """Show a slider for every further parameter, and the seed; return the noise or attack with them, and the seed."""
    first, _ = params.strength(type(thing))
    thing, seed = sliders(thing, (first, "seed")), seeded()
    return (replace(thing, seed=seed) if "seed" in params.spans(type(thing)) else thing), seed  # type: ignore[type-var]


def sliders(thing: S, without: Sequence[str], of: str = "") -> S:
    """Show a slider for every parameter but those named; return the value with them. `of` tells their owners apart."""
    kind, values = type(thing), {}
    for name, span in params.spans(kind).items():
        if name in without:
            continue
        sort, key = type(getattr(thing, name)), f"{of}{kind.__name__}.{name}"
        address.restore(name, getattr(thing, name), address.real(span, name, sort), key)
        label = (span.label or name) + (f", {span.unit}" if span.unit else "")
        values[name] = st.slider(label, sort(span.low), sort(span.high), step=sort(span.step), key=key)
    return replace(thing, **values)  # type: ignore[type-var]


def seeded() -> int:
    """Let somebody choose a seed."""
    address.restore("seed", 0, address.whole(0, 9999, "seed"))
    return int(st.number_input("Seed: another number, another draw", 0, 9999, key="seed"))


def changed(thing: object, without: Sequence[str] = ()) -> dict[str, object]:
    """Return what an address says of a value's parameters: those that are not the defaults."""
    plain = type(thing)()
    fields = {name: getattr(thing, name) for name in params.spans(type(thing)) if name not in without}
    return {name: f"{value:g}" for name, value in fields.items() if value != getattr(plain, name)}


def chosen(thing: Corruption, seed: int, level: float | None) -> dict[str, object]:
    """Return what an address says of a noise or an attack: its kind, what differs from the defaults, its strength."""
    first, span = params.strength(type(thing))
    told = changed(thing, (first, "seed"))
    reached = None if level is None else f"{level:g}"
    st.session_state["reached"] = first, span, reached  # goes along to the next page
    return dict(add=type(thing).__name__, **told, seed=seed or None, strength=reached)


def level(thing: Corruption, levels: Sequence[float] = ()) -> int | None:
    """Return the place, among the `levels` of a corruption, of the strength that is asked for; None if none is."""
    field, span = params.strength(type(thing))
    text = address.asked("strength")
    if text is None and st.session_state["entering"] and "reached" in st.session_state:
        *where, reached = st.session_state["reached"]
        text = reached if where == [field, span] else None
    if text is None:
        return None
    levels = levels or span.levels()
    try:
        wanted = address.real(span, field, float)(text)
    except UserError as refusal:
        wanted = params.level(thing)
        address.notice(f"{refusal} Shown instead: {wanted:g}.")
    return nearest(levels, wanted)


def strength(thing: T) -> T:
    """Let somebody set the strength on the server's side; return the corruption with it."""
    field, span = params.strength(type(thing))
    levels, key = span.levels(), f"strength-{type(thing).__name__}"
    asked = level(thing) if address.moved() or key not in st.session_state else None
    if asked is None and key not in st.session_state:
        asked = nearest(levels, params.level(thing))
    st.session_state[key] = st.session_state[key] if asked is None else levels[asked]
    unit = f", {span.unit}" if span.unit else ""
    percent = field in ("p", "fraction")
    value = st.select_slider(
        f"{span.label}{unit}", levels, key=key, format_func=lambda v: f"{100 * v:.0f} %" if percent else f"{v:g}"
    )
    return params.at(thing, float(value))


def nearest(levels: Sequence[float], wanted: float) -> int:
    """Return the place of the level closest to `wanted`."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - wanted))


def choose(example: Example) -> None:
    """Set every control to one of the study's examples."""
    thing = example.corruption
    kind = type(thing).__name__
    st.session_state.update(way="number", image=example.index, add=kind, seed=example.seed, network="digit-cnn")
    st.session_state.update({f"{kind}.{name}": getattr(thing, name) for name in params.spans(type(thing))})
    address.ask("strength", f"{params.level(thing):g}")


def examples() -> None:
    """Offer the study's three examples, one click each; they are MNIST's."""
    if not cache.dataset("mnist", "test").full:
        st.caption(
            "The study's three examples are MNIST's test images 333, 118 and 20: get the full set, below, to try them."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Try this:**", width="content")
        for example in reported.EXAMPLES:
            st.button(
                example.title,
                on_click=choose,
                args=(example,),
                help=f"The study's test image {example.index}. It reports: {example.reported}.",
            )


def digit(name: str, first: int = 333) -> Digit | None:
    """Let somebody pick a digit in one of six ways; None, with a sentence, until there is one.

    `name` is the network, `first` the test image a page begins with.
    """
    test = cache.dataset("mnist", "test")
    last = len(test) - 1
    if address.arrived("image") and "way" not in st.query_params:
        st.session_state["way"] = "number"
    address.restore("way", "number", address.one_of(WAYS, "the way to pick an image"))
    address.restore("image", min(first, last), address.whole(0, last, "test image"))
    left, right = st.columns([1, 1])
    way = left.selectbox("Image", list(WAYS), key="way", format_func=WAYS.__getitem__)
    with right:
        if way == "number":
            st.number_input(f"Number, 0 to {last:,}", 0, last, key="image")
            return Digit(st.session_state["image"])
        if way == "draw":
            return _drawn()
        if way == "upload":
            return _uploaded()
        return _listed(way, name, test)


def picked(digit: Digit | None) -> dict[str, object]:
    """Return what an address says of a digit: its number, however it was found, or that one is to be drawn or uploaded."""
    return dict(way=st.session_state["way"]) if digit is None or digit.own else dict(image=digit.index)


def _listed(way: str, name: str, test: Dataset) -> Digit | None:
    """Offer the digits of one class, of the network's mistakes, or any at random."""
    if way == "random":
        st.session_state.setdefault("draw", 0)
        st.button(
            "Another one", on_click=lambda: st.session_state.update(draw=st.session_state["draw"] + 1), width="stretch"
        )
        chosen = int(datasets.shuffled(len(test), seed=0)[st.session_state["draw"] % len(test)])
    elif way == "class":
        label = st.selectbox("Class", range(10), index=9, key="class")
        rows = (test.labels == label).nonzero().flatten().tolist()
        chosen = st.select_slider("Which", rows, key=f"which-{label}", format_func=lambda i: f"no. {i}")
    else:
        answers, sure = cache.predictions(name)
        rows = (answers != test.labels).nonzero().flatten().tolist()
        if not rows:
            st.info(f"{name} makes no mistake on these {len(test):,} images.")
            return None
        words = {
            i: f"no. {i}: a {int(test.labels[i])}, read as {int(answers[i])} ({100 * float(sure[i]):.0f} % sure)"
            for i in rows
        }
        chosen = st.selectbox(
            f"{len(rows):,} of {len(test):,} are wrong", rows, key=f"mistake-{name}", format_func=words.__getitem__
        )
    st.session_state["image"] = chosen
    return Digit(chosen)


def _uploaded() -> Digit | None:
    file = st.file_uploader("A picture of one digit (PNG, JPEG, WebP)", type=None, key="upload")
    if file is None:
        st.caption("One digit on a plain background, photographed or drawn.")
        return None
    return brought(file.getvalue(), cache.uploaded)


def brought(content: bytes, read: Callable[[bytes], tuple[P, str]]) -> P | None:
    """Read a picture somebody brought and say what had to be done to it; None, with a sentence, where it is refused."""
    try:
        picture, note = read(content)
    except UserError as refusal:
        st.warning(str(refusal), icon=":material/image_not_supported:")
        return None
    if note:
        st.caption(note)
    return picture


def _drawn() -> Digit | None:
    image = pad("pad")
    if image is None:
        st.info("Draw a digit on the pad: it is read when you lift the pen.", icon=":material/draw:")
        return None
    try:
        return cache.own(image)
    except UserError as refusal:
        st.warning(str(refusal), icon=":material/image_not_supported:")
        return None


def source(dataset: Dataset) -> None:
    """Say, small, which data the page shows and, for a sample, how to get the full set, with a button that does it."""
    st.caption(f"Data: {dataset.note}")
    if not dataset.full:
        offer(dataset.name)


def offer(name: str) -> None:
    """Offer to download a data set, with progress; whoever comes while one is under way watches it too."""
    title = datasets.SOURCES[name].title
    if st.button(f"Download {title}", icon=":material/download:", key=f"download-{name}"):
        bar = st.progress(0.0, f"Downloading {title} ...")
        try:
            for share in datasets.download(name):
                bar.progress(share, f"Downloading {title}: {100 * share:.0f} %")
        except UserError as refusal:
            bar.empty()
            st.warning(str(refusal), icon=":material/wifi_off:")
        else:
            st.rerun()
