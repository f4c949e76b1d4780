"""How a denoiser's output hangs on its input: products with its Jacobian J, J[i, j] = d f(x)_i / d x_j."""

import torch

from core.types import Images, Model


def vjp(model: Model, x: Images, v: Images) -> Images:
    """Return J^T v at `x`, (N, C, H, W): the direction in which the output moves most along `v`. DAG's first step is J^T n."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad((model(x) * v).sum(), x)[0]
