"""What a process that trains has imported and drawn before it is forked from here, so that to begin takes it no time."""

import lightning_fabric  # noqa: F401
import pytorch_optimizer  # noqa: F401
import torch

from core.training import dead_leaves

torch.set_num_threads(1)
dead_leaves.pool(1, 28)
