"""Is it because features are brittle? Useful and robust units, which of them attacks move, and what is learned from either alone."""

import streamlit as st

from app import address, cache, received
from app.attacking import attacked
from app.controls import choices, data, examples, parameters, pickers
from app.draw import channels, charts, features
from core.attacks import DAG
from core.experiments import features as measured
from core.experiments import unet_features

VIEWS = {"digits": "that reads digits", "pictures": "that takes noise away"}
KEYS = {"digits": "unit", "pictures": "channel"}  # of what is shown, in the address


def clicked(chart: str) -> None:
    """Show the unit whose point was clicked."""
    if name := received.named(chart):
        address.choose(KEYS[view], name)


def click(figure: object, chart: str) -> None:
    """Draw a chart whose points can be clicked."""
    charts.show(figure, chart, clicked)


def digits() -> None:
    """Show the units of a digit network."""
    network, digit, thing, seed = pickers.experiment(architecture="DigitCNN")
    thing = parameters.strength(thing)
    found = measured.STORE.get(network.name)
    found = found if found and found.n else None
    if found:
        st.info(measured.verdict(found), icon=":material/balance:")
    else:
        st.info(f"Not measured yet: `python -m core measure features {network.name}`.", icon=":material/info:")
    unit = features.UNITS[choices.listed("Unit", features.NAMES, KEYS[view], "the unit", features.first(found))]
    if found:
        click(features.scatter(found, unit), "units")
        st.caption(f"Click a point. Usefulness: how well a unit tells one class from all others, 0 not at all, 1 perfectly. Up and down: what is left when an attack on that unit alone changes every pixel by up to {found.epsilon:g}; below 0 it misleads. On the dashed line nothing would be lost. Robust units lie near it, brittle ones far below. {found.network}, n = {found.n:,}, seed {found.seed}, {found.data}; ±: 95 % interval.")  # fmt: skip
        st.markdown(f"**{features.NAMES[features.key(unit)].capitalize()}.** {features.said(found, unit)}")
    features.looks_for(network, unit)
    if digit:
        trial, _ = cache.digit_trial(network, digit, thing, seed)
        features.effect(network, found, unit, trial, int(digit.labels(cache.cnn(network))))
        st.caption(f"What {thing!r} does to it on this digit, and the attack on it alone. Red and blue: pixels made brighter, darker; full colour at ±0.3. Answers are after ReLU, of a channel the mean of its map.")  # fmt: skip
    features.kept()
    features.alone()
    examples.digits()
    data.source(cache.dataset("mnist", "test"))


def denoiser() -> None:
    """Show the channels of a denoiser."""
    network, photo = pickers.denoiser_and_picture()
    known = unet_features.current()
    found = known.get(network.name)
    st.markdown(f"**Said beforehand.** {unet_features.HYPOTHESIS}")
    if found:
        st.info(unet_features.verdict(found), icon=":material/balance:")
    else:
        st.info(f"Not measured yet: `python -m core measure unet-features {network.name}`.", icon=":material/info:")
    if len(known) > 1:
        st.markdown(unet_features.summary(known))
    channel = channels.CHANNEL[
        choices.listed("Channel", channels.NAMES, KEYS[view], "the channel", channels.first(found))
    ]
    if found:
        for column, (chart, draw) in zip(st.columns(2), {"worth": channels.worth, "moves": channels.moves}.items(), strict=True):  # fmt: skip
            with column:
                click(draw(found, channel), chart)
        st.caption(f"Click a point. Worth: dB lost when the channel is held at its mean, on noisy pictures ({found.noise}). Left: the least it is worth when an attack of L2 {found.radius:g} aims at just that; on the dashed line nothing would be lost. Right: how many times as far as white noise of the same L2 `{found.attack}` moves it. n = {found.n}, seed {found.seed}, {found.data}.")  # fmt: skip
        st.markdown(f"**{list(channels.NAMES.values())[channel].capitalize()}.** {channels.said(found, channel)}")
    channels.looks_for(network, channel)
    channels.effect(network, channel, attacked(network, photo, DAG(), 0, photo))
    st.caption(f"What the channel makes of the picture: one scale of greys. Attack {DAG()!r}; noise {network.noise.nominal!r}, seed 0.")  # fmt: skip
    data.source(cache.dataset("cifar10", "test"))


st.markdown("What a network looks at may tell classes apart well and yet be easy to turn (Ilyas et al. 2019; the study's second explanation). **Which units are useful, which stay so under attack, and which do attacks move?**")  # fmt: skip
view = choices.pressed("A network", VIEWS, "view", "the kind of network", key="brittle-view")
digits() if view == "digits" else denoiser()
