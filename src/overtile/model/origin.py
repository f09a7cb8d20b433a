"""How the weights came to be: with the same images, all that retraining takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from overtile.config import Line, Recipe, Settings

LARGEST_PAGES = 5000
"""A model that has seen more images does not list them: its header would grow too long."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Origin(Settings):
    """What decides the weights of a model."""

    recipe: Recipe
    """The whole of it, as it was used."""

    seed: Annotated[int, Field(ge=0)]
    """What all randomness of the run came from."""

    steps: Annotated[int, Field(ge=0)] | None
    """Length of a run by steps; None for one by minutes."""

    schedule: tuple[tuple[int, float], ...] = ()
    """For a run by minutes: from this step on, this share of the run was done."""

    pages: Annotated[tuple[Sha256, ...], Field(max_length=LARGEST_PAGES)]
    """SHA-256 of each image that was trained on, with its labels, in the order of the run; empty if
    there were too many."""

    learnt: Annotated[tuple[Sha256, ...], Field(max_length=LARGEST_PAGES)] = ()
    """SHA-256 of the pixels of each image that it has learnt from, as had the models that training
    started from; empty if there were too many."""

    judges: Annotated[tuple[Sha256, ...], Field(max_length=LARGEST_PAGES)] = ()
    """SHA-256 of the pixels of each image that was held out whole; empty if there were too many."""

    axes: Line | None
    """Axes of the image files, if the user named them."""

    ignore: Annotated[int, Field(ge=0, lt=1 << 32)] | None = None
    """Label value that says nothing about its pixels, if the user named one."""

    sparse: bool = False
    """Whether 0 was such a value, and 1 meant background."""

    cut: tuple[float, int] | None = None
    """Share of each image that was validated on, and pixels before it that were left out; None
    where whole images were trained on."""

    start: Sha256 | None = None
    """SHA-256 of the weights that training started from; None for random ones."""

    device: Line
    """The device, as torch calls it."""

    device_name: Line
    """The device in words."""

    threads: Annotated[int, Field(ge=1, le=4096)]
    """Threads on the CPU: sums in another order differ in their last bits."""

    torch: Line
    """Release of torch."""
