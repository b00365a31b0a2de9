"""The data sets known by name.

The hashes are of the files as their homes serve them, compressed; distributions that compress the same
content anew have other ones, and what is found on the machine is not compared with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tangentlab.data.cifar import BINARIES, missing_cifar, read_cifar_folder
from tangentlab.data.data import Data
from tangentlab.data.digits import read_digits
from tangentlab.data.download import Download
from tangentlab.data.idx import missing_idx, read_idx_folder

CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """A data set that comes with an installed package: `read()` needs no file.

    >>> DATA["digits"].read().name
    'digits'
    """

    description: str
    read: Callable[[], Data]


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A data set in files: the names its folder goes by, its reader, its home and what mends its absence.

    `missing(folder)` names the files a folder lacks; `read(folder)` gives the data; `downloads` are put in
    the first of `folders` in the user's cache.

    >>> DATA["mnist"].folders, len(DATA["mnist"].downloads)
    (('mnist', 'MNIST/raw'), 4)
    """

    description: str
    folders: tuple[str, ...]
    missing: Callable[[Path], Sequence[str]]
    read: Callable[[Path], Data]
    downloads: tuple[Download, ...]
    mend: str


def _idx_downloads(homes: Sequence[str], *hashes: str) -> tuple[Download, ...]:
    files = (
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    )
    return tuple(
        Download(file=file, urls=tuple(home + file for home in homes), sha256=sha256)
        for file, sha256 in zip(files, hashes, strict=True)
    )


DATA: dict[str, Bundled | Filed] = {
    "digits": Bundled(description="scikit-learn's digits: 1797 grey images, 8 x 8, 10 classes", read=read_digits),
    "fashion-mnist": Filed(
        description="Fashion-MNIST: 60000 + 10000 grey images, 28 x 28, 10 classes",
        folders=("fashion-mnist", "FashionMNIST/raw"),
        missing=missing_idx,
        read=partial(read_idx_folder, name="fashion-mnist", classes=CLOTHES),
        downloads=_idx_downloads(
            ["https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"],
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        mend="Run `apt-get install dataset-fashion-mnist`, or load it with download=True.",
    ),
    "mnist": Filed(
        description="MNIST: 60000 + 10000 grey images of digits, 28 x 28, 10 classes",
        folders=("mnist", "MNIST/raw"),
        missing=missing_idx,
        read=partial(read_idx_folder, name="mnist", classes=tuple("0123456789")),
        downloads=_idx_downloads(
            [
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ],
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        mend="Load it with download=True, or put its four files in a folder and pass path=.",
    ),
    "cifar10": Filed(
        description="CIFAR-10: 50000 + 10000 colour images, 32 x 32, 10 classes",
        folders=(
            "cifar10",
            "cifar-10",
            "cifar-10-batches-bin",
            "cifar-10-batches-py",
            "CIFAR10/cifar-10-batches-bin",
            "CIFAR10/cifar-10-batches-py",
        ),
        missing=missing_cifar,
        read=read_cifar_folder,
        downloads=(
            Download(
                file="cifar-10-binary.tar.gz",
                urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                members=BINARIES,
            ),
        ),
        mend="Load it with download=True, or unpack cifar-10-binary.tar.gz and pass path=.",
    ),
}
