"""What happens inside? How far noise, an attack and chance as strong move a block of a denoiser, as a share of its length."""

import torch

from core import checkpoints, noise
from core.attacks import DAG
from core.data import datasets
from core.experiments import attack_path
from core.measures import inside, metrics

NETWORK = "n2n-gaussian-50"
IMAGE = 87
BLOCK = "down1"

model, card = checkpoints.denoiser(NETWORK)
x = datasets.picture(IMAGE)
*_, found = attack_path.run(model, DAG(), x, noise.parse(card.recipe["noise"]).nominal, 0, x)
shown = {"clean": x, "noisy": found.batch.noisy, "attacked": found.attacked[-1:], "white noise": found.white[-1:]}
moved = inside.moved(inside.maps(model, torch.cat([*shown.values()])))
for (name, z), share in [*zip(shown.items(), moved[BLOCK], strict=True)][1:]:
    print(f"{name}: L2 {float(metrics.l2(z, x)):.2f}, moves the block by {100 * share:.0f} %")
