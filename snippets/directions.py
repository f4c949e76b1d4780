"""Which direction hurts most? How much a denoiser amplifies its worst direction, attacks, and chance."""

from core import checkpoints, noise
from core.data import datasets
from core.experiments import attack_path, pushes
from core.types import generator

NETWORK = "n2n-gaussian-50"
IMAGE = 87
LEVEL = "clean"  # or a level of its noise, as "25"
SEED = 0
AT = 30  # the length of the push is pushes.LENGTHS[AT]

model, card = checkpoints.denoiser(NETWORK)
made_for = noise.parse(card.recipe["noise"])
levels = {f"{float(one.draw(1, generator(0))):g}": one for one in made_for.fixed}
x = attack_path.shrunk(datasets.picture(IMAGE))
*_, found = pushes.push(model, x, levels.get(LEVEL), made_for.nominal, SEED)
for name in pushes.NAMES:
    moved = float(found.moved(name)[AT])
    print(f"{name}: x{found.gain(name):.2f}, cosine with v1 {found.cosine(name):.2f}, moves the output by {moved:.2f}")
