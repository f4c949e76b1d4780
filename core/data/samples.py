"""What is there without a download: digits that ship inside scikit-learn, photographs that ship inside scikit-image."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from core.types import Images, Labels, Scores, Uint8Images

PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "hubble_deep_field",
    "motorcycle_left",
    "camera",
    "moon",
    "ihc",
    "retina",
)

LANDSCAPES = ("china", "flower")  # inside scikit-learn
GREY = (
    "brick",
    "cell",
    "clock_motion",
    "coins",
    "grass",
    "gravel",
    "microaneurysms",
    "page",
    "text",
)  # and in scikit-image
EVERY = (
    *PHOTOGRAPHS,
    *LANDSCAPES,
    *GREY,
)  # all that a camera took, but the right eye of a pair and what is 32 pixels or less


def digits(train: bool) -> tuple[Uint8Images, Labels]:
    """Return scikit-learn's 1,797 scanned digits in MNIST's frame (N, 1, 28, 28): the first 1,000 to learn from, 797 to test."""
    part = slice(0, 1000) if train else slice(1000, None)
    table = np.loadtxt(_inside("sklearn") / "datasets/data/digits.csv.gz", np.float32, delimiter=",")[part]
    pixels, labels = torch.from_numpy(table).split([64, 1], dim=1)
    x = pixels.reshape(-1, 1, 8, 8) / 16
    x = interpolate(x, (18, 18), mode="bicubic", align_corners=True).clamp(0, 1)
    return (centred(x) * 255).round().to(torch.uint8), labels.flatten().long()


def _inside(package: str) -> Path:
    """Return the folder of a package that is not imported: scikit-learn takes a second."""
    spec = find_spec(package)
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


def centred(x: Images) -> Float[Tensor, "n 1 28 28"]:
    """Put digits of at most 28 x 28 into MNIST's frame: their centre of mass in the middle of 28 x 28."""
    size = x.shape[-1]
    rows, columns = (_centre(x.sum(dim)) for dim in ((1, 3), (1, 2)))
    frame = torch.zeros(len(x), 1, 28, 28)
    for image, digit, row, column in zip(frame, x, rows.tolist(), columns.tolist(), strict=True):
        top, left = (min(28 - size, max(0, round(13.5 - centre))) for centre in (row, column))
        image[:, top : top + size, left : left + size] = digit
    return frame


def _centre(mass: Float[Tensor, "n k"]) -> Scores:
    """Return the centre of each row of `mass` (N, K); the middle where there is none."""
    place = torch.arange(mass.shape[1], dtype=mass.dtype)
    total = mass.sum(1)
    return torch.where(total > 0, (mass * place).sum(1) / total.clamp(min=1e-9), place.mean())


@cache
def photograph(name: str) -> np.ndarray:
    """Return a photograph that ships inside scikit-image or scikit-learn, one of EVERY, uint8 (H, W, 3); a grey one thrice."""
    place = _inside("sklearn") / "datasets/images" if name in LANDSCAPES else _inside("skimage") / "data"
    picture = np.array(Image.open(next(place.glob(f"{name}.*"))))
    return np.ascontiguousarray(picture[..., :3] if picture.ndim == 3 else np.stack([picture] * 3, axis=-1))


def tiles(train: bool) -> tuple[Uint8Images, Labels]:
    """Cut the PHOTOGRAPHS into tiles (N, 3, 32, 32), each labelled by its photograph; every fifth tile is to test."""
    pixels, labels = [], []
    for label, name in enumerate(PHOTOGRAPHS):
        picture = torch.from_numpy(photograph(name))[::2, ::2].permute(2, 0, 1)  # half size: a tile shows something
        cut = picture.unfold(1, 32, 32).unfold(2, 32, 32).permute(1, 2, 0, 3, 4).reshape(-1, 3, 32, 32)
        chosen = [i for i in range(len(cut)) if (i % 5 != 0) == train]
        pixels.append(cut[chosen])
        labels.append(torch.full((len(chosen),), label))
    return torch.cat(pixels).contiguous(), torch.cat(labels)
