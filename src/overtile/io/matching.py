"""Pair predictions of any tool with the truth, by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from overtile.errors import ImageError, PairError
from overtile.io.ctc import are_frames, frame_of, pair_frames, truth_folder, truth_frame
from overtile.io.pairs import LABEL_SUFFIXES, Pair, bare_name, find_images, refuse_unpaired

RESULT_SUFFIXES = (
    *("_foreground", "_probabilities", "_uncertainty", "_overlay", *LABEL_SUFFIXES),
    # What ilastik and others add.
    *("_Probabilities", "_Simple Segmentation", "_Object Identities"),
    *("_pred", "_prediction", "_segmentation"),
)
"""Ends of a result's name that its image does not share."""

_IMAGE_SUFFIXES = ("_0000", "_image", "_img")  # the first is nnU-Net's

_NOT_READ = {
    ".h5": "export them as TIFF (in ilastik: Choose Export Image Settings, Format tif)",
    ".npy": "save the masks as TIFF or PNG (Cellpose: --save_tif)",
    ".gz": "convert them to TIFF",
    ".nii": "convert them to TIFF",
    ".zip": "unpack them; of ImageJ regions make a label image first",
}


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Predictions with their truth, and how they were found."""

    pairs: list[Pair]
    """`image` is the prediction, `labels` the truth."""

    tracking: bool = False
    """Whether the files are named as in the Cell Tracking Challenge, which counts objects."""

    surplus: int = 0
    """Predictions without a truth, as that layout allows."""


def pair_predictions(predicted: str | Path, truth: str | Path, kind: str) -> Matched:
    """Pair predicted files with truth files by the name of their image.

    Parameters
    ----------
    predicted, truth : str or path
        As for `find_images`. One file of each pairs whatever their names. A truth named as in the
        Cell Tracking Challenge pairs by the number of the frame.
    kind : str
        Which results to take where a folder holds several kinds: those that end in ``_`` and this,
        such as ``labels``, if there are any.

    Returns
    -------
    matched : Matched

    Raises
    ------
    ImageError
        If there is nothing at one of the places.
    PairError
        If a truth file has no prediction, or more than one, or a prediction has no truth.
    """
    predictions, truths = _of_kind(_find(predicted), kind), _find(truth_folder(truth))
    if are_frames(truths):
        frames = pair_frames(predictions, truths, RESULT_SUFFIXES)
        return Matched(pairs=frames, tracking=True, surplus=len(predictions) - len(frames))
    if len(predictions) == len(truths) == 1:
        return Matched(pairs=[Pair(predictions[0], truths[0])])
    return Matched(pairs=_pair_by_name(predictions, truths))


def find_raw_images(images: str | Path, truths: list[Path]) -> dict[Path, Path]:
    """Find the raw image of each truth file, where there is one.

    Parameters
    ----------
    images : str or path
        As for `find_images`.
    truths : list of path
        Truth files.

    Returns
    -------
    raw : dict
        Image by truth file; at least one.

    Raises
    ------
    ImageError
        If there is nothing at the place.
    PairError
        If no image has the name of a truth file.
    """
    files = _find(images)
    if len(files) == len(truths) == 1:
        return {truths[0]: files[0]}
    if are_frames(truths):
        frames = {frame_of(path, ()): path for path in files}
        found = {path: frames.get(truth_frame(path)) for path in truths}
    else:
        by_name = {bare_name(path, _IMAGE_SUFFIXES): path for path in files}
        whole = {bare_name(path, ()): path for path in files}
        names = {path: bare_name(path, LABEL_SUFFIXES) for path in truths}
        found = {path: whole.get(name) or by_name.get(name) for path, name in names.items()}
    raw = {path: image for path, image in found.items() if image is not None}
    if not raw:
        raise PairError(
            f"none of {len(files)} images has the name of a truth file",
            remedy="cell1.png is the image of cell1.tif or cell1_mask.png",
            path=images,
        )
    return raw


def _pair_by_name(predictions: list[Path], truths: list[Path]) -> list[Pair]:
    by_name: dict[str, Path] = {}
    for path in predictions:
        twin = by_name.setdefault(bare_name(path, RESULT_SUFFIXES), path)
        if twin != path:
            raise PairError(
                f"is a prediction of the same image as {twin.name}",
                remedy="keep one kind of result in the folder",
                path=path,
            )
    # A truth may bear the very name of its prediction, whatever that ends in.
    whole = {bare_name(path, ()): path for path in predictions}
    pairs = [
        (whole.get(bare_name(path, ())) or by_name.get(bare_name(path, LABEL_SUFFIXES)), path)
        for path in truths
    ]
    _refuse_shared(pairs)
    taken = {found for found, _ in pairs}
    refuse_unpaired(
        ("truth files", "a prediction", truths, [path for found, path in pairs if found is None]),
        (
            "predictions",
            "a truth",
            predictions,
            [path for path in predictions if path not in taken],
        ),
        remedy="a prediction pairs with the truth of the same image name: cell1_labels.tif with "
        "cell1.tif or cell1_mask.png",
    )
    return [Pair(found, path) for found, path in pairs if found is not None]


def _refuse_shared(pairs: list[tuple[Path | None, Path]]) -> None:
    truth_of: dict[Path, Path] = {}
    for found, path in pairs:
        if found is not None and truth_of.setdefault(found, path) != path:
            raise PairError(
                f"is a truth of the same image as {truth_of[found].name}",
                remedy="keep one truth of each image in the folder",
                path=path,
            )


def _find(place: str | Path) -> list[Path]:
    """Find images, and where there is none say what is there instead."""
    try:
        return find_images(place)
    except ImageError as error:
        listed = Path(place).is_dir() and error.__cause__ is None
        kinds = Counter(path.suffix.lower() for path in Path(place).iterdir()) if listed else {}
        for kind, remedy in _NOT_READ.items():
            if kind in kinds:
                raise ImageError(
                    f"holds no image, but {kinds[kind]} {kind} files, which are not read",
                    remedy=remedy,
                    path=place,
                ) from error
        raise


def _of_kind(paths: list[Path], kind: str) -> list[Path]:
    return [path for path in paths if path.stem.endswith(f"_{kind}")] or paths
