"""How few pixels are enough? Every single pixel tried; then a few of them searched for."""

import torch

from core import checkpoints
from core.attacks.few_pixels import OnePixel
from core.data import datasets
from core.experiments.weak_spots import weak_spots

NETWORK = "digit-cnn"
IMAGE = 3
SEARCH = OnePixel(pixels=1)
VALUES = "bw"  # or "five" greys

model, _ = checkpoints.classifier(NETWORK)
test = datasets.load("mnist", "test")
x, y = test.images([IMAGE]), test.labels[[IMAGE]]
spots = weak_spots(model, x, y, {"bw": (0.0, 1.0), "five": (0.0, 0.25, 0.5, 0.75, 1.0)}[VALUES])
print(
    f"{int(spots.flipped.sum())} of {spots.flipped.numel()} single pixels change the answer; weakest: {spots.weakest}"
)
with torch.no_grad():
    sure = model(SEARCH(model, x, y)).softmax(1)[0]
print(f"{SEARCH!r}: reads {int(sure.argmax())}, {100 * float(sure[y]):.1f} % sure of {int(y)}")
