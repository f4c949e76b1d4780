import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from core.measures import metrics
from core.types import generator


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.rand((6, 3, 32, 32), generator=generator(0))
    return a, (a + 0.1 * torch.randn(a.shape, generator=generator(1))).clamp(0, 1)


def test_psnr_is_scikit_images(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    a, b = pair
    for ours, p, q in zip(metrics.psnr(a, b), a, b, strict=True):
        assert float(ours) == pytest.approx(peak_signal_noise_ratio(q.numpy(), p.numpy(), data_range=1), abs=1e-4)


def test_psnr_of_identical_images_is_infinite_and_the_output_is_clipped_first() -> None:
    x = torch.rand((1, 3, 8, 8), generator=generator(0))
    assert metrics.psnr(x, x).item() == math.inf
    assert metrics.psnr(torch.full_like(x, 1.7), torch.ones_like(x)).item() == math.inf


@pytest.mark.parametrize("data_range", [1.0, 4.2])
def test_ssim_is_scikit_images(pair: tuple[torch.Tensor, torch.Tensor], data_range: float) -> None:
    a, b = pair
    for ours, p, q in zip(metrics.ssim(a, b, data_range), a, b, strict=True):
        theirs = structural_similarity(p.numpy(), q.numpy(), channel_axis=0, data_range=data_range)
        assert float(ours) == pytest.approx(float(theirs), abs=1e-5)


def test_ssim_of_one_map_with_many_is_scikit_images() -> None:
    maps, query = torch.randn((9, 5, 8, 8), generator=generator(0)), torch.randn((1, 5, 8, 8), generator=generator(1))
    for ours, p in zip(metrics.ssim(maps, query, 5.0), maps, strict=True):
        assert float(ours) == pytest.approx(
            float(structural_similarity(p.numpy(), query[0].numpy(), channel_axis=0, data_range=5.0)), abs=1e-5
        )


def test_norms(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    a, b = pair
    d = (a - b).numpy().reshape(6, -1)
    np.testing.assert_allclose(metrics.l2(a, b), np.linalg.norm(d, axis=1), rtol=1e-5)
    np.testing.assert_allclose(metrics.linf(a, b), np.abs(d).max(1), rtol=1e-6)
    c = a.clone()
    c[2, 1, 3, 4] += 0.5
    c[2, 0, 3, 4] += 0.5  # the same pixel
    c[4, :, 0, 0] += 0.5
    assert metrics.l0(a, c).tolist() == [0, 0, 1, 0, 1, 0]


def test_correct() -> None:
    assert metrics.correct(torch.tensor([[0.0, 2.0], [3.0, 1.0]]), torch.tensor([1, 1])).tolist() == [1, 0]
