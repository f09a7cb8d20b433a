"""How the weights came to be: with the same images, all that retraining takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from overtile.config import Recipe, Settings

LARGEST_PAGES = 5000
"""A model that was trained on more images does not list them: its header would grow too long."""


class Origin(Settings):
    """What decides the weights of a model."""

    recipe: Recipe
    """The whole of it, as it was used."""

    seed: Annotated[int, Field(ge=0)]
    steps: int | None
    """Length of a run by steps."""

    schedule: tuple[tuple[int, float], ...] = ()
    """For a run by minutes: from this step on, this share of the run was done."""

    pages: Annotated[tuple[str, ...], Field(max_length=LARGEST_PAGES)]
    """SHA-256 of each image that was trained on, with its labels, in the order of the run; empty if
    there were too many."""

    axes: str | None
    """Axes of the image files, if the user named them."""

    device: str
    device_name: str
    """The device in words."""

    threads: Annotated[int, Field(ge=1)]
    torch: str
    """Release of torch."""
