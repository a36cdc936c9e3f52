"""The handwritten digits that ship inside scikit-learn, brought to the tutorial's 28x28 pixels."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def upscale(digit: np.ndarray) -> np.ndarray:
    """One 8x8 digit with grey values 0 to 16 as uint8 [28, 28]; the pixels of a PNG of it are these very values."""
    pixels = Image.fromarray(np.round(digit * (255 / 16)).astype(np.uint8))
    return np.asarray(pixels.resize((28, 28), Image.Resampling.BILINEAR))


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and labels to train with, then images and labels held out: uint8 [n, 28, 28] and int64 [n]."""
    source = load_digits()
    images = np.stack([upscale(digit) for digit in source.images])
    labels = source.target.astype(np.int64)
    seen, held_out, seen_labels, held_out_labels = train_test_split(
        images, labels, test_size=360, random_state=7, stratify=labels
    )
    return seen, seen_labels, held_out, held_out_labels


def rows(images: np.ndarray) -> np.ndarray:
    """Images as the network's input: float32 [n, 784] between 0 and 1."""
    return images.reshape(len(images), 784).astype(np.float32) / np.float32(255)
