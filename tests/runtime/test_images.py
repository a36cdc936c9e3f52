"""Images become the model's input as the deploy file says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.runtime.support import signature_of

from scorewright_runtime import BadRequest, Request, Service, StartError, TensorSpec
from scorewright_runtime.images import ImageReader

if TYPE_CHECKING:
    from collections.abc import Callable

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 4, 3), np.uint8)


def png(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    """An image file of the pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def read(body: bytes, dtype: str, shape: tuple[int | None, ...], **image: object) -> np.ndarray:
    """The input made from an image."""
    config = {"size": [6, 4], "mode": "RGB", "scale": 1.0, "mean": None, "std": None, "layout": None, **image}
    return ImageReader(config, TensorSpec("x", dtype, shape, "x"), 10_000).read(body)


@pytest.mark.parametrize(
    ("shape", "layout", "expected"),
    [
        ((None, 6, 4, 3), None, PIXELS[None]),
        ((None, 3, 6, 4), None, PIXELS.transpose(2, 0, 1)[None]),
        ((None, 72), None, PIXELS.reshape(1, -1)),
        ((None, None, None, 3), "NHWC", PIXELS[None]),
    ],
)
def test_the_layout_follows_the_models_shape(
    shape: tuple[int | None, ...], layout: str | None, expected: np.ndarray
) -> None:
    result = read(png(PIXELS), "uint8", shape, layout=layout)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


def test_scale_mean_and_std_apply_in_that_order() -> None:
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 2.0]
    result = read(png(PIXELS), "float32", (None, 6, 4, 3), scale=1 / 255, mean=mean, std=std)
    expected = (PIXELS.astype(np.float64) / 255 - mean) / std
    np.testing.assert_allclose(result[0], expected, rtol=1e-5, atol=1e-6)
    assert result.dtype == np.float32


def test_grey_images() -> None:
    grey = PIXELS[:, :, 0]
    np.testing.assert_array_equal(read(png(grey), "uint8", (None, 6, 4), mode="L"), grey[None])
    np.testing.assert_array_equal(read(png(grey), "uint8", (None, 6, 4, 1), mode="L"), grey[None, :, :, None])
    np.testing.assert_array_equal(read(png(grey), "uint8", (None, 6, 4, 3)), np.stack([grey] * 3, -1)[None])


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    deep = (PIXELS[:, :, 0].astype(np.uint16) << 8) | 0x7F
    np.testing.assert_array_equal(read(png(deep), "uint8", (None, 6, 4), mode="L"), PIXELS[None, :, :, 0])


def test_images_are_resized() -> None:
    flat = np.full((60, 20, 3), 77, np.uint8)
    np.testing.assert_array_equal(read(png(flat), "uint8", (None, 6, 4, 3)), np.full((1, 6, 4, 3), 77))


def test_exif_orientation_is_not_applied() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    plain, exif = png(PIXELS, "JPEG", quality=95), png(PIXELS, "JPEG", quality=95, exif=turned)
    np.testing.assert_array_equal(read(exif, "uint8", (None, 6, 4, 3)), read(plain, "uint8", (None, 6, 4, 3)))


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(BadRequest, match="at most 10000 pixels") as caught:
        read(png(np.zeros((200, 100, 3), np.uint8)), "uint8", (None, 6, 4, 3))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"mean": [1.0, 2.0]}, "`image.mean` has 2 numbers"),
        ({"std": 0.0}, "must not be zero"),
        ({"size": [7, 4]}, "does not fit"),
        ({"layout": "flat"}, "does not fit"),
    ],
)
def test_images_that_cannot_fit_stop_the_start(image: dict[str, object], message: str) -> None:
    with pytest.raises(StartError, match="SW1506") as caught:
        read(b"", "uint8", (None, 6, 4, 3), **image)
    assert message in str(caught.value)


def test_a_service_answers_images_like_data(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(signature_of(x=("uint8", [None, 6, 4, 3])), image={"size": [6, 4], "mode": "RGB"}, output="argmax")
    for kind in ("image/png", "image/jpeg"):
        reply = service.answer(post(png(PIXELS, kind[6:].upper()), kind))
        assert (reply.status, reply.headers["x-scorewright-batch"]) == (200, "1")


def test_images_need_one_input(start: Callable[..., Service]) -> None:
    with pytest.raises(StartError, match="one input"):
        start(signature_of(a=("uint8", [None, 4]), b=("uint8", [None])), image={"size": [2, 2], "mode": "L"})
