"""Keras's place of `VGG19`."""

from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input
from cnnfast.applications.vgg import VGG19

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
