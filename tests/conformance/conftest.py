"""Keras computes with NumPy in all of these tests, whatever backend it has on this machine."""

import os

os.environ["KERAS_BACKEND"] = "numpy"  # read when Keras is imported, which is behind this
