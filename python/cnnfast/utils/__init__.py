"""Small helpers around training."""

from cnnfast.config import set_random_seed
from cnnfast.utils.to_categorical import to_categorical

__all__ = ["set_random_seed", "to_categorical"]
