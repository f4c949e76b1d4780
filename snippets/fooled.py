"""Can a denoiser be fooled? A picture after some steps of an attack, beside white noise of exactly the same L2."""

from core import checkpoints, noise
from core.attacks.denoisers import L2PGD
from core.data import datasets
from core.experiments import attack_path
from core.measures import metrics

NETWORK = "n2n-gaussian-50"
IMAGE = 87
ATTACK = L2PGD()
AIM = 12  # what Lookalike makes it look like
SEED = 0
AT = 40  # steps

model, card = checkpoints.denoiser(NETWORK)
x, aim = attack_path.shrunk(datasets.picture(IMAGE)), datasets.picture(AIM)
made_for = noise.parse(card.recipe["noise"]).nominal
*_, found = attack_path.run(model, ATTACK, x, made_for, SEED, attack_path.aimed(aim, x))
print(f"{ATTACK!r} after {AT} steps: L2 {float(found.l2[AT]):.1f}")
for name, z in {"attack, denoised": found.denoised, "chance, denoised": found.white_denoised}.items():
    print(f"{name}: {float(metrics.psnr(z[[AT]], x)):.1f} dB")
