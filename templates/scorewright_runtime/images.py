"""JPEG and PNG bodies to the model's input.

The image is decoded, brought to the wanted mode, resized (bilinear, the whole image, so its proportions may change),
multiplied by ``scale``, less ``mean``, divided by ``std``, and laid out. EXIF orientation is not applied: neither
Pillow, TensorFlow nor torchvision do so when they read training images. 16-bit grey is brought to 8 bit.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from .convert import cast, conform
from .errors import BadRequest, StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import Bytes, TensorSpec

TYPES = ("image/jpeg", "image/png", "image/jpg")
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}


class ImageReader:
    """Turns an image body into one row of the input.

    ``image``: ``CONFIG["image"]``. ``spec``: the model's only input. ``pixels``: most pixels before resizing.
    Raises `StartError` (SW1506) where such images cannot fit the input.
    """

    def __init__(self, image: Mapping[str, Any], spec: TensorSpec, pixels: int) -> None:
        self._height, self._width = image["size"]
        self._mode: str = image.get("mode") or "RGB"
        self._channels = _CHANNELS[self._mode]
        self._scale = float(image.get("scale", 1.0))
        self._mean = self._per_channel(image.get("mean"), "mean")
        self._std = self._per_channel(image.get("std"), "std")
        self._spec, self._pixels = spec, pixels
        self._layout: str = image.get("layout") or self._layout_of(spec)
        self._try_out()

    def read(self, body: Bytes) -> np.ndarray:
        """The image as the model's input, one row. Raises `BadRequest` (SW1521, SW1514)."""
        return self._arrange(self._decode(body))

    def _try_out(self) -> None:
        black = np.zeros((self._height, self._width, self._channels)[: 2 if self._channels == 1 else 3], np.uint8)
        try:
            conform(self._arrange(black), self._spec, True)
        except (BadRequest, ValueError) as error:
            text = f"`image` gives {self._mode} {self._height}x{self._width} as {self._layout}, which does not fit: "
            raise StartError("SW1506", text + str(error)) from None

    def _decode(self, body: Bytes) -> np.ndarray:
        """Pixels as uint8, height x width (x channels)."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(body), formats=("JPEG", "PNG")) as image:
                if image.width * image.height > self._pixels:
                    raise self._too_large(image.width, image.height)
                return np.asarray(self._fit(image), dtype=np.uint8)
        except UnidentifiedImageError:
            raise BadRequest("SW1521", "the body is no JPEG or PNG image", self._spec.name) from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise self._too_large(0, 0) from None
        except (OSError, ValueError, SyntaxError, EOFError, OverflowError, TypeError, IndexError) as error:
            # Pillow's decoders raise any of these for damaged files.
            raise BadRequest("SW1521", f"the image cannot be decoded: {str(error)[:120]}", self._spec.name) from None

    def _too_large(self, width: int, height: int) -> BadRequest:
        size = f"{width}x{height}" if width else "far too large"
        text = f"the image is {size}; at most {self._pixels} pixels are taken"
        return BadRequest("SW1514", text, self._spec.name)

    def _fit(self, image: Any) -> Any:
        from PIL import Image

        image.load()
        if image.mode.startswith("I"):  # 16-bit grey, which convert("L") would clip instead of scale
            image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
        if image.mode != self._mode:
            image = image.convert(self._mode)
        if image.size != (self._width, self._height):
            image = image.resize((self._width, self._height), Image.Resampling.BILINEAR)
        return image

    def _arrange(self, pixels: np.ndarray) -> np.ndarray:
        """Scaled, normalised and laid out, with a batch axis."""
        values = pixels
        if self._scale != 1.0 or self._mean is not None or self._std is not None:
            values = pixels.astype(np.float32) * np.float32(self._scale)
            values = values if self._mean is None else values - self._mean
            values = values if self._std is None else values / self._std
            values = np.rint(values) if self._spec.numpy.kind in "iu" else values
        if values.ndim == 2 and self._layout in ("NHWC", "NCHW"):
            values = values[:, :, None]
        if self._layout == "NCHW":
            values = values.transpose(2, 0, 1)
        return cast(values.reshape(-1) if self._layout == "flat" else values, self._spec)[None]

    def _per_channel(self, value: Any, key: str) -> np.ndarray | None:
        if value is None:
            return None
        numbers = np.atleast_1d(np.asarray(value, dtype=np.float32))
        if numbers.size not in (1, self._channels):
            text = f"`image.{key}` has {numbers.size} numbers, {self._mode} has {self._channels} channels"
            raise StartError("SW1506", text)
        if key == "std" and (numbers == 0).any():
            raise StartError("SW1506", "`image.std` must not be zero")
        return numbers

    def _layout_of(self, spec: TensorSpec) -> str:
        """The layout that the input's shape tells."""
        shape = spec.shape
        if shape is None or len(shape) == 4:
            first = shape is not None and shape[1] == self._channels and shape[3] != self._channels
            return "NCHW" if first else "NHWC"
        if len(shape) in (2, 3):
            return "flat" if len(shape) == 2 else "NHW"
        raise StartError("SW1506", f"`image` needs `layout`: the input {spec.name} is {spec.describe()}")
