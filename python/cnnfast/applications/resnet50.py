"""Keras's place of `ResNet50`."""

from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input
from cnnfast.applications.resnet import ResNet50

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
