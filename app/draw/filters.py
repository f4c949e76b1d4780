"""The filters of a digit network, and the digits that excite them."""

from collections.abc import Sequence

from torch import Tensor

from app import address
from app.draw import pictures
from app.draw.pictures import Picture
from core.data.datasets import Dataset
from core.measures.top_activations import Peak
from core.networks.layers import Stage


def patterns(weights: Tensor, limit: float, factor: int = 14) -> Picture:
    """Paint the patterns of one filter, (inputs, h, w), beside each other: red adds, blue subtracts, full colour at `limit`."""
    return pictures.row([pictures.diverging(w, limit) for w in weights], factor)


def excited(test: Dataset, peaks: Sequence[Peak], stage: Stage) -> Picture:
    """Paint the digits that excite a unit most, the part of each that it answers to in a frame."""
    framed = [
        pictures.framed(test.images([p.image])[0], p.row * stage.stride, p.column * stage.stride, stage.field)
        for p in peaks
    ]
    return pictures.grid(framed, len(framed))


def numbers(peaks: Sequence[Peak], network: str) -> str:
    """Say which test digits these are, each a link to what a network sees of it, and how strongly they are answered."""
    links = (f"[{p.image}]({address.to('see', network=network, image=p.image)})" for p in peaks)
    return f"no. {', '.join(links)}: it answers {peaks[0].value:.2f} to {peaks[-1].value:.2f}"
