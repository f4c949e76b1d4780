import pytest
import torch
from scipy.optimize import minimize_scalar

from core.training.losses import L1, L2, AnnealedL0, CrossEntropy, Loss
from core.types import generator

EACH = pytest.mark.parametrize("loss", [L2(), L1(), AnnealedL0(), AnnealedL0(1.5, 0.5, 0.004)], ids=repr)


@EACH
def test_it_is_one_number_per_image_that_its_neighbours_do_not_move(loss: Loss) -> None:
    f, y = torch.rand((2, 3, 3, 5, 4), generator=generator(0))
    whole = loss(f, y, 0.3)
    assert whole.shape == (3,)
    assert torch.allclose(whole[[1]], loss(f[[1]], y[[1]], 0.3))


def test_annealed_l0_passes_l2_and_l1_on_its_way() -> None:
    f, y = torch.rand((2, 4, 3, 8, 8), generator=generator(0))
    falling = AnnealedL0(2.0, 0.0)
    assert torch.allclose(falling(f, y, 0.0), L2()(f, y, 0.0), atol=1e-6)
    assert torch.allclose(falling(f, y, 0.5), L1()(f, y, 0.5), atol=1e-6)
    assert torch.allclose(falling(f, y, 1.0), torch.ones(4))


@pytest.mark.parametrize(
    ("loss", "statistic"),
    [(L2(), "mean"), (L1(), "median"), (AnnealedL0(2.0, 0.2, 1e-4), "mode")],
    ids=["L2", "L1", "L0"],
)
def test_each_loss_settles_on_its_statistic(loss: Loss, statistic: str) -> None:
    """Two in ten targets are 0.2, the others uniform; for the median, squares of uniform ones."""
    uniform = torch.rand((8000,), generator=generator(0))
    targets = torch.cat([torch.full((2000,), 0.2), uniform]) if statistic != "median" else uniform.square()
    wanted = {"mean": targets.mean(), "median": targets.median(), "mode": torch.tensor(0.2)}[statistic]
    found = min(
        (
            minimize_scalar(
                lambda c: float(loss(torch.full((1, 1, 1, len(targets)), c), targets.view(1, 1, 1, -1), 1.0)),
                bounds=(low, low + 0.1),
                method="bounded",
                options=dict(xatol=1e-6),
            )
            for low in torch.arange(0, 1, 0.1).tolist()
        ),
        key=lambda r: float(r.fun),
    )
    assert found.x == pytest.approx(float(wanted), abs=2e-3)


def test_cross_entropy_is_minus_the_logarithm_of_the_right_class() -> None:
    logits = torch.tensor([[0.0, 0.0], [0.0, 100.0]])
    assert CrossEntropy()(logits, torch.tensor([0, 1]), 0.0).tolist() == pytest.approx([0.6931, 0.0], abs=1e-4)
