"""Inside a network: its blocks as the code has them, and what each computes."""

import pytest
import torch

from app.draw import network
from core import checkpoints, models
from core.measures import inside
from core.measures.inside import Staged
from core.networks.digits import DigitCNN, DigitMLP
from core.networks.unet import ConditionedUNet, UNet
from core.types import generator

KINDS = {"DigitCNN": (1, 28), "DigitMLP": (1, 28), "UNet": (3, 32), "ConditionedUNet": (3, 32)}


def built(kind: str) -> Staged:
    model = models.freeze(models.build(kind, 0))
    assert isinstance(model, DigitCNN | DigitMLP | UNet)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_has_every_stage_and_every_connection_of_the_code(kind: str) -> None:
    channels, side = KINDS[kind]
    model, x = built(kind), torch.rand(2, channels, side, side, generator=generator(0))
    found = inside.maps(model, x)
    blocks = inside.blocks(model, found)
    assert [*blocks] == [*found]
    for name, block in blocks.items():
        assert found[name].shape == (2, block.channels, block.side, block.side)
        assert {block.stage.source, block.stage.beside} <= {"image", "", *blocks}
    figure = network.drawn(blocks, next(reversed(blocks)))
    assert [point[0] for point in figure.data[-1].customdata] == [*blocks]
    assert len(figure.layout.shapes) == 1 + len(blocks)


def test_the_blocks_of_the_u_net_are_those_of_the_paper() -> None:
    """Lehtinen et al. 2018, appendix: halved five times on the way down, doubled five times on the way up, beside what was there."""
    model = built("UNet")
    blocks = inside.blocks(model, inside.maps(model, torch.zeros(1, 3, 32, 32)))
    assert [blocks[f"down{k}"].side for k in range(1, 8)] == [32, 16, 8, 4, 2, 1, 1]
    assert [blocks[f"up{k}b"].side for k in range(5, 0, -1)] == [2, 4, 8, 16, 32]
    for k in range(2, 6):
        beside = blocks[f"up{k}a"].stage.beside
        assert blocks[beside].side == blocks[f"up{k}a"].side
    assert blocks["up1a"].stage.beside == "image"


def test_what_is_added_last_is_what_the_denoiser_adds() -> None:
    for name in ("n2n-gaussian-50", "n2n-impulse-0.2"):
        model = checkpoints.denoiser(name)[0]
        assert isinstance(model, UNet)
        x = torch.rand(2, 3, 32, 32, generator=generator(1))
        assert torch.allclose(x + model.stages(x)["added"], model(x), atol=1e-6)


def test_what_can_be_told_is_looked_at_untold() -> None:
    model, x = models.build("ConditionedUNet", 0), torch.rand(1, 3, 32, 32, generator=generator(2))
    assert isinstance(model, ConditionedUNet)
    with torch.no_grad():
        model.labels.weight.normal_(generator=generator(3))
        model.out.weight.normal_(generator=generator(4))
        assert torch.allclose(x + model.stages(x)["added"], model(x), atol=1e-5)
        assert not torch.allclose(model(x), model(x, torch.tensor([3])), atol=1e-3)


def shifted(model: UNet, x: torch.Tensor, number: int) -> list[torch.Tensor]:
    """Return what every stage computes where 1 is added to what one of them does."""
    found: list[torch.Tensor] = []

    def told(now: int, z: torch.Tensor) -> torch.Tensor:
        found.append(z + 1 * (now == number))
        return found[-1]

    found.append(model.followed(x, told))
    return found


def test_each_stage_follows_from_those_it_is_said_to_read() -> None:
    """A change of one stage reaches those that read it, directly or not, and no other."""
    model = built("UNet")
    assert isinstance(model, UNet)
    x = torch.rand(1, 3, 32, 32, generator=generator(5))
    with torch.no_grad():
        model.out.weight.normal_(generator=generator(6))
        before = model.stages(x)
        for number, name in enumerate([*before][:-1]):
            after = shifted(model, x, number)
            reached = {name}
            for stage in model.STAGES:
                reached |= {stage.name} if {stage.source, stage.beside} & reached else set()
            changed = {n for (n, a), b in zip(before.items(), after, strict=True) if not torch.allclose(a, b)}
            assert changed == reached


def test_a_picture_is_moved_from_the_first_and_the_first_is_not_moved() -> None:
    x = torch.rand(1, 3, 32, 32, generator=generator(7))
    found = inside.moved(inside.maps(built("UNet"), torch.cat([x, x, 1.1 * x])))
    assert all(first == second == 0 < third for first, second, third in list(found.values())[:-1])
    assert inside.moved({"image": torch.cat([x, 1.1 * x])})["image"][1] == pytest.approx(0.1, abs=1e-6)


def test_a_sheet_is_of_one_scale_and_changes_of_the_clean_picture_are_nothing() -> None:
    maps = torch.rand(3, 5, 4, 4, generator=generator(8))
    sheets, low, high = network.sheets(maps, changes=False)
    assert (
        float(maps.min()) <= low < float(maps.quantile(0.02)) < float(maps.quantile(0.98)) < high <= float(maps.max())
    )
    assert len({sheet.shape for sheet in sheets}) == 1
    changed, low, high = network.sheets(maps, changes=True)
    assert 0.8 < -low == high <= float((maps - maps[0]).abs().max())
    side = 12  # pixels of a map, beside the white gaps
    assert (changed[0][:side, :side] == 0xF7).all()
    assert not (changed[1][:side, :side] == 0xF7).all()
