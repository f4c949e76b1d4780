"""Is it because networks are linear? All ten logits of a digit moved by t along an attack, and along chance."""

import torch

from core import checkpoints
from core.data import datasets
from core.experiments import linearity
from core.measures.linearity import explained

NETWORK = "digit-cnn"
IMAGE = 333
SEED = 0
AT = 40  # t is linearity.PLACES[AT]

model, _ = checkpoints.classifier(NETWORK)
test = datasets.load("mnist", "test")
x, y = test.images([IMAGE]), test.labels[[IMAGE]]
for name, d in linearity.lines(model, x, y, SEED).items():
    logits = linearity.along(model, x, d)  # (t, 1, 10)
    sure, answer = logits[AT].softmax(1).max(1)
    straight = float(explained(torch.tensor(linearity.PLACES), logits))
    print(f"{name}, t = {linearity.PLACES[AT]:g}: reads {int(answer)}, {100 * float(sure):.1f} % sure")
    print(f"  a straight line explains {100 * straight:.1f} % of all ten")
