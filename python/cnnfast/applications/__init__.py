"""Known networks, as their papers and torchvision have them, and their weights for ImageNet.

Each is a function that returns a `cnnfast.Model`. All take

- `weights`: None for random ones (Keras's default is another), "imagenet" for torchvision's, which are
  looked for in `$CNNFAST_DATA/weights` and the cache, then fetched; or a file, as `cnnfast.io.load_weights`
  takes it, with torchvision's names
- `include_top`: whether the model ends with its head, which tells classes
- `input_shape`: of an image, by `cnnfast.image_data_format()`; without the head sides may be None
- `input_tensor`: what `Input` returned, in place of `input_shape`
- `pooling`: without the head "avg" or "max" ends in one number a channel, None in the maps
- `classes`, `classifier_activation` ("softmax", or None for logits), `name`

Images for "imagenet" go through `preprocess_input`, predictions through `decode_predictions`.

Layers have torchvision's names: `model.get_layer("layer1.0.conv1")`.

Example:
    >>> from cnnfast import applications
    >>> model = applications.MobileNetV2(include_top=False, input_shape=(96, 96, 3), pooling="avg")
    >>> model.output_shape
    (None, 1280)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from cnnfast.applications.alexnet import AlexNet
    from cnnfast.applications.convnext import ConvNeXtTiny
    from cnnfast.applications.densenet import DenseNet121, DenseNet201
    from cnnfast.applications.efficientnet import EfficientNetB0, EfficientNetLite0
    from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input
    from cnnfast.applications.inception_v3 import InceptionV3
    from cnnfast.applications.lenet import LeNet5
    from cnnfast.applications.mobilenet_v2 import MobileNetV2
    from cnnfast.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
    from cnnfast.applications.resnet import ResNet18, ResNet34, ResNet50, ResNeXt50
    from cnnfast.applications.squeezenet import SqueezeNet
    from cnnfast.applications.unet import UNet
    from cnnfast.applications.vgg import VGG16, VGG19

_PLACES = {
    "AlexNet": "alexnet",
    "ConvNeXtTiny": "convnext",
    "DenseNet121": "densenet",
    "DenseNet201": "densenet",
    "EfficientNetB0": "efficientnet",
    "EfficientNetLite0": "efficientnet",
    "InceptionV3": "inception_v3",
    "LeNet5": "lenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Large": "mobilenet_v3",
    "MobileNetV3Small": "mobilenet_v3",
    "ResNeXt50": "resnet",
    "ResNet18": "resnet",
    "ResNet34": "resnet",
    "ResNet50": "resnet",
    "SqueezeNet": "squeezenet",
    "UNet": "unet",
    "VGG16": "vgg",
    "VGG19": "vgg",
    "decode_predictions": "imagenet_utils",
    "preprocess_input": "imagenet_utils",
}
# Modules by the names that Keras's scripts import networks from.
_MODULES = [
    "convnext",
    "densenet",
    "efficientnet",
    "imagenet_utils",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3",
    "resnet",
    "resnet50",
    "vgg16",
    "vgg19",
]

__all__ = [
    "VGG16",
    "VGG19",
    "AlexNet",
    "ConvNeXtTiny",
    "DenseNet121",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetLite0",
    "InceptionV3",
    "LeNet5",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "ResNeXt50",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "SqueezeNet",
    "UNet",
    "decode_predictions",
    "preprocess_input",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
