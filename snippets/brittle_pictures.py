"""Is it because features are brittle? What one channel of a denoiser is worth, and what is left of that at worst, as measured."""

from core.experiments import unet_features

NETWORK = "n2n-gaussian-50"
CHANNEL = "1-1"  # stage and channel, from 1

found = unet_features.STORE.get(NETWORK)
if found is None:
    print(f"Not measured yet: python -m core measure unet-features {NETWORK}")
else:
    stage, number = map(int, CHANNEL.split("-"))
    channel = (stage - 1) * unet_features.CHANNELS + number - 1
    print(f"{CHANNEL} of {NETWORK}; n = {found.n}, seed {found.seed}, {found.data}")
    for name in ("useful", "at worst"):
        print(f"{name}: {float(found.column(name)[channel]):.4f} ± {float(found.half(name)[channel]):.4f} dB")
