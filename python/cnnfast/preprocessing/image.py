"""Keras's older place of `cnnfast.utils.pictures`."""

from cnnfast.utils.pictures import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
