"""Products with a denoiser's Jacobian, and its largest singular values, against the whole matrix."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.measures import jacobian
from core.measures.jacobian import Jacobian
from core.models import freeze
from core.networks.unet import UNet
from core.types import generator


def tiny(seed: int) -> nn.Module:
    """Draw a network with kinks, in float64, without touching the global stream."""
    layers = [nn.Conv2d(3, 6, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(6, 3, 3, padding=1)]
    model, rng = nn.Sequential(*layers).double(), generator(seed)
    for value in model.parameters():
        value.data = torch.randn(value.shape, generator=rng, dtype=torch.float64) / 3
    return freeze(model)


def unet() -> UNet:
    """Draw a U-Net whose last layer is not zero, as that of a new one is."""
    model, rng = UNet(3, 12), generator(3)
    for value in model.parameters():
        value.data = torch.randn(value.shape, generator=rng) / max(1, value[0].numel()) ** 0.5
    return freeze(model)


def pictures(n: int, side: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, side, side, generator=generator(seed), dtype=dtype)


def whole(model: nn.Module, x: Tensor) -> Tensor:
    """Return the full Jacobian at one image."""
    found: Tensor = torch.autograd.functional.jacobian(lambda z: model(z), x)
    return found.reshape(x.numel(), x.numel())


@pytest.mark.parametrize("side", [4, 5])
def test_singular_values_are_those_of_the_whole_matrix(side: int) -> None:
    model, x = tiny(1), pictures(3, side)
    found = jacobian.largest(Jacobian.at(model, x), k=3, rounds=60)
    for image, s, v, residual in zip(x, found.s, found.v, found.residual, strict=True):
        J = whole(model, image[None])
        _, values, rows = torch.linalg.svd(J)
        assert s == pytest.approx(values[:3].numpy(), rel=1e-8)
        overlap = (rows[:3] @ v.reshape(3, -1).T).abs()
        assert torch.allclose(overlap, torch.eye(3, dtype=torch.float64), atol=1e-4)
        assert float(residual.max()) < 1e-6
        direct = (J.T @ J @ v.reshape(3, -1).T).T - s[:, None] ** 2 * v.reshape(3, -1)
        assert (direct.norm(dim=1) / s**2) == pytest.approx(residual.numpy(), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_direction_is_amplified_more_than_the_first(seed: int) -> None:
    model = tiny(seed)
    at = Jacobian.at(model, pictures(2, 6, seed=seed))
    found = jacobian.largest(at, k=2, rounds=30)
    u = torch.randn(2, 3, 6, 6, generator=generator(seed + 1), dtype=torch.float64)
    for v in (u, at.vjp(u), at.vjp(at.jvp(u)), found.v[:, 1]):
        gain = at.jvp(v).flatten(1).norm(dim=1) / v.flatten(1).norm(dim=1)
        assert (gain <= found.s[:, 0] * (1 + 1e-9)).all()
    assert torch.allclose(at.jvp(found.v[:, 0].contiguous()).flatten(1).norm(dim=1), found.s[:, 0], rtol=1e-6)


def test_what_is_known_only_grows_and_an_image_does_not_feel_its_neighbours() -> None:
    at = Jacobian.at(tiny(5), pictures(3, 6))
    path = [found.s[:, 0] for found in jacobian.refined(at, 1, 12)]
    assert all((after >= before - 1e-9).all() for before, after in pairwise(path))
    alone = jacobian.largest(Jacobian.at(tiny(5), pictures(3, 6)[1:2]), 1, 12)
    assert alone.s[0] == pytest.approx(path[-1][1:2].numpy(), rel=1e-9)


def test_products_are_transposes_also_in_windows_and_at_ties() -> None:
    """A flat picture ties every pool; one larger than a window is seen through nine of them."""
    model, rng = unet(), generator(2)
    for x in (
        torch.rand(2, 3, 32, 32, generator=rng),
        torch.full((1, 3, 32, 32), 1.0),
        torch.rand(1, 3, 48, 40, generator=rng),
    ):
        at = Jacobian.at(model, x)
        u, v = (torch.randn(x.shape, generator=rng) for _ in range(2))
        one, other = (at.jvp(v) * u).sum((1, 2, 3)), (at.vjp(u) * v).sum((1, 2, 3))
        assert one == pytest.approx(other.numpy(), rel=1e-3, abs=1e-2)
        assert torch.allclose(at.vjp(u), jacobian.vjp(model, x, u), atol=1e-5)
    x = torch.rand(1, 3, 32, 32, generator=rng)
    step = 1e-4 * torch.randn(x.shape, generator=rng)
    moved = Jacobian.at(model, x).jvp(step)
    assert float((model(x + step) - model(x) - moved).norm() / moved.norm()) < 0.02


def test_where_all_directions_are_alike_every_one_is_found() -> None:
    """Of a network that changes nothing the span closes at once; of one that says nothing there is nothing to find."""
    x = pictures(2, 4, torch.float32)
    same = jacobian.largest(Jacobian.at(lambda z: 1.0 * z, x), k=3, rounds=100)
    assert torch.allclose(same.s, torch.ones(2, 3), atol=1e-4)
    v = same.v.flatten(2)
    assert torch.allclose(v @ v.mT, torch.eye(3).expand(2, 3, 3), atol=1e-4)
    silent = jacobian.largest(Jacobian.at(lambda z: 0.0 * z, x), k=2, rounds=5)
    assert silent.s.abs().max() == 0
    assert silent.residual.isfinite().all()
