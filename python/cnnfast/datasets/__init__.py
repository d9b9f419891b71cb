"""Small standard data sets, as uint8 arrays, each file checked by SHA-256 wherever it comes from.

- mnist.py, fashion_mnist.py: what each set consists of: files, checksums, mirrors
- cifar10.py, cifar100.py: the same of archives, which _cifar.py finds and reads
- image_folder.py: one's own pictures, a folder for each class
- _search.py: where a file is looked for, in what order, and what is said when it is nowhere
- _download.py: one file over HTTP: timeouts, resuming, size limit
- _idx.py: the IDX container that these sets come in
"""

from typing import TYPE_CHECKING

from cnnfast.datasets import cifar10, cifar100, fashion_mnist, image_folder, mnist
from cnnfast.utils.missing import missing

__all__ = ["cifar10", "cifar100", "fashion_mnist", "image_folder", "mnist"]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
