"""How can it learn from noise alone? One training pair: the same picture twice, under two draws at one level."""

from core.data import datasets
from core.noise import BlindGaussian
from core.types import generator

IMAGE = 87
ADD = BlindGaussian(sigma_max=50.0)
DRAW = 0

x = datasets.middle(datasets.picture(IMAGE), 128)  # of a large one
rng = generator(DRAW)
level = ADD.draw(1, rng)
seen, target = ADD.at_level(x, level, rng), ADD.at_level(x, level, rng)
print(f"{ADD!r}, this pair {float(level):.3g} {ADD.LEVEL.unit}, draw {DRAW}")
print("it sees", tuple(seen.shape), "and shall say", tuple(target.shape))
