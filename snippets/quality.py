"""How well, on ten thousand images? PSNR before and after, image by image, as `python -m core measure denoising` found."""

from core.experiments import denoising

NETWORK = "n2n-gaussian-50"

found = denoising.STORE.get(NETWORK)
if found is None:
    print(f"Not measured yet: python -m core measure denoising {NETWORK}")
else:
    noisy, denoised = found.own["noisy"]["mean"], found.own["denoised"]["mean"]
    print(f"{NETWORK}, {found.noise}, n = {found.n:,}, seed {found.seed}, {found.data}")
    print(f"{noisy:.2f} dB noisy, {denoised:.2f} dB denoised, {denoised - noisy:+.2f} dB")
    print(f"{found.own['worse']:.2f} % made worse")
    level, before, after = found.table[:, :3].T  # a row for each image
    print("lost most:", (after - before).argsort()[:10].tolist())
