"""Is a denoiser a defence? Accuracy under attack without, behind and through a denoiser; then one digit at a time."""

import streamlit as st
import torch

from app import address, cache
from app.controls import data, pickers
from app.draw import charts, pictures
from core.experiments import defence
from core.measures import metrics

SHIELD = "n2n-digits"

st.title("Is a denoiser a defence?")
st.markdown(
    "Put a denoiser before the classifier: it may wash the attack off. **But what if the attacker knows of it?**"
)
measured = cache.defended()
names = [name for name in pickers.classifiers() if name in measured]
if not names:
    st.info("Nothing is measured yet: `python -m core defend`.", icon=":material/info:")
    data.source(cache.dataset("mnist", "test"))
    st.stop()
address.restore("network", names[0], address.one_of(names, "the network"))
name = str(st.selectbox("Classifier", names, key="network"))
found = measured[name]
st.plotly_chart(charts.defence(found), key=f"defence-{name}", theme="streamlit")
clean = 100 * found.hits["attacked"][0] / found.n
behind = 100 * found.hits["denoised"][0] / found.n
st.caption(
    f"{name} behind {found.denoiser} (Noise2Noise, learned from noisy digits only), {found.attack}, n = {found.n:,}, seed {found.seed}, {found.data}; shaded: 95 % interval (Wilson). "
    f"Clean digits: {clean:.1f} % without, {behind:.1f} % behind the denoiser. The dashed attacker does not know of the denoiser; the dotted one takes his gradient through it."
)

st.subheader("One digit")
test = cache.dataset("mnist", "test")
last = len(test) - 1
left, right = st.columns(2)
with left:
    address.restore("image", min(20, last), address.whole(0, last, "test image"))
    index = int(st.number_input(f"Test image, 0 to {last:,}", 0, last, key="image"))
with right:
    shown = [f"{e:g}" for e in defence.EPSILONS]
    address.restore("epsilon", "0.2", address.one_of(shown, "the strength"))
    epsilon = float(st.select_slider("Strength (epsilon), of the grey range", shown, key="epsilon"))
address.publish(network=name, image=index, epsilon=f"{epsilon:g}")
model, shield = cache.network(name)[0], cache.denoiser(SHIELD)[0]
x, y = test.images([index]), test.labels[[index]]
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
    f"Test image {index}, a {int(y)}. L2 of the attack {float(metrics.l2(blind, x)):.2f}, through the denoiser {float(metrics.l2(through, x)):.2f}. Compare the second and the fourth picture: where "
    "does the attacker who knows of the denoiser put his change?"
)
data.source(test)
