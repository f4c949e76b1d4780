"""The networks that take noise away. What happens on the way can be returned, or changed."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise, repeat
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from core.networks.layers import Stage, max_pool
from core.types import Images, Model

Shifts = Float[Tensor, "m channels"]  # what is added to each channel of each convolution, for each image or for all
Given = Int64[Tensor, " m"]  # a label for each image, or one for all
Told = Callable[[int, Tensor], Tensor]  # (stage, its maps) -> the maps the network goes on with


class Denoiser(nn.Module):
    """A network that takes noise away: images (N, C, H, W) of any size go in, images of the same shape come out.

    Its channels are those of the pictures it was trained on; the result is not clipped.
    """

    SIDE: ClassVar = 32  # pixels: large pictures are computed in tiles that begin and end on a grid of half a SIDE
    REACH: ClassVar = 16  # pixels around such a tile, beyond which nothing may touch what comes out in it


def _stages(levels: int) -> tuple[Stage, ...]:
    """Describe the stages of a U-Net in order, what it adds to its input last."""
    found = [Stage("down1", "Down 1", "after LeakyReLU", "convolution", "image")]
    for k in range(2, levels + 3):
        pooled = "convolution, max-pool" if k < levels + 2 else "convolution"
        found.append(Stage(f"down{k}", f"Down {k}", "after LeakyReLU", pooled, f"down{k - 1}"))
    for k in range(levels, 0, -1):
        beside = f"down{k}" if k > 1 else "image"
        found.append(
            Stage(f"up{k}a", f"Up {k}a", "after LeakyReLU", "repeat, convolution", found[-1].name, beside=beside)
        )
        found.append(Stage(f"up{k}b", f"Up {k}b", "after LeakyReLU", "convolution", f"up{k}a"))
    return (*found, Stage("added", "Added", "to the input", "convolution", found[-1].name))


class UNet(Denoiser):
    """Noise2Noise's denoiser (Lehtinen et al. 2018, appendix): five levels down, five up, nothing shared between them.

    991,203 parameters, a sixteenth of that with a quarter of the `width`; takes (N, C, H, W) of any size, gives the same shape. What it computes is added to its input,
    so that it starts by doing no harm; the last convolution is in float32, also under autocast.

    An image larger than SIDE is seen through windows of that side, half overlapping and blended: what its deep levels do
    was learned on images of 32 x 32, where nearly all they see is padding, and is of no use on others (docs/log.md).
    """

    LEVELS: ClassVar = 5
    SIDE: ClassVar = 2**LEVELS  # of what it was trained on, and of the windows it sees of a larger image
    STAGES: ClassVar[tuple[Stage, ...]] = _stages(LEVELS)
    AT_ONCE: ClassVar = 64  # windows: what a layer gives is still in the cache of a processor for the next

    def __init__(self, channels: int = 3, width: int = 48) -> None:
        super().__init__()
        w = width
        down = [channels] + [w] * (self.LEVELS + 2)
        up = [2 * w, 2 * w] + [3 * w, 2 * w] * (self.LEVELS - 2) + [2 * w + channels, 4 * w // 3]
        out = [2 * w, 2 * w] + [2 * w, 2 * w] * (self.LEVELS - 2) + [4 * w // 3, 2 * w // 3]
        self.down = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(down))
        self.up = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in zip(up, out, strict=True))
        self.out = nn.Conv2d(out[-1], channels, 3, padding=1)
        self.widths = [*down[1:], *out]  # channels of what each convolution gives, but for the last
        for layer in (*self.down, *self.up):
            nn.init.kaiming_normal_(layer.weight, a=0.1)
        for name, value in self.named_parameters():
            if name.endswith("bias") or name.startswith("out"):
                nn.init.zeros_(value)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Images) -> Images:
        return self.shifted(x)

    def shifted(self, x: Images, shifts: Shifts | None = None) -> Images:
        """Denoise images of any size; `shifts`, for each or the same for all, move what each of the `widths` gives."""
        *_, h, w = x.shape
        if max(h, w) <= self.SIDE:
            whole = F.pad(x, (0, self.SIDE - w, 0, self.SIDE - h), mode="replicate")
            return x + self._corrections(whole, shifts)[..., :h, :w]
        return x + self._blended(x, shifts)

    def _corrections(self, windows: Images, shifts: Shifts | None) -> Images:
        """Compute what is to be added to images of SIDE x SIDE pixels, AT_ONCE at a time, those of an image in a row."""
        given = [windows.contiguous(memory_format=torch.channels_last)]
        if shifts is not None:
            given.append(shifts.repeat_interleave(len(windows) // len(shifts), 0))
        parts = zip(*(z.split(self.AT_ONCE) for z in given), strict=True)
        return torch.cat([self.correction(*part) for part in parts])

    def _blended(self, x: Images, shifts: Shifts | None) -> Images:
        """Compute what is to be added to images of any size: window by window, each counting most in its middle."""
        n, c, h, w = x.shape
        side, step = self.SIDE, self.SIDE // 2
        whole = F.pad(x, (0, max(0, side - w), 0, max(0, side - h)), mode="replicate")
        whole = F.pad(whole, (0, -max(w, side) % step, 0, -max(h, side) % step), mode="reflect")
        windows = F.unfold(whole, side, stride=step).transpose(1, 2).reshape(-1, c, side, side)
        added = self._corrections(windows, shifts)
        rise = torch.sin(torch.pi * (torch.arange(side, device=x.device) + 0.5) / side) ** 2
        weights = rise * rise[:, None]
        columns = (added * weights).reshape(n, -1, c * side * side).transpose(1, 2)
        alike = weights.reshape(1, -1, 1).expand(-1, -1, columns.shape[2])
        total, weight = (F.fold(laid, whole.shape[-2:], side, stride=step) for laid in (columns, alike))
        return (total / weight)[..., :h, :w]

    def correction(self, x: Images, shifts: Shifts | None = None) -> Images:
        """Compute what is to be added to images of SIDE x SIDE pixels."""
        return self.followed(x, lambda stage, z: z, shifts)

    def stages(self, x: Images, shifts: Shifts | None = None) -> dict[str, Tensor]:
        """Return what every stage computes from images of SIDE x SIDE pixels, in order, what is added to them last."""
        found: list[Tensor] = []

        def told(_: int, z: Tensor) -> Tensor:
            found.append(z)
            return z

        found.append(self.followed(x, told, shifts))
        return dict(zip((stage.name for stage in self.STAGES), found, strict=True))

    def followed(self, x: Images, told: Told, shifts: Shifts | None = None) -> Images:
        """Compute it, going on after each stage but the last, counted from 0, with what `told` makes of its maps."""
        moved = repeat(None) if shifts is None else iter(shifts[..., None, None].split(self.widths, 1))
        first, *rest, last = self.down
        z = told(0, _rectified(first(x), next(moved)))
        skips = [x]
        for stage, layer in enumerate(rest, 1):
            z = told(stage, _rectified(max_pool(layer(z)), next(moved)))  # the same as the other way round, for less
            skips.append(z)
        skips.pop()  # the deepest is where the way up begins
        z = told(self.LEVELS + 1, _rectified(last(z), next(moved)))
        for k, (one, two) in enumerate(zip(self.up[::2], self.up[1::2], strict=True)):
            z = told(self.LEVELS + 2 + 2 * k, _rectified(_joined(one, z, skips.pop()), next(moved)))
            z = told(self.LEVELS + 3 + 2 * k, _rectified(two(z), next(moved)))
        with torch.autocast(z.device.type, enabled=False):
            return self.out(z.float())  # type: ignore[no-any-return]


class ConditionedUNet(UNet):
    """A U-Net that may be told what each image shows: to what its convolutions give, a class adds a number a channel.

    These are learned, a row of `labels` for each class and a last one for images of which nothing is said, so that one network
    serves all. They begin with zero: with the weights of a plain U-Net it begins by being it.
    """

    CLASSES: ClassVar = 10
    UNTOLD: ClassVar = CLASSES  # the label of what shows none of them, or is not said

    def __init__(self, channels: int = 3, width: int = 48) -> None:
        super().__init__(channels, width)
        self.labels = nn.Embedding(self.CLASSES + 1, sum(self.widths))
        nn.init.zeros_(self.labels.weight)

    def forward(self, x: Images, labels: Given | None = None) -> Images:
        """Denoise images, each with its label, or all with the only one given; without any they are UNTOLD."""
        told = torch.tensor([self.UNTOLD], device=x.device) if labels is None else labels
        return self.shifted(x, self.labels(told))

    def stages(self, x: Images, shifts: Shifts | None = None) -> dict[str, Tensor]:
        """Return what every stage computes, told nothing unless `shifts` say otherwise."""
        return super().stages(x, self.labels.weight[[self.UNTOLD]] if shifts is None else shifts)

    def given(self, labels: Given) -> Model:
        """Return the network as it is for images with these labels, in this order, or for any with a single one."""
        return partial(self, labels=labels.to(self.labels.weight.device))


def _joined(layer: nn.Module, z: Tensor, skip: Tensor) -> Tensor:
    """Convolve `z`, upsampled 2 x 2 by repetition, and beside it `skip`, without upsampling or joining them.

    On repeated pixels a 3 x 3 kernel is a transposed convolution of stride 2, whose 4 x 4 weights are sums of four of the
    kernel's: the same values for 4 instead of 9 multiplications.
    """
    assert isinstance(layer, nn.Conv2d)
    repeated, beside = layer.weight.split([z.shape[1], skip.shape[1]], 1)
    sums = F.avg_pool2d(F.pad(repeated, (1, 1, 1, 1)), 2, stride=1, divisor_override=1)  # (out, in, 4, 4)
    above = F.conv_transpose2d(z, sums.flip(2, 3).transpose(0, 1), layer.bias, stride=2, padding=1)
    return above + F.conv2d(skip.to(z.dtype), beside, padding=1)


def _rectified(z: Tensor, shift: Tensor | None) -> Tensor:
    return F.leaky_relu(z if shift is None else z + shift.to(z.dtype), 0.1, inplace=True)
