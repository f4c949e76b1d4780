from typing import Any

import pytest
import torch
import torch.nn.functional as F

from benchmarks.denoise import Plain
from core import checkpoints
from core.data import samples
from core.models import ARCHITECTURES, autocast, build, freeze, native_bfloat16
from core.networks.digits import DigitCNN, DigitMLP
from core.networks.layers import max_pool
from core.networks.unet import ConditionedUNet, UNet
from core.noise import Gaussian, eight_bit
from core.types import generator

EACH = pytest.mark.parametrize("name", ARCHITECTURES)


def test_digit_cnn_has_the_studys_45968_parameters() -> None:
    assert sum(p.numel() for p in DigitCNN().parameters()) == 45_968


@EACH
def test_the_same_seed_builds_the_same_network_and_leaves_the_global_stream_alone(name: str) -> None:
    before = torch.get_rng_state()
    a, b, c = build(name, 2), build(name, 2), build(name, 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))


@pytest.mark.parametrize("kind", [DigitCNN, DigitMLP])
def test_forward_is_the_last_of_the_stages_and_every_stage_is_described(kind: type[DigitCNN] | type[DigitMLP]) -> None:
    model = freeze(kind())
    x = torch.rand((3, 1, 28, 28), generator=generator(0))
    stages = model.stages(x)
    assert torch.equal(model(x), stages["logits"])
    assert [*stages] == [s.name for s in model.STAGES] + ["logits"]


@pytest.mark.parametrize("shape", [(2, 3, 24, 24), (5, 5, 8, 8)])
def test_max_pool_is_torchs_bit_for_bit_with_and_without_a_gradient(shape: tuple[int, ...]) -> None:
    z = torch.randn(shape, generator=generator(0)).round(decimals=1)  # rounded: ties happen
    assert torch.equal(max_pool(z), F.max_pool2d(z, 2))
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    (g,) = torch.autograd.grad(max_pool(ours).square().sum(), ours)
    (h,) = torch.autograd.grad(F.max_pool2d(theirs, 2).square().sum(), theirs)
    assert torch.equal(g, h)


def test_stages_follow_from_one_another() -> None:
    model = freeze(DigitCNN())
    s: Any = model.stages(torch.rand((2, 1, 28, 28), generator=generator(0)))
    assert torch.equal(s["pool1"], F.max_pool2d(s["conv1"], 2))
    assert torch.equal(s["relu1"], s["pool1"].clamp(min=0))
    assert torch.equal(s["relu2"], F.max_pool2d(s["conv2"], 2).clamp(min=0))


@pytest.mark.parametrize("stage", [s for s in DigitCNN.STAGES if s.stride], ids=lambda s: s.name)
def test_receptive_fields_are_where_the_gradient_can_reach(stage: Any) -> None:
    """Over many images, the pixels that move a unit fill the stated square, and none lies outside."""
    model = DigitCNN().requires_grad_(False)
    x = torch.rand((200, 1, 28, 28), generator=generator(0)).requires_grad_()
    values = model.stages(x)[stage.name]
    row, column = values.shape[2] - 2, 1
    (g,) = torch.autograd.grad(values[:, :, row, column].sum(), x)
    touched = (g != 0).any(0)[0]
    square = torch.zeros(28, 28, dtype=torch.bool)
    top, left = row * stage.stride, column * stage.stride
    square[top : top + stage.field, left : left + stage.field] = True
    assert not (touched & ~square).any()
    assert touched.any(1).sum() == touched.any(0).sum() == stage.field


def unet() -> UNet:
    """A U-Net that does something: its last layer does not start at zero."""
    model = UNet()
    torch.nn.init.normal_(model.out.weight, std=0.1, generator=generator(0))
    return freeze(model)


def test_the_unet_is_noise2noises_and_starts_by_doing_no_harm() -> None:
    model = UNet()
    assert sum(p.numel() for p in model.parameters()) == 991_203
    x = torch.rand((2, 3, 32, 32), generator=generator(0))
    assert torch.equal(model(x), x)


def test_the_unet_computes_what_upsampling_and_joining_would() -> None:
    model, drawn = unet(), Plain()
    drawn.load_state_dict(model.state_dict())
    x = torch.rand((2, 3, 32, 32), generator=generator(0))
    assert torch.allclose(model(x), drawn(x), atol=1e-5)


def test_quick_work_is_nearly_the_same() -> None:
    model, x = unet(), torch.rand((2, 3, 64, 96), generator=generator(0))
    moved = (autocast(model)(x) - model(x)).abs()
    assert moved.mean() < 0.02
    assert (moved.max() > 0) == native_bfloat16("cpu")


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 33, 31), (1, 3, 20, 97), (2, 3, 64, 97)])
def test_the_unet_takes_any_size(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=generator(0))
    z = unet()(x)
    assert z.shape == x.shape
    assert z.isfinite().all()


def test_a_larger_image_is_seen_through_windows_as_large_as_what_was_trained_on() -> None:
    """In its very corner one window counts alone; everywhere their weights add up to 1, so a constant stays one."""
    x, model = torch.rand((1, 3, 80, 64), generator=generator(0)), unet()
    assert torch.allclose(model(x)[..., 0, 0], model(x[..., :32, :32])[..., 0, 0], atol=1e-5)

    class Constant(UNet):
        def correction(self, x: Any, shifts: Any = None) -> Any:
            assert x.shape[2:] == (32, 32)
            return torch.full_like(x, 0.25)

    assert torch.allclose(Constant()(x), x + 0.25, atol=1e-6)


def test_windows_leave_no_seams() -> None:
    """Where two windows meet, neighbours are no further apart than elsewhere, though each window is off by another shade."""

    class Shaded(UNet):
        def correction(self, x: Any, shifts: Any = None) -> Any:
            return torch.rand((len(x), 1, 1, 1), generator=generator(0)).expand_as(x)

    shade = Shaded()(torch.zeros(1, 3, 160, 160))
    assert shade.diff(dim=3).abs().max() < 0.12  # a seam would be up to 1


@pytest.mark.parametrize("name", ["n2n-gaussian-50", "n2n-poisson-100"])
def test_a_photograph_is_denoised_as_well_as_its_tiles(name: str) -> None:
    """Whole, these networks fell to 22 dB and below: what their deep levels do on 32 x 32 is of no use on more."""
    model, _ = checkpoints.denoiser(name)
    x = torch.from_numpy(samples.photograph("astronaut")).permute(2, 0, 1)[None, :, 100:228, 100:228].float() / 255
    noisy = eight_bit(Gaussian(30.0)(x, generator(0)))
    tiles = torch.cat([model(part) for rows in noisy.split(32, 2) for part in rows.split(32, 3)])
    clean = torch.cat([part for rows in x.split(32, 2) for part in rows.split(32, 3)])
    whole, single = (float((a - b).square().mean()) for a, b in ((model(noisy), x), (tiles, clean)))
    assert whole < 1.05 * single


def test_no_pixel_further_than_its_reach_touches_a_tile_on_the_grid_of_windows() -> None:
    x = torch.rand((1, 3, 160, 160), generator=generator(0)).requires_grad_()
    for first, last in ((48, 63), (64, 95)):
        (g,) = torch.autograd.grad(unet()(x)[..., first : last + 1, first : last + 1].sum(), x)
        rows = g.abs().sum((0, 1, 3)).nonzero().flatten()
        assert first - UNet.REACH <= rows[0] < first
        assert last < rows[-1] <= last + UNet.REACH


def conditioned() -> ConditionedUNet:
    """A conditioned U-Net that does something, and something else for each label."""
    model = ConditionedUNet()
    torch.nn.init.normal_(model.out.weight, std=0.1, generator=generator(0))
    torch.nn.init.normal_(model.labels.weight, std=0.3, generator=generator(1))
    return freeze(model)


def test_a_conditioned_unet_begins_as_the_plain_one_whatever_it_is_told() -> None:
    plain, model = unet(), ConditionedUNet()
    assert sum(p.numel() for p in model.parameters()) == 991_203 + 11 * sum(plain.widths)
    missing = model.load_state_dict(plain.state_dict(), strict=False)
    assert missing == (["labels.weight"], [])
    freeze(model)
    for side in (32, 40):
        x = torch.rand((3, 3, side, side), generator=generator(0))
        for labels in (None, torch.tensor([3]), torch.tensor([0, 9, model.UNTOLD])):
            assert torch.equal(model(x, labels), plain(x))
    drawn = (build(name, 5) for name in ("UNet", "ConditionedUNet"))
    assert all(torch.equal(p, q) for p, q in zip(*(m.parameters() for m in drawn), strict=False))


def test_a_label_changes_its_own_image_and_no_other() -> None:
    model, x = conditioned(), torch.rand((3, 3, 40, 33), generator=generator(0))
    told = model.given(torch.tensor([1, 4, model.UNTOLD]))(x)
    alone = [model.given(torch.tensor([k]))(x[[i]]) for i, k in enumerate((1, 4, model.UNTOLD))]
    assert torch.allclose(told, torch.cat(alone), atol=1e-5)
    assert torch.allclose(told[2], model(x)[2], atol=1e-5)
    assert all((told[i] - model(x)[i]).abs().max() > 0.01 for i in (0, 1))
    assert torch.allclose(model.given(torch.tensor([4]))(x)[1], told[1], atol=1e-5)


def test_every_row_of_labels_is_learned_by_the_images_that_bear_it() -> None:
    model = conditioned().requires_grad_(True)
    x = torch.rand((2, 3, 32, 32), generator=generator(0))
    model(x, torch.tensor([7, 2])).square().sum().backward()
    assert model.labels.weight.grad is not None
    touched = model.labels.weight.grad.abs()
    assert touched.amax(1).nonzero().flatten().tolist() == [2, 7]
    assert all((part != 0).any() for part in touched[7].split(model.widths))  # at every level
