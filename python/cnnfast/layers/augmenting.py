"""All augmentation, which `cnnfast.layers` has without importing it before someone asks."""

from cnnfast.layers.clahe import ContrastLimitedAdaptiveHistogramEqualization
from cnnfast.layers.mixing import CutMix, MixUp
from cnnfast.layers.rand_augment import AugMix, RandAugment
from cnnfast.layers.random_colours import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPosterization,
    RandomSaturation,
)
from cnnfast.layers.random_details import RandomErasing, RandomGaussianBlur, RandomSharpness
from cnnfast.layers.random_elastic import RandomElasticTransform
from cnnfast.layers.random_geometry import (
    RandomCrop,
    RandomFlip,
    RandomPerspective,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from cnnfast.layers.tones import AutoContrast, Equalization, Solarization

__all__ = [
    "AugMix",
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
]
