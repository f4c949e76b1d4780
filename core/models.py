"""The networks. Any normalisation is inside; a forward pass can return everything that happened on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, repeat
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from core.types import Images, Logits, Model

T = TypeVar("T", bound=nn.Module)
Shifts = Float[Tensor, "m channels"]  # what is added to each channel of each convolution, for each image or for all
Given = Int64[Tensor, " m"]  # a label for each image, or one for all
Told = Callable[[int, Tensor], Tensor]  # (stage, its maps) -> the maps the network goes on with


@runtime_checkable
class AffineFirst(Protocol):
    """A network whose first layer is affine: what a pixel adds to it can be looked up instead of computed anew."""

    def first(self, x: Images) -> Tensor: ...

    def rest(self, affine: Tensor) -> Logits: ...


@dataclass(frozen=True)
class Stage:
    """Describe one stage of a network for whoever shows it: what it does, to what, and which pixels it can see."""

    name: str  # the key in `stages`
    layer: str
    title: str
    operation: str  # convolution, max-pool, ReLU, linear
    source: str  # the stage it reads
    field: int  # side of the receptive field, pixels
    stride: int  # pixels between the fields of two neighbours


def max_pool(z: Tensor) -> Tensor:
    """Pool 2 x 2 by the maximum.

    Without a gradient this compares slices: bit for bit the values of `F.max_pool2d`, ten times as fast on a CPU.
    With one it is `F.max_pool2d`, which sends the gradient of a tie to the first of the tied values.
    """
    if z.requires_grad:
        return F.max_pool2d(z, 2)
    rows = torch.maximum(z[..., ::2, :], z[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


class DigitCNN(nn.Module):
    """The study's digit classifier (section 2.3): two 5x5 convolutions, pooled then rectified, and two linear layers.

    45,968 parameters; takes (N, 1, 28, 28), gives (N, 10) logits.
    """

    STAGES: ClassVar = (
        Stage("conv1", "Layer 1", "before pooling", "convolution", "image", 5, 1),
        Stage("pool1", "Layer 1", "after pooling", "max-pool", "conv1", 6, 2),
        Stage("relu1", "Layer 1", "after ReLU", "ReLU", "pool1", 6, 2),
        Stage("conv2", "Layer 2", "before pooling", "convolution", "relu1", 14, 2),
        Stage("pool2", "Layer 2", "after pooling", "max-pool", "conv2", 16, 4),
        Stage("relu2", "Layer 2", "after ReLU", "ReLU", "pool2", 16, 4),
        Stage("hidden", "Hidden", "after ReLU", "linear", "relu2", 28, 0),
    )

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5)
        self.conv2 = nn.Conv2d(3, 5, 5)
        self.fc1 = nn.Linear(80, 500)
        self.fc2 = nn.Linear(500, 10)

    def first(self, x: Images) -> Tensor:
        """Compute what `rest` goes on with: an affine map of the images, (N, 3, 24, 24)."""
        return self.conv1(x)  # type: ignore[no-any-return]

    def rest(self, conv1: Tensor) -> Logits:
        """Go on from `first` to the logits."""
        return self._after(conv1)["logits"]

    def stages(self, x: Images) -> dict[str, Tensor]:
        """Return what every stage of the network computes from `x`, in order, the logits last."""
        return self._after(self.first(x))

    def _after(self, conv1: Tensor) -> dict[str, Tensor]:
        pool1 = max_pool(conv1)  # (N, 3, 12, 12)
        relu1 = F.relu(pool1)
        conv2 = self.conv2(relu1)  # (N, 5, 8, 8)
        pool2 = max_pool(conv2)  # (N, 5, 4, 4)
        relu2 = F.relu(pool2)
        hidden = F.relu(self.fc1(relu2.flatten(1)))  # (N, 500)
        logits = self.fc2(hidden)
        return dict(
            conv1=conv1, pool1=pool1, relu1=relu1, conv2=conv2, pool2=pool2, relu2=relu2, hidden=hidden, logits=logits
        )

    def forward(self, x: Images) -> Logits:
        return self.stages(x)["logits"]


class DigitMLP(nn.Module):
    """A classifier without convolutions, 784-128-64-10, for comparison."""

    STAGES: ClassVar = (
        Stage("hidden1", "Hidden 1", "after ReLU", "linear", "image", 28, 0),
        Stage("hidden2", "Hidden 2", "after ReLU", "linear", "hidden1", 28, 0),
    )

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def first(self, x: Images) -> Tensor:
        """Compute what `rest` goes on with: an affine map of the images, (N, 128)."""
        return self.fc1(x.flatten(1))  # type: ignore[no-any-return]

    def rest(self, affine: Tensor) -> Logits:
        """Go on from `first` to the logits."""
        return self._after(affine)["logits"]

    def stages(self, x: Images) -> dict[str, Tensor]:
        """Return what every stage of the network computes from `x`, in order, the logits last."""
        return self._after(self.first(x))

    def _after(self, affine: Tensor) -> dict[str, Tensor]:
        hidden1 = F.relu(affine)  # (N, 128)
        hidden2 = F.relu(self.fc2(hidden1))  # (N, 64)
        return dict(hidden1=hidden1, hidden2=hidden2, logits=self.fc3(hidden2))

    def forward(self, x: Images) -> Logits:
        return self.stages(x)["logits"]


class Denoiser(nn.Module):
    """A network that takes noise away: images (N, C, H, W) of any size go in, images of the same shape come out.

    Its channels are those of the pictures it was trained on; the result is not clipped.
    """

    SIDE: ClassVar = 32  # pixels: large pictures are computed in tiles that begin and end on a grid of half a SIDE
    REACH: ClassVar = 16  # pixels around such a tile, beyond which nothing may touch what comes out in it


class UNet(Denoiser):
    """Noise2Noise's denoiser (Lehtinen et al. 2018, appendix): five levels down, five up, nothing shared between them.

    991,203 parameters, a sixteenth of that with a quarter of the `width`; takes (N, C, H, W) of any size, gives the same shape. What it computes is added to its input,
    so that it starts by doing no harm; the last convolution is in float32, also under autocast.

    An image larger than SIDE is seen through windows of that side, half overlapping and blended: what its deep levels do
    was learned on images of 32 x 32, where nearly all they see is padding, and is of no use on others (docs/log.md).
    """

    LEVELS: ClassVar = 5
    SIDE: ClassVar = 2**LEVELS  # of what it was trained on, and of the windows it sees of a larger image
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

    def followed(self, x: Images, told: Told, shifts: Shifts | None = None) -> Images:
        """Compute it, going on after each stage of the way down, 0 to LEVELS + 1, with what `told` makes of its maps."""
        moved = repeat(None) if shifts is None else iter(shifts[..., None, None].split(self.widths, 1))
        first, *rest, last = self.down
        z = told(0, _rectified(first(x), next(moved)))
        skips = [x]
        for stage, layer in enumerate(rest, 1):
            z = told(stage, _rectified(max_pool(layer(z)), next(moved)))  # the same as the other way round, for less
            skips.append(z)
        skips.pop()  # the deepest is where the way up begins
        z = told(self.LEVELS + 1, _rectified(last(z), next(moved)))
        for one, two in zip(self.up[::2], self.up[1::2], strict=True):
            z = _rectified(_joined(one, z, skips.pop()), next(moved))
            z = _rectified(two(z), next(moved))
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

    def given(self, labels: Given) -> Model:
        """Return the network as it is for images with these labels, in this order, or for any with a single one."""
        return partial(self, labels=labels.to(self.labels.weight.device))


def native_bfloat16(device: str) -> bool:
    """Say whether a "cpu" or "cuda" computes in bfloat16; to emulate it takes three times as long (docs/log.md)."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def precision(device: str) -> str:
    """Return the precision in which `autocast` computes on a "cpu" or "cuda"."""
    return "bfloat16" if native_bfloat16(device) else "float32"


def autocast(model: Model) -> Model:
    """Return `model` for work on many images: its convolutions in bfloat16 where the machine computes in it.

    Twice to three times as fast; the mean PSNR of a denoiser moves by 0.002 dB, that of a single image by up to 0.14.
    """

    def run(x: Images) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=native_bfloat16(x.device.type)):
            return model(x)

    return run


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


Classifier = DigitCNN | DigitMLP
Network = DigitCNN | DigitMLP | Denoiser
ARCHITECTURES: dict[str, Callable[[], Network]] = {
    "DigitCNN": DigitCNN,
    "DigitMLP": DigitMLP,
    "UNet": UNet,
    "ConditionedUNet": ConditionedUNet,
    "DigitUNet": partial(UNet, channels=1, width=12),
}
EXTENDED = {"ConditionedUNet": "UNet"}  # can begin with the weights of which other kind


def build(architecture: str, seed: int) -> Network:
    """Build a network with weights drawn from `seed`, without touching the global random stream."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # noqa: TID251
        return ARCHITECTURES[architecture]()


def freeze(model: T) -> T:
    """Put a network into eval mode for good: no gradient of a weight, safe to share between sessions."""
    model.eval().requires_grad_(False)
    return model
