"""Does it transfer? Decibels that an attack on one denoiser costs others, as `python -m core measure transfer` found."""

from core.experiments import transfer

for attacked, row in transfer.STORE.current().items():
    print(f"{attacked}, n = {row.n}, mean L2 of the attack {row.l2:.1f}")
    for other, lost in row.lost.items():
        print(f"  {other}: {lost:+.2f} dB beyond chance (95 % interval ±{row.interval[other]:.2f})")
