"""The run folder: what was decided before the first step, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from overtile.choices import LabelKind, Task
from overtile.config import Recipe, Settings, recipe_toml
from overtile.data.partial import PartialLabels
from overtile.errors import OutputError, RecordError
from overtile.locks import is_ours, locked
from overtile.records import read_record, write_record
from overtile.seal import file_digest
from overtile.storage import make_folder, sweep, write_text
from overtile.training.cut import Cut
from overtile.training.history import History
from overtile.training.validation import task_of

RECORD_NAME = "run.json"
HISTORY_NAME = "history.json"
RECIPE_NAME = "recipe.toml"
LAST_MODEL_NAME = "last.safetensors"
REPORT_NAME = "report.html"


class PageRecord(NamedTuple):
    """One annotated image of the run."""

    name: str
    sha256: str
    """Over pixels and labels, as read."""

    image_sha256: str
    """Over the pixels alone."""


class StartRecord(Settings):
    """The model that training started from."""

    path: str
    weights_sha256: str
    """`model.file.weights_digest` of it."""

    learnt: tuple[str, ...] = ()
    """SHA-256 of the pixels of images that it has learnt from."""


class RunRecord(Settings):
    """What was understood and decided before the first step; never changes after it."""

    format: Literal[1] = 1
    version: str
    created: str
    """UTC, ISO 8601."""

    images: str
    labels: str
    axes: str | None
    label_kind: LabelKind
    partial: PartialLabels = PartialLabels()
    """Which label values say nothing."""

    class_names: tuple[str, ...]
    in_channels: Annotated[int, Field(ge=1)]
    training: tuple[PageRecord, ...]
    """The images that are trained on."""

    validation: tuple[PageRecord, ...]
    """The images that are held out."""

    left_out: tuple[PageRecord, ...] = ()
    """The images that are neither trained on nor held out."""

    cut: Cut | None = None
    """How regions to validate on were cut out of the images that are trained on."""

    validation_images: str | None = None
    validation_labels: str | None = None
    facts: tuple[tuple[str, str], ...]
    """The data as understood, for people."""

    decisions: tuple[str, ...]
    """Why the recipe is what it is, for people."""

    start: StartRecord | None = None
    """None for random weights."""

    recipe: Recipe
    steps: int | None
    minutes: float | None
    seed: int
    device: str
    device_name: str
    """The device in words."""

    threads: int
    torch: str
    """Release of torch."""

    pixel_size_um: tuple[float, float] | None = None
    """(y, x) of the training images, if they tell it."""

    @property
    def task(self) -> Task:
        """What validation scores: by pixels alone where strokes show no whole object."""
        if self.partial.sparse:
            return "classes"
        return task_of(self.label_kind)


class RunFolder:
    """One training run on disk.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out of the folder, which is made where it is missing.

        Raises
        ------
        OutputError
            If another process works in it, or it cannot be written to.
        """
        make_folder(self.path)
        with locked(self.path):
            sweep(self.path)
            yield

    def start(self, record: RunRecord) -> None:
        """Take the folder for a new run.

        Raises
        ------
        OutputError
            If it holds other work, or cannot be written to.
        """
        self._refuse_other_work()
        write_record(self.path / RECORD_NAME, record)
        self.write_recipe(record)

    def write_recipe(self, record: RunRecord) -> None:
        """Write the recipe for people, if it is not there yet."""
        if not (self.path / RECIPE_NAME).exists():
            write_text(self.path / RECIPE_NAME, recipe_toml(record.recipe))

    def refuse_occupied(self) -> None:
        """Refuse a place that holds other work: nothing there is ever overwritten by a new run."""
        try:
            if (self.path / RECORD_NAME).exists():
                with locked(self.path):  # A run in progress is told as such.
                    self._refuse_other_work()
            if self.path.exists() and not self.path.is_dir():
                raise OutputError("is a file", remedy="choose a new folder", path=self.path)
            if self.path.is_dir():
                self._refuse_other_work()
        except OSError as error:
            raise OutputError(
                f"cannot be looked into ({error.strerror})",
                remedy="choose another folder",
                path=self.path,
            ) from error

    def _refuse_other_work(self) -> None:
        if (self.path / RECORD_NAME).exists():
            raise OutputError(
                "already holds a run",
                remedy="go on with --resume, or choose another --out",
                path=self.path,
            )
        if not all(is_ours(path) for path in self.path.iterdir()):
            raise OutputError("holds other work", remedy="choose a new folder", path=self.path)

    def record(self) -> RunRecord:
        """Read what was decided. Raises `RecordError` if this is no run folder."""
        if not (self.path / RECORD_NAME).exists():
            raise RecordError(
                f"is not a run folder: there is no {RECORD_NAME}",
                remedy="give the --out folder of `overtile train`",
                path=self.path,
            )
        return read_record(self.path / RECORD_NAME, RunRecord)

    def identity(self) -> str:
        """Give the SHA-256 of the record's file, by which a checkpoint knows its run."""
        return file_digest(self.path / RECORD_NAME)

    def has_history(self) -> bool:
        """Say whether a step was ever saved."""
        return (self.path / HISTORY_NAME).exists()

    def history(self) -> History:
        """Read what happened. Raises `RecordError` if there is none."""
        return read_record(self.path / HISTORY_NAME, History)

    def write_history(self, history: History) -> None:
        """Write what happened so far."""
        write_record(self.path / HISTORY_NAME, history)
