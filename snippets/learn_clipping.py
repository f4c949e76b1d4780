"""How can it learn from noise alone? Noisy targets averaged, clipped and not: a clipped one has lost its mean."""

from core import noise
from core.data import datasets
from core.noise import Gaussian
from core.types import generator

IMAGE = 87
SIGMA = 100  # grey levels
AVERAGED = 256

x, rng = datasets.middle(datasets.picture(IMAGE), 128), generator(0)
targets = [Gaussian(SIGMA)(x, rng) for _ in range(AVERAGED)]
free, clipped = sum(targets) / AVERAGED, sum(map(noise.eight_bit, targets)) / AVERAGED
for name, values in {"dark": x < 0.1, "bright": x > 0.9, "all": x >= 0}.items():
    biases = [255 * float((mean - x)[values].mean()) for mean in (free, clipped)]
    print("{}: bias {:+.1f} grey levels, clipped {:+.1f}".format(name, *biases))
