"""Files nobody should trust."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core import UserError, checkpoints
from core.data import datasets, uploads
from core.experiments import accuracy
from core.measures import metrics
from core.networks.digits import Classifier


def saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def png(width: int, height: int, bits: int, body: bytes) -> bytes:
    """A PNG by hand: colour, of any size it claims."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it is enormous, without making it."""
    return png(width, height, 8, b"\0" * 1000)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a PNG, JPEG or WebP picture"),
        (b"Dear network, I am a text file renamed to .png", "not a PNG, JPEG or WebP picture"),
        (saved(Image.new("RGB", (9, 9)), "GIF"), "not a PNG, JPEG or WebP picture"),
        (saved(Image.new("RGB", (90, 90), "red"))[:60], "damaged and cannot be read"),
        (bomb(20_000, 20_000), "larger than the 40 million pixels"),
        (bomb(8_000, 6_000), "larger than the 40 million pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "million"),
    ],
    ids=["empty", "text", "gif", "truncated", "20,000 x 20,000", "48 million", "2^62"],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as refusal:
        uploads.decode(content)
    assert str(refusal.value).count(".") == 1


def test_a_plain_picture_comes_as_it_is() -> None:
    values = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    picture = uploads.decode(saved(Image.fromarray(values)))
    assert picture.note == ""
    assert torch.equal(picture.image, torch.from_numpy(values).permute(2, 0, 1)[None] / 255)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (saved(Image.new("CMYK", (8, 8), (0, 0, 0, 128)), "JPEG"), "print colours"),
        (saved(Image.fromarray(np.full((8, 8), 32896, np.uint16))), "16 bits"),
        (png(2, 2, 16, 2 * (b"\0" + b"\x80\x80" * 6)), "16 bits"),
        (
            saved(Image.new("L", (8, 8), 128), "PNG", save_all=True, append_images=[Image.new("L", (8, 8), 9)]),
            "moves: its first frame",
        ),
        (
            saved(
                Image.new("RGB", (8, 8), (128, 128, 128)),
                "WEBP",
                save_all=True,
                append_images=[Image.new("RGB", (8, 8))],
                lossless=True,
            ),
            "moves",
        ),
    ],
    ids=["cmyk", "16-bit grey", "16-bit colour", "animated png", "animated webp"],
)
def test_what_had_to_be_converted_is_said(content: bytes, note: str) -> None:
    picture = uploads.decode(content)
    assert note in picture.note
    assert picture.image.mean() == pytest.approx(128 / 255, abs=0.02)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_colour_mode_is_read(mode: str) -> None:
    image = uploads.decode(saved(Image.new("L", (6, 4), 255).convert(mode))).image
    assert image.shape in ((1, 1, 4, 6), (1, 3, 4, 6))
    assert image.min() > 0.99


def test_a_phone_held_upright_is_read_upright() -> None:
    wide = Image.new("L", (8, 4), 0)
    wide.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to the right
    image = uploads.decode(saved(wide, "PNG", exif=exif)).image
    assert image.shape == (1, 1, 8, 4)
    assert image[0, 0, 0, 3] == 1


def test_a_long_thin_picture_costs_no_memory_and_a_large_one_is_scaled() -> None:
    strip = torch.zeros(1, 1, 4, 20_000)
    strip[..., 2, :] = 1
    assert uploads.as_digit(strip).shape == (1, 1, 28, 28)
    assert uploads.decode(saved(Image.new("RGB", (3000, 1500))), side=1000).image.shape == (1, 3, 500, 1000)


def test_transparent_paper_is_white() -> None:
    assert uploads.decode(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))).image.min() == 1


def test_a_blank_picture_holds_no_digit() -> None:
    with pytest.raises(UserError, match="This picture is blank"):
        uploads.as_digit(torch.full((1, 3, 50, 40), 0.8))


@pytest.mark.parametrize("invert", [False, True], ids=["light on dark", "dark on light"])
def test_a_photographed_digit_is_still_read(invert: bool, cnn: Classifier) -> None:
    """Test digits, enlarged, off centre, on a larger sheet: most are read as before."""
    scans = datasets.sample("mnist", "test")
    right = 0
    for i in range(60):
        sheet = torch.full((1, 3, 300, 200), 0.1)
        digit = torch.nn.functional.interpolate(scans.images([i]), (112, 112), mode="bilinear").expand(1, 3, -1, -1)
        sheet[..., 20:132, 70:182] = torch.maximum(sheet[..., 20:132, 70:182], digit)
        image = uploads.as_digit(1 - sheet if invert else sheet)
        assert image.shape == (1, 1, 28, 28)
        right += int(cnn(image).argmax()) == int(scans.labels[i])
    assert right >= 48


def test_the_sample_reads_like_mnist() -> None:
    """The form is right when networks that only know MNIST read it: the robust one 90 % of all 1,797 scans."""
    robust, _ = checkpoints.classifier("digit-cnn-robust")
    both = [datasets.sample("mnist", split) for split in ("train", "test")]
    right = sum(float(metrics.correct(accuracy.logits(robust, d), d.labels).sum()) for d in both)
    assert right / 1797 > 0.9
