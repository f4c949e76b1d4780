"""How can it learn from noise alone? Two networks, one taught with noisy and one with clean targets, on the test set."""

from core.experiments import denoising

for name in ("n2n-gaussian-50", "n2c-gaussian-50"):
    if found := denoising.STORE.get(name):
        print(f"{name} (n = {found.n:,}, seed {found.seed}): {found.own['denoised']['mean']:.2f} dB")
