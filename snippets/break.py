"""How fast does it break? Digits read right, in percent, at every strength, as `python -m core measure accuracy` counted."""

from core.experiments import accuracy, networks

VIEW = "noise"  # or "attack"

kinds = {"noise": ("SaltAndPepper", "ReplaceGaussian"), "attack": ("FGSM", "PGD", "WorstCase")}[VIEW]
for network in networks.classifiers():
    for curve in accuracy.of(network):
        if curve.kind in kinds:
            print(f"{network}, {curve.corruption}, n = {curve.n:,}, {curve.data}")
            for level, share in zip(curve.levels, curve.accuracy, strict=True):
                low, high = curve.interval(level)
                print(f"  {level:g}: {share:.2f} % right (95 % interval {low:.2f} to {high:.2f})")
