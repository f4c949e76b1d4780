"""How can it learn from noise alone? What each loss settles on at one pixel that is seen under noise again and again."""

from core.noise import RandomImpulse
from core.training import minimisers

ADD = RandomImpulse(p=0.5)
VALUE = 0.2
EXPONENT = 0.3

targets = minimisers.draws(ADD, VALUE, seed=0)
for name, loss in minimisers.losses(EXPONENT).items():
    print(f"{name} settles at {minimisers.settle(loss, targets).best:.3f}")
print(f"root of the Hilbert transform: {minimisers.root(minimisers.hilbert(targets)):.3f}")
