"""What is said of two noises, on noises of which it is known."""

import pytest
import torch

from core.measures import jacobian, noise_similarity
from core.types import generator


def noise(seed: int, sigma: float = 1.0) -> torch.Tensor:
    return sigma * torch.randn(4, 3, 64, 64, generator=generator(seed))


def test_distances_are_nothing_for_the_same_and_know_a_shift_and_a_scale() -> None:
    a = noise(0, 0.1)
    same, shifted, scaled = (noise_similarity.distance(a, b) for b in (a, a + 0.1, 2 * a))
    assert (same.wasserstein, same.kolmogorov, same.shape) == (0, 0, 0)
    assert shifted.wasserstein == pytest.approx(25.5, rel=1e-3)
    assert shifted.shape == pytest.approx(0, abs=1e-5)
    assert scaled.shape == pytest.approx(0, abs=1e-5)
    assert scaled.kolmogorov == pytest.approx(0.16, abs=0.01)  # of N(0, 1) and N(0, 2)
    flat = noise_similarity.distance(a, torch.rand(a.shape, generator=generator(1)))
    assert flat.shape > 0.1


def test_white_noise_has_a_flat_spectrum_and_no_memory() -> None:
    assert noise_similarity.spectrum(noise(0))[1:].sub(1).abs().max() < 0.25
    memory = noise_similarity.autocorrelation(noise(0))
    assert float(memory[0]) == pytest.approx(1, abs=1e-5)
    assert memory[1:].abs().max() < 0.02


def test_a_wave_stands_at_its_frequency_and_in_its_autocorrelation() -> None:
    x = torch.sin(2 * torch.pi * 8 * torch.arange(64) / 64).expand(1, 1, 64, 64)
    assert int(noise_similarity.spectrum(x).argmax()) == 8
    memory = noise_similarity.autocorrelation(x)
    assert float(memory[8]) > float(memory[4])
    assert (x.shape[3] // 8) == 8


def test_the_pull_of_a_matrix_is_its_transpose() -> None:
    weights = torch.randn(12, 12, generator=generator(0))

    def model(z: torch.Tensor) -> torch.Tensor:
        return (z.flatten(1) @ weights.T).view(z.shape)

    n = torch.randn(1, 3, 2, 2, generator=generator(1))
    assert torch.allclose(jacobian.vjp(model, torch.zeros(1, 3, 2, 2), n).flatten(), n.flatten() @ weights, atol=1e-5)


def test_correlation_is_pearsons() -> None:
    a, b = noise(0), noise(1)
    assert noise_similarity.correlation(a, -2 * a + 3) == pytest.approx(-1)
    assert noise_similarity.correlation(a, a + b) == pytest.approx(0.7071, abs=0.01)


@pytest.mark.parametrize(("shape", "lags"), [((8, 8), 8), ((5, 20), 5), ((9, 9), 9), ((64, 64), 9)])
def test_a_small_picture_has_as_many_lags_as_pixels(shape: tuple[int, int], lags: int) -> None:
    memory = noise_similarity.autocorrelation(torch.randn(2, 3, *shape, generator=generator(0)))
    assert len(memory) == lags
    assert memory.isfinite().all()
