"""Is a denoiser a defence? One digit under every threat: who knows of the denoiser, and who does not."""

from core import checkpoints
from core.data import datasets
from core.experiments import defence

NETWORK = "digit-cnn"
IMAGE = 20
EPSILON = 0.2

model, _ = checkpoints.classifier(NETWORK)
denoiser, _ = checkpoints.denoiser(defence.SHIELD)
test = datasets.load("mnist", "test")
x, y = test.images([IMAGE]), test.labels[[IMAGE]]
*_, found = defence.tried(model, denoiser, x, y, EPSILON)
for threat, one in found.items():
    said = int(one.sure.argmax())
    print(f"{threat}: reads {said} ({100 * float(one.sure[said]):.0f} % sure): {'right' if said == y else 'wrong'}")
