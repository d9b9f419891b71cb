"""What is known of torchvision's networks: counts, names, and numbers, each told by torchvision 0.28.0.

Weights and images are numbers that follow from names and shapes, so that ours and torchvision's have the same
without a file. `conformance/test_torchvision.py` checks the table against torchvision itself.
"""

import hashlib
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


class Row(NamedTuple):
    """One network."""

    name: str  # of ours
    theirs: str
    options: dict[str, str]
    count: int  # parameters
    digest: str  # of names and shapes in the state dict
    side: int  # of the image; networks of large dense layers are compared without their heads
    outputs: tuple[float, ...]  # the first of them
    scale: float  # the largest
    slopes: tuple[float, ...]  # of the outputs' sum along `directions`, by the gradient's norm


def names_and_shapes(arrays: Iterable[tuple[str, Shape]]) -> str:
    """A digest of what a state dict holds, whatever its order; counters of batches apart."""
    lines = sorted(f"{n} {tuple(s)}" for n, s in arrays if not n.endswith("num_batches_tracked"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def weight(name: str, shape: Shape) -> NDArray[np.float32]:
    """The numbers of one array in PyTorch's layout."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("layer_scale"):
        return rng.uniform(0.1, 0.5, shape).astype(np.float32)
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) > 1:
        return rng.standard_normal(shape, np.float32) * np.float32((2 / np.prod(shape[1:])) ** 0.5)
    if name.endswith("weight"):
        return rng.uniform(0.7, 1.3, shape).astype(np.float32)
    return rng.standard_normal(shape, np.float32) * np.float32(0.1)


def image(side: int) -> NDArray[np.float32]:
    """A batch of one image, channels last."""
    return np.random.default_rng(1).standard_normal((1, side, side, 3), np.float32)


def directions(side: int) -> NDArray[np.float32]:
    """Three directions of unit length in the space of images."""
    found = np.random.default_rng(2).standard_normal((3, side, side, 3), np.float32)
    return found / np.linalg.norm(found.reshape(3, -1), axis=1).reshape(3, 1, 1, 1)


ROWS = (
    Row(
        "AlexNet",
        "alexnet",
        {},
        61100840,
        "935c1ea73a7869ee",
        64,
        (-4.405373, 0.3701263, -0.5110006, 4.012164),
        17.59915,
        (0.01301111, 0.0132057, 0.0153892),
    ),
    Row(
        "VGG16",
        "vgg16",
        {},
        138357544,
        "ba63c2556d912509",
        64,
        (2.611591, 7.600349, 0.0, 5.783307),
        10.87965,
        (0.01819551, -0.006366443, -0.002572582),
    ),
    Row(
        "VGG19",
        "vgg19",
        {},
        143667240,
        "393fac8b08b63fbe",
        64,
        (0.0, 0.06165929, 1.168504, 0.7617032),
        10.41436,
        (0.002150424, -0.005313374, -0.009420563),
    ),
    Row(
        "ResNet18",
        "resnet18",
        {},
        11689512,
        "2bb53b15765c4651",
        64,
        (12.55815, 48.23306, 86.80535, -9.360986),
        171.1232,
        (-0.006748432, -0.003589126, 0.01121125),
    ),
    Row(
        "ResNet34",
        "resnet34",
        {},
        21797672,
        "b945021fb00b779b",
        64,
        (52.54996, 475.5273, 1425.853, -1075.234),
        2907.65,
        (0.0196055, 0.002449265, -0.01179769),
    ),
    Row(
        "ResNet50",
        "resnet50",
        {},
        25557032,
        "cf11dad974eadeaa",
        64,
        (7623.119, -5732.13, -5300.142, 2625.89),
        12403.93,
        (0.008235421, 0.0005488342, -0.002642574),
    ),
    Row(
        "ResNeXt50",
        "resnext50_32x4d",
        {},
        25028904,
        "f6c1ee50d9878439",
        64,
        (3357.071, -8673.955, -1829.349, 8280.809),
        14508.15,
        (0.0001584564, -0.009107637, -0.00398194),
    ),
    Row(
        "DenseNet121",
        "densenet121",
        {},
        7978856,
        "222a58d1fd8d2818",
        64,
        (0.3622661, 0.05293182, -0.1993318, -3.400388),
        9.854409,
        (-0.008718284, 0.01180002, -0.0009779651),
    ),
    Row(
        "DenseNet201",
        "densenet201",
        {},
        20013928,
        "aaf6c59d276cc495",
        64,
        (2.741187, -1.347184, -0.3517046, 1.610107),
        8.237808,
        (0.001426893, -0.01350435, -0.0003249701),
    ),
    Row(
        "MobileNetV2",
        "mobilenet_v2",
        {},
        3504872,
        "d613ea65450d5318",
        64,
        (1.243531, 2.805873, 1.275881, -2.290346),
        8.866996,
        (0.004646852, 0.006709245, -0.009165125),
    ),
    Row(
        "MobileNetV3Small",
        "mobilenet_v3_small",
        {},
        2542856,
        "c5aae8a56256fe35",
        64,
        (0.2154963, -0.1629196, 0.01964069, 0.5042303),
        1.793542,
        (0.01125044, 0.006331905, 0.004331595),
    ),
    Row(
        "MobileNetV3Large",
        "mobilenet_v3_large",
        {},
        5483032,
        "2af4cb8a399e8d82",
        64,
        (113.808, -199.3167, 99.79263, 26.98316),
        302.2183,
        (-0.01155449, 0.005275582, 0.004355081),
    ),
    Row(
        "SqueezeNet",
        "squeezenet1_0",
        {},
        1248424,
        "142983e4c19c76ad",
        64,
        (1.472672, 1.622641, 0.0, 3.289714),
        14.00403,
        (-0.001656381, -0.01037574, 0.004143534),
    ),
    Row(
        "SqueezeNet",
        "squeezenet1_1",
        {"version": "1.1"},
        1235496,
        "3fbd2a746421cada",
        64,
        (0.5878872, 1.467362, 0.009679816, 2.640757),
        5.409254,
        (-0.01660754, 0.009076562, 0.006882612),
    ),
    Row(
        "EfficientNetB0",
        "efficientnet_b0",
        {},
        5288548,
        "b5ec7b4b5e4fedbb",
        64,
        (-0.134772, 0.2581717, -0.1398745, 0.2525834),
        0.8231962,
        (-0.0059058, -0.02546568, -0.001209526),
    ),
    Row(
        "ConvNeXtTiny",
        "convnext_tiny",
        {},
        28589128,
        "ddd0f74f783edf2b",
        64,
        (-1.490304, 1.348437, -0.02626384, -0.5198488),
        5.55064,
        (0.003899975, -0.01042764, 0.01169783),
    ),
    Row(
        "InceptionV3",
        "inception_v3",
        {},
        23834568,
        "5beceaea5a4204b9",
        96,
        (-0.7432531, -0.2502011, -0.2261783, -0.3257188),
        3.308881,
        (0.007174098, -0.0005364459, 0.0009636665),
    ),
)
