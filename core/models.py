"""The networks. Any normalisation is inside; a forward pass can return everything that happened on the way."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.types import Images, Logits


class DigitCNN(nn.Module):
    """The study's digit classifier (section 2.3): two 5x5 convolutions, pooled then rectified, and two linear layers.

    45,968 parameters; takes (N, 1, 28, 28), gives (N, 10) logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5)
        self.conv2 = nn.Conv2d(3, 5, 5)
        self.fc1 = nn.Linear(80, 500)
        self.fc2 = nn.Linear(500, 10)

    def stages(self, x: Images) -> dict[str, Tensor]:
        """Return what every stage of the network computes from `x`, in order, the logits last."""
        conv1 = self.conv1(x)  # (N, 3, 24, 24)
        pool1 = F.max_pool2d(conv1, 2)  # (N, 3, 12, 12)
        relu1 = F.relu(pool1)
        conv2 = self.conv2(relu1)  # (N, 5, 8, 8)
        pool2 = F.max_pool2d(conv2, 2)  # (N, 5, 4, 4)
        relu2 = F.relu(pool2)
        hidden = F.relu(self.fc1(relu2.flatten(1)))  # (N, 500)
        return dict(
            conv1=conv1, pool1=pool1, relu1=relu1, conv2=conv2, pool2=pool2, relu2=relu2, hidden=hidden, logits=self.fc2(hidden)
        )

    def forward(self, x: Images) -> Logits:
        return self.stages(x)["logits"]


class DigitMLP(nn.Module):
    """A classifier without convolutions, 784-128-64-10, for comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def stages(self, x: Images) -> dict[str, Tensor]:
        """Return what every stage of the network computes from `x`, in order, the logits last."""
        hidden1 = F.relu(self.fc1(x.flatten(1)))  # (N, 128)
        hidden2 = F.relu(self.fc2(hidden1))  # (N, 64)
        return dict(hidden1=hidden1, hidden2=hidden2, logits=self.fc3(hidden2))

    def forward(self, x: Images) -> Logits:
        return self.stages(x)["logits"]


Classifier = DigitCNN | DigitMLP
ARCHITECTURES = {"DigitCNN": DigitCNN, "DigitMLP": DigitMLP}


def build(architecture: str, seed: int) -> Classifier:
    """Build a network with weights drawn from `seed`, without touching the global random stream."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ARCHITECTURES[architecture]()


def freeze(model: Classifier) -> Classifier:
    """Put a network into eval mode for good: no gradient of a weight, safe to share between sessions."""
    return model.eval().requires_grad_(False)
