"""Keras's place of `VGG16`."""

from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input
from cnnfast.applications.vgg import VGG16

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
