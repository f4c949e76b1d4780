"""What happens inside? How far a noise or an attack moves a block of a network that reads digits, as a share of its length."""

import torch

from core import checkpoints
from core.attacks.linf import FGSM
from core.data import datasets
from core.experiments.trial import bind, trial
from core.measures import inside, metrics

NETWORK = "digit-cnn"
IMAGE = 333
ADD = FGSM(epsilon=0.1)
SEED = 0
BLOCK = "conv1"

model, _ = checkpoints.classifier(NETWORK)
test = datasets.load("mnist", "test")
x, y = test.images([IMAGE]), test.labels[[IMAGE]]
z = trial(model, x, bind(ADD, model, y, SEED)).corrupted
moved = inside.moved(inside.maps(model, torch.cat([x, z])))
print(f"L2 {float(metrics.l2(z, x)):.2f}, moves the block by {100 * moved[BLOCK][1]:.0f} %")
