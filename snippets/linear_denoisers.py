"""Is it because networks are linear? How straight a denoiser is along several directions, to an L2 of 3."""

from core import checkpoints, noise
from core.data import datasets
from core.experiments import attack_path, pushes

NETWORK = "n2n-gaussian-50"
IMAGE = 87
SEED = 0

model, card = checkpoints.denoiser(NETWORK)
x = attack_path.shrunk(datasets.picture(IMAGE))
*_, found = pushes.push(model, x, None, noise.parse(card.recipe["noise"]).nominal, SEED)
for name in found.outputs:
    print(f"{name}: a straight line explains {100 * found.straight(name):.1f} % of what the output does")
