"""How often denoisers are fooled, as tables: the study's ratio and the fair one, and what is behind them."""

from collections.abc import Sequence

import numpy as np

from core.experiments import attack_rates
from core.experiments.attack_rates import STEPS, Rates
from core.study.reported import Ratios

Records = list[dict[str, str | int]]


def statements(one: Rates, said: Ratios) -> Records:
    """Write what the study states of its ratios beside the same of ours, after every number of steps."""
    ratios = {
        f"{kind}, {k} steps": one.ratio(k, fair=fair) for kind, fair in (("here", False), ("fair", True)) for k in STEPS
    }
    rows: Records = []
    for s in said.shares:
        ends = (
            f"up to {s.high:g}"
            if np.isinf(s.low)
            else f"from {s.low:g}" + ("" if np.isinf(s.high) else f" to {s.high:g}")
        )
        here = {name: f"{attack_rates.share(values, s.low, s.high):.2f} %" for name, values in ratios.items()}
        rows.append({"statement": f"images with a ratio {ends}", "study reports": f"{s.percent:g} %", **here})
    means = {name: f"{float(values.mean()):.3f}" for name, values in ratios.items()}
    return [*rows, {"statement": "mean ratio", "study reports": f"{said.mean[0]:g} to {said.mean[1]:g}", **means}]


def ranking(found: Sequence[Rates], steps: int) -> Records:
    """Write the mean ratios of networks and the ranks they give."""
    study, fair = (dict(attack_rates.ranked(found, steps, which)) for which in (False, True))
    return [
        {
            "network": f.network,
            "n": f"{f.n:,}",
            "study's ratio": f"{study[f.network]:.3f}",
            "rank": list(study).index(f.network) + 1,
            "fair ratio": f"{fair[f.network]:.3f}",
            "fair rank": list(fair).index(f.network) + 1,
            "L2 of the noise": f"{f.means['noisy_l2']:.2f}",
            "of the attack": f"{f.means[f'l2_{steps}']:.2f}",
        }
        for f in found
    ]


def decibels(found: Sequence[Rates], steps: int) -> Records:
    """Write the mean PSNR of the attacked picture, and of what each network makes of four inputs."""
    columns = {
        "attacked": f"adversarial_{steps}",
        "after noise": "denoised",
        "after the attack": f"fooled_{steps}",
        "white, as strong": f"random_{steps}",
        "its own, as strong": f"own_{steps}",
    }
    return [{"network": f.network, **{title: f"{f.means[c]:.1f}" for title, c in columns.items()}} for f in found]
