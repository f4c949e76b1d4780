"""Is it because networks are linear? On which side of their kinks the units stand, clean, under chance and attack."""

from core import checkpoints
from core.data import datasets
from core.experiments import linearity
from core.measures.linearity import rectified

NETWORK = "digit-cnn"
IMAGE = 333
SEED = 0
STAGE = "relu1"

model, _ = checkpoints.classifier(NETWORK)
test = datasets.load("mnist", "test")
x, y = test.images([IMAGE]), test.labels[[IMAGE]]
ways = linearity.lines(model, x, y, SEED)
clean = rectified(model, x)[STAGE] > 0
for name, z in {"clean": x, **{name: x + linearity.SIZE * d for name, d in ways.items()}}.items():
    on = rectified(model, z)[STAGE] > 0
    print(f"{name}: {int(on.sum())} of {on.numel()} answer, {int((on != clean).sum())} passed their kink")
