"""How often denoisers are fooled: the study's ratio and the fair one, what is behind them, and the worst attack at one budget."""

from collections import Counter
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.draw import charts
from core.experiments import attack_rates, transfer, worst_curves
from core.experiments.attack_rates import NETWORKS, STEPS, Rates
from core.experiments.transfer import Row
from core.experiments.worst_curves import Worst
from core.measures.paired import interval
from core.study.findings import bounds
from core.study.reported import Ratios
from core.types import Scores

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")  # told apart without colour too
SYMBOLS = ("circle", "square", "diamond", "cross", "x")
Records = list[dict[str, str | int]]


def statements(one: Rates, said: Ratios) -> Records:
    """Write what the study states of its ratios beside the same of ours, after every number of steps."""
    ratios = {
        f"{kind}, {k} steps": one.ratio(k, fair=fair) for kind, fair in (("here", False), ("fair", True)) for k in STEPS
    }
    rows: Records = []
    for s in said.shares:
        here = {name: f"{attack_rates.share(values, s.low, s.high):.2f} %" for name, values in ratios.items()}
        published = f"{s.published:g} %" if s.published else ""
        about = {"study reports": f"{s.percent:g} %", "its published ratios": published}
        rows.append({"statement": f"images with a ratio {bounds(s)}", **about, **here})
    means = {name: f"{float(values.mean()):.3f}" for name, values in ratios.items()}
    about = {"study reports": f"{said.mean[0]:g} to {said.mean[1]:g}", "its published ratios": f"{said.published:g}"}
    return [*rows, {"statement": "mean ratio", **about, **means}]


def ranking(found: Sequence[Rates], worst: Mapping[str, Worst], steps: int, budget: float) -> Records:
    """Write who comes where by the study's ratio, and by what the worst attack costs at one budget, in dB."""
    study, fair = dict(attack_rates.ranked(found, steps)), dict(worst_curves.ranked(worst, budget))
    lost = f"lost at L2 {budget:g}, dB"
    return [
        {
            "network": name,
            lost: worst_curves.said(worst[name].lost(budget)) if name in worst else "not measured",
            "rank": f"{list(fair).index(name) + 1}" if name in fair else "",
            "n": f"{worst[name].n:,}" if name in worst else "",
            "study's ratio": f"{study[name]:.3f}" if name in study else "not measured",
            "its rank": f"{list(study).index(name) + 1}" if name in study else "",
        }
        for name in NETWORKS
        if name in study or name in fair
    ]


def curves(worst: Mapping[str, Worst], source: str) -> go.Figure:
    """Draw what the worst attack costs over the budget: each network, and the methods that were shown the attack on `source`."""
    figure = go.Figure()
    looks = {"gaussian": charts.NOISE, "poisson": charts.ATTACK, "impulse": charts.DENOISED}
    drawn: Counter[str] = Counter()

    def line(name: str, kind: str, colour: str, one: Worst, values: Sequence[Scores]) -> None:
        means = [interval(v) for v in values]
        figure.add_scatter(
            x=list(one.budgets), y=[m for m, _ in means], name=name, mode="lines+markers", marker=dict(size=7, symbol=SYMBOLS[drawn[kind]]),
            line=dict(color=colour, dash=DASHES[drawn[kind]]), error_y=dict(array=[half for _, half in means], thickness=1), hovertemplate="%{y:.2f} dB",
        )  # fmt: skip
        drawn[kind] += 1

    for name, one in worst.items():
        kind = name.split("-")[1]
        line(name, kind, looks[kind], one, [one.lost(b) for b in one.budgets])
    if source in worst:
        one = worst[source]
        for method in one.shown:
            line(method, "", charts.GREY, one, [one.lost_by(method, b) for b in one.budgets])
    charts.axes(figure, "budget: L2 of what is added, after clipping", "dB lost beyond white noise as strong", 430)
    figure.update_yaxes(rangemode="tozero")
    return figure


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


def kinship(rows: Mapping[str, Row]) -> Records:
    """Write what an attack costs the network itself, networks from the same start, from another draw, and methods without learning, in dB."""
    records: Records = []
    for name, row in rows.items():
        kin = transfer.kin(row)
        itself = (name,) if name in row.evaluated else ()
        groups = {
            "itself": itself,
            "same start": kin.siblings,
            "another draw": kin.strangers,
            "without learning": tuple(transfer.CLASSICS),
        }
        cells = {
            title: f"{worst_curves.said(row.group(group))}{f' ({len(group)})' if len(group) > 1 else ''}" if group else "none here"
            for title, group in groups.items()
        }  # fmt: skip
        more = worst_curves.said(kin.apart) if kin.matched else ""
        records.append({"attacked": name, **cells, "same start less another draw, same noise": more})
    return records
