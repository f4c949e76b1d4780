"""Is adversarial noise like noise? How the noise, the first gradient J^T n and what DAG adds hang together."""

from core import checkpoints, noise
from core.attacks.denoisers import DAG
from core.data import datasets
from core.experiments import attack_path
from core.measures import jacobian
from core.measures.noise_similarity import correlation, distance

NETWORK = "n2n-gaussian-50"
IMAGE = 87
ATTACK = DAG()
SEED = 0

model, card = checkpoints.denoiser(NETWORK)
x = attack_path.shrunk(datasets.picture(IMAGE))
*_, found = attack_path.run(model, ATTACK, x, noise.parse(card.recipe["noise"]).nominal, SEED, x)
n, added = found.batch.noisy - x, found.attacked[-1:] - x
first = jacobian.vjp(model, x, n)
print(f"correlation of n with J^T n {correlation(n, first):.2f}, of n with what is added {correlation(n, added):.2f}")
print(f"Wasserstein {distance(n, added).wasserstein:.1f} grey levels, KS {distance(n, added).kolmogorov:.3f}")
