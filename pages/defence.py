"""Is a denoiser a defence? Accuracy under attack without, behind and through a denoiser; then one digit at a time."""

import streamlit as st
import torch

from app import address, cache
from app.controls import choices, data, images, pickers
from app.draw import charts, measured, pictures
from app.inputs import Trained
from core.experiments import defence
from core.measures import metrics

st.title("Is a denoiser a defence?")
st.markdown(
    "Put a denoiser before the classifier: it may wash the attack off. **But what if the attacker knows of it?**"
)
known = defence.STORE.current()
names = [name for name in pickers.classifiers() if name in known]
if not names:
    st.info("Nothing is measured yet: `python -m core measure defence`.", icon=":material/info:")
    data.source(cache.dataset("mnist", "test"))
    st.stop()
name = choices.listed("Classifier", names, "network", "the network")
found = known[name]
charts.show(measured.defence(found), f"defence-{name}")
clean = 100 * found.hits["undefended"][0] / found.n
behind = 100 * found.hits["oblivious"][0] / found.n
st.caption(
    f"{name} behind {found.denoiser} (Noise2Noise, learned from noisy digits only), {found.attack}, n = {found.n:,}, seed {found.seed}, {found.data}; shaded: 95 % interval (Wilson). "
    f"Clean digits: {clean:.1f} % without, {behind:.1f} % behind the denoiser. The dashed attacker does not know of the denoiser; the dotted one takes his gradient through it."
)

st.subheader("One digit")
left, right = st.columns(2)
with left:
    digit = images.numbered(images.DIGITS, "image", 20, "Test image")
with right:
    shown = [f"{e:g}" for e in defence.EPSILONS]
    address.restore("epsilon", "0.2", address.one_of(shown, "the strength"))
    epsilon = float(st.select_slider("Strength (epsilon), of the grey range", shown, key="epsilon"))
address.publish(network=name, image=digit.index, epsilon=f"{epsilon:g}")
model, shield = cache.classifier(Trained.named(name)), cache.denoiser(Trained.named(defence.SHIELD))
x, y = digit.image(), digit.labels(model)
whole = defence.behind(model, shield)
blind = defence.ATTACK.levels(model, x, y, [epsilon])[0]
through = defence.ATTACK.levels(whole, x, y, [epsilon])[0]
with torch.no_grad():
    steps = {
        "clean": x,
        "attacked": blind,
        "attacked, denoised": shield(blind).clamp(0, 1),
        "attacked through it": through,
        "attacked through it, denoised": shield(through).clamp(0, 1),
    }
    answers = {title: model(z).softmax(1)[0] for title, z in steps.items()}
for column, (title, z) in zip(st.columns(len(steps)), steps.items(), strict=True):
    said = int(answers[title].argmax())
    column.image(pictures.enlarged(pictures.grey(z[0, 0]), 6), output_format="PNG", width="stretch")
    column.markdown(
        f"**{title}**  \nreads {said} ({100 * float(answers[title][said]):.0f} % sure): {'right' if said == int(y) else 'wrong'}"
    )
st.caption(
    f"Test image {digit.index}, a {int(y)}. L2 of the attack {float(metrics.l2(blind, x)):.2f}, through the denoiser {float(metrics.l2(through, x)):.2f}. Compare the second and the fourth picture: where "
    "does the attacker who knows of the denoiser put his change?"
)
data.source(cache.dataset("mnist", "test"))
