"""Can an answer be guaranteed? Votes on one digit under noise, and how short a change must be to leave the answer alone."""

from core import checkpoints, models
from core.data import datasets
from core.experiments import certificate, voting

NETWORK = "digit-cnn"
IMAGE = 333
VOTES = 100
BASE = "denoised"  # or "alone"
SEED = 0
AT = 4  # sigma is voting.LEVELS[AT]

model, _ = checkpoints.classifier(NETWORK)
denoiser, _ = checkpoints.denoiser("n2n-digits")
x = datasets.load("mnist", "test").images([IMAGE])
*_, found = voting.vote(certificate.bases(model, denoiser), models.autocast(denoiser), x, VOTES, SEED)
given = found.certificates[BASE][AT]
print(f"sigma {given.sigma:g}: {int(given.hits):,} of {int(given.votes.sum()):,} votes say {int(given.answer)}")
print(
    "the vote abstains" if given.abstains else f"p = {float(given.p):.4f}, guaranteed to L2 {float(given.radius):.2f}"
)
