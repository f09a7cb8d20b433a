"""Verify: is every result that a folder should hold there, whole, and as it was written?"""

from __future__ import annotations

from pathlib import Path

from overtile.config import Settings
from overtile.records import read_record
from overtile.workflows.results import RECORD_NAME, PredictionRecord


class VerifiedResults(Settings):
    """What a folder of results holds, compared with its record; serialises to JSON."""

    whole: int
    """Files of results that are what they were."""

    missing: tuple[str, ...]
    """Names of files that are gone."""

    damaged: tuple[str, ...]
    """Names of files that hold something else, or cannot be read."""

    unfinished: tuple[str, ...]
    """Names, without format, of images that lack some or all of their results: left out, or begun
    by a call that did not come to its end."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, damaged or unfinished."""
        return not (self.missing or self.damaged or self.unfinished)


def holds_results(folder: Path) -> bool:
    """Say whether `overtile predict` wrote into a folder."""
    return (folder / RECORD_NAME).is_file()


def verify_results(folder: Path) -> VerifiedResults:
    """Compare every result in a folder with the digest that was taken when it was written.

    Parameters
    ----------
    folder : path
        What `overtile predict` was given as `--out`.

    Returns
    -------
    verified : VerifiedResults

    Raises
    ------
    RecordError
        If the folder has no record of predictions, or it is damaged.
    """
    record = read_record(folder / RECORD_NAME, PredictionRecord)
    whole, changed = 0, []
    for image in record.finished.values():
        changed += (others := image.changed_results(folder))
        whole += len(image.results) - len(others)
    return VerifiedResults(
        whole=whole,
        missing=tuple(name for name in changed if not (folder / name).exists()),
        damaged=tuple(name for name in changed if (folder / name).exists()),
        unfinished=tuple(name for name in record.begun if name not in record.finished),
    )
