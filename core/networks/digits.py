"""The networks that read digits. A forward pass can return everything that happened on the way."""

from typing import ClassVar, Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn

from core.networks.layers import Stage, max_pool
from core.types import Images, Logits


@runtime_checkable
class AffineFirst(Protocol):
    """A network whose first layer is affine: what a pixel adds to it can be looked up instead of computed anew."""

    def first(self, x: Images) -> Tensor: ...

    def rest(self, affine: Tensor) -> Logits: ...


class DigitCNN(nn.Module):
    """The study's digit classifier (section 2.3): two 5x5 convolutions, pooled then rectified, and two linear layers.

    45,968 parameters; takes (N, 1, 28, 28), gives (N, 10) logits.
    """

    STAGES: ClassVar[tuple[Stage, ...]] = (
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

    STAGES: ClassVar[tuple[Stage, ...]] = (
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


Classifier = DigitCNN | DigitMLP
