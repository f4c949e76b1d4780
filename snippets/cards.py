"""Which networks are here? The recipe of one, and what it scores."""

from core import checkpoints
from core.experiments import accuracy, denoising

NETWORK = "digit-cnn"

card = checkpoints.read(NETWORK)
print(f"{card.title}, a {card.architecture} trained on {card.dataset}, seed {card.seed}, commit {card.commit}")
for name, value in card.recipe.items():
    print(f"  {name.replace('_', ' ')}: {value}")
if found := denoising.STORE.get(NETWORK):
    print(f"{found.own['denoised']['mean']:.2f} dB, n = {found.n:,}, under {found.noise}")
if clean := accuracy.clean(NETWORK):
    print(f"{clean[0]:.2f} % of the test digits read right, n = {clean[1].n:,}")
