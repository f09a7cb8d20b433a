"""What is compared: data sets, numbers of annotated images, minutes, methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

METHODS = {
    "auto": "overtile, recipe auto",
    "paper": "the paper's recipe at a quarter of its width",
    "nnunet": "nnU-Net 2.8, 2-D recipe",
    "monai": "MONAI BasicUNet, tutorial recipe",
    "milesial": "milesial/Pytorch-UNet, its defaults",
}
"""Name in a file, and in a table."""

RECIPES = {"auto": "auto", "paper": "benchmarks/recipes/paper-width16.toml"}
"""Methods that `overtile train` runs itself."""

RIVALS: dict[tuple[str, int | None], str] = {
    ("isbi2012", 2): "monai",
    ("dsb2018", 2): "monai",
    ("isbi2012", None): "milesial",
    ("dsb2018", None): "milesial",
}
"""The best of the others when each had one seed, by data and number of images: more seeds are for
`auto` and for it."""

LONGER = ("isbi2012", "dsb2018")
_MINUTES_BESIDE = 1.5


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method, trained once."""

    data: str
    images: int | None
    """Annotated images to train on; None means all that are not held out."""

    minutes: float
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        images = "all" if self.images is None else f"{self.images:03d}"
        return f"{self.data}-{images}-{self.minutes:g}min-{self.method}-seed{self.seed}"

    @property
    def expected_minutes(self) -> float:
        """Wall-clock time with prediction and scores."""
        return self.minutes + _MINUTES_BESIDE


def all_cells() -> Iterator[Cell]:
    """Name all cells, those that tell most first."""
    for images in (None, 2):
        for data in ("isbi2012", "dsb2018", "t98g", "hippocampus"):
            for method in METHODS:
                yield Cell(data=data, images=images, minutes=5, method=method, seed=0)
    for (data, images), rival in RIVALS.items():
        for seed in (1, 2):
            for method in ("auto", rival):
                yield Cell(data=data, images=images, minutes=5, method=method, seed=seed)
    for data in LONGER:
        for method in METHODS:
            yield Cell(data=data, images=None, minutes=20, method=method, seed=0)
