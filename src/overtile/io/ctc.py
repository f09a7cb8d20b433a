"""The file layout of the Cell Tracking Challenge, where frames pair by number and not by name."""

from __future__ import annotations

import re
from pathlib import Path

from overtile.errors import PairError
from overtile.io.pairs import Pair, bare_name, refuse_unpaired

# celltrackingchallenge.net, "Naming and file content conventions".
_TRUTH = re.compile(r"man_seg(\d+)")
_SLICE = re.compile(r"man_seg_(\d+)_(\d+)")
_RESULT = re.compile(r"(?:mask|t)(\d+)")


def truth_folder(truth: str | Path) -> str | Path:
    """Give the folder ``SEG`` inside a truth such as ``01_GT`` or ``01_ST``; all else as it is."""
    inside = Path(truth) / "SEG"
    return inside if Path(truth).name.endswith(("_GT", "_ST")) and inside.is_dir() else truth


def are_frames(truths: list[Path]) -> bool:
    """Say whether truth files are those of the challenge, by their names.

    Raises
    ------
    PairError
        If they are single slices of volumes: results have no file for a slice.
    """
    for path in truths:
        found = _SLICE.fullmatch(path.stem)
        if found:
            raise PairError(
                f"is slice {int(found[2])} of the volume at frame {int(found[1])}, and single "
                "slices of volumes are not scored",
                remedy=f"save that slice of mask{found[1]}.tif and compare the two files under "
                "other names",
                path=path,
            )
    return all(_TRUTH.fullmatch(path.stem) for path in truths)


def pair_frames(predictions: list[Path], truths: list[Path], ends: tuple[str, ...]) -> list[Pair]:
    """Pair results with truth files by the number of their frame.

    Parameters
    ----------
    predictions : list of path
        ``mask013.tif``, as the challenge names results, or ``t013_labels.tif``, as a tool does
        that keeps the name of the image ``t013.tif``.
    truths : list of path
        ``man_seg013.tif``. The challenge annotates few frames, so others may be predicted too.
    ends : tuple of str
        Ends of a result's name that its image does not share.

    Returns
    -------
    pairs : list of Pair
        One for each truth file; `image` is the prediction.

    Raises
    ------
    PairError
        If a truth file has no prediction, two predictions are of one frame, or a prediction is not
        named by its frame.
    """
    by_frame: dict[int, Path] = {}
    for path in predictions:
        frame = frame_of(path, ends)
        if frame is None:
            raise PairError(
                "is not named by its frame, as the truth of the Cell Tracking Challenge is",
                remedy="name it as mask013.tif, the result for man_seg013.tif",
                path=path,
            )
        twin = by_frame.setdefault(frame, path)
        if twin != path:
            raise PairError(
                f"is a prediction of the same frame as {twin.name}",
                remedy="keep one kind of result in the folder",
                path=path,
            )
    pairs = [(by_frame.get(truth_frame(path)), path) for path in truths]
    refuse_unpaired(
        ("truth frames", "a prediction", truths, [path for found, path in pairs if found is None]),
        remedy="man_seg013.tif pairs with mask013.tif",
    )
    return [Pair(found, path) for found, path in pairs if found is not None]


def truth_frame(path: Path) -> int:
    """Give 13 for ``man_seg013.tif``."""
    return int(path.stem.removeprefix("man_seg"))


def frame_of(path: Path, ends: tuple[str, ...]) -> int | None:
    """Give 13 for ``mask013.tif`` and for the image ``t013.tif``; None for other names."""
    found = _RESULT.fullmatch(bare_name(path, ends))
    return int(found[1]) if found else None
