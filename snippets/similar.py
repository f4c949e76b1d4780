"""Which training images look like this? The nearest by second-layer maps, before and after a noise or an attack."""

from core import checkpoints
from core.attacks.linf import FGSM
from core.data import datasets
from core.experiments.trial import bind, trial
from core.measures import feature_neighbours

NETWORK = "digit-cnn"
IMAGE = 333
ADD = FGSM(epsilon=0.1)
SEED = 0
METRIC = "SSIM"  # or "cosine", "L2"
AMONG = "class"  # of the answer; or "all"

model, _ = checkpoints.classifier(NETWORK)
test, train = datasets.load("mnist", "test"), datasets.load("mnist", "train")
found = trial(model, test.images([IMAGE]), bind(ADD, model, test.labels[[IMAGE]], SEED))
atlas = feature_neighbours.atlas(model, train)
for x, logits in ((found.clean, found.before), (found.corrupted, found.after)):
    answer, maps = int(logits.argmax()), feature_neighbours.maps(model, x)
    near, alike = feature_neighbours.nearest(atlas, maps, METRIC, answer if AMONG == "class" else None, 1)
    print(f"reads {answer}; no. {near[0]:,}, a {int(train.labels[near[0]])}, {METRIC} {alike[0]:.3f}")
