"""What does the network see? A digit before and after a noise or an attack: the answers, and every layer on the way."""

from core import checkpoints
from core.attacks.linf import FGSM
from core.data import datasets
from core.experiments.trial import bind, trial
from core.measures import metrics

NETWORK = "digit-cnn"
IMAGE = 333
ADD = FGSM(epsilon=0.1)
SEED = 0

model, _ = checkpoints.classifier(NETWORK)
test = datasets.load("mnist", "test")
x, y = test.images([IMAGE]), test.labels[[IMAGE]]
found = trial(model, x, bind(ADD, model, y, SEED))
for name, logits in {"clean": found.before, repr(ADD): found.after}.items():
    sure, answer = logits.softmax(1).max(1)
    print(f"{name}: reads {int(answer)}, {100 * float(sure):.1f} % sure")
print(f"L2 {float(metrics.l2(found.corrupted, x)):.2f}")
for name, maps in model.stages(found.corrupted).items():
    print(name, tuple(maps.shape))
