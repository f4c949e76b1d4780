"""How often is it fooled? The study's ratio of PSNRs, and the worst at one budget for all, as measured."""

from core.experiments import attack_rates, worst_curves

NETWORK = "n2n-gaussian-50"
STEPS = 40  # or 30
BUDGET = 2.0  # L2, the same for all networks

found = attack_rates.STORE.get(NETWORK)
if found is None:
    print("Not measured yet: python -m core measure attack-rates")
else:
    print(f"{NETWORK}, {found.attack}, n = {found.n:,}, seed {found.seed}, {found.data}")
    print(f"study's ratio, mean {float(found.ratio(STEPS, fair=False).double().mean()):.3f}")
    print(f"L2 of the noise {found.means['noisy_l2']:.1f}, of the attack {found.means[f'l2_{STEPS}']:.1f}")
    print(worst_curves.verdict(worst_curves.current(), BUDGET))
