"""What has it learned? The test digits that each filter of both layers answers to most."""

from core import checkpoints
from core.data import datasets
from core.measures import top_activations

NETWORK = "digit-cnn"

model, _ = checkpoints.classifier(NETWORK)
test = datasets.load("mnist", "test")
for layer in ("conv1", "conv2"):
    for number, peaks in enumerate(top_activations.peaks(model, test, layer, 8), 1):
        images = ", ".join(str(peak.image) for peak in peaks)
        print(f"{layer}, filter {number}: no. {images}: it answers {peaks[0].value:.2f} to {peaks[-1].value:.2f}")
