from typing import Any

import pytest
import torch
import torch.nn.functional as F

from benchmarks.denoise import Plain
from core.models import ARCHITECTURES, DigitCNN, DigitMLP, UNet, build, freeze, max_pool, native_bfloat16, quick
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
    x = torch.rand((2, 3, 64, 96), generator=generator(0))
    assert torch.allclose(model(x), drawn(x), atol=1e-5)


def test_quick_work_is_nearly_the_same() -> None:
    model, x = unet(), torch.rand((2, 3, 64, 96), generator=generator(0))
    moved = (quick(model)(x) - model(x)).abs()
    assert moved.mean() < 0.02
    assert (moved.max() > 0) == native_bfloat16()


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 33, 31), (1, 3, 64, 97)])
def test_the_unet_takes_any_size(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=generator(0))
    model = unet()
    assert model(x).shape == x.shape
    padded = torch.nn.functional.pad(x, (0, -shape[3] % 32, 0, -shape[2] % 32), mode="replicate")
    assert torch.equal(model(padded)[..., : shape[2], : shape[3]], model(x))


def test_no_pixel_further_than_its_reach_touches_an_output_of_the_unet() -> None:
    x = torch.rand((1, 3, 416, 416), generator=generator(0)).requires_grad_()
    for place in (200, 223):
        (g,) = torch.autograd.grad(unet()(x)[0, :, place, place].sum(), x)
        rows = g.abs().sum((0, 1, 3)).nonzero().flatten()
        assert place - UNet.REACH <= rows[0] < place - 100
        assert place + 100 < rows[-1] <= place + UNet.REACH
