"""Pair predictions of any tool with the truth, by name."""

from __future__ import annotations

from pathlib import Path

from overtile.errors import PairError
from overtile.io.pairs import LABEL_SUFFIXES, Pair, bare_name, find_images, refuse_unpaired

RESULT_SUFFIXES = ("_foreground", "_probabilities", "_overlay", *LABEL_SUFFIXES)
"""Ends of a result's name that its image does not share."""


def pair_predictions(predicted: str | Path, truth: str | Path, kind: str) -> list[Pair]:
    """Pair predicted files with truth files by the name of their image.

    Parameters
    ----------
    predicted, truth : str or path
        As for `find_images`. One file of each pairs whatever their names.
    kind : str
        Which results to take where a folder holds several kinds: those that end in ``_`` and this,
        such as ``labels``, if there are any.

    Returns
    -------
    pairs : list of Pair
        `image` is the prediction, `labels` the truth.

    Raises
    ------
    ImageError
        If there is nothing at one of the places.
    PairError
        If a truth file has no prediction, or more than one, or a prediction has no truth.
    """
    predictions, truths = _of_kind(find_images(predicted), kind), find_images(truth)
    if len(predictions) == len(truths) == 1:
        return [Pair(predictions[0], truths[0])]
    by_name: dict[str, Path] = {}
    for path in predictions:
        twin = by_name.setdefault(bare_name(path, RESULT_SUFFIXES), path)
        if twin != path:
            raise PairError(
                f"is a prediction of the same image as {twin.name}",
                remedy="keep one kind of result in the folder",
                path=path,
            )
    pairs = [(by_name.pop(bare_name(path, LABEL_SUFFIXES), None), path) for path in truths]
    refuse_unpaired(
        ("truth files", "a prediction", truths, [path for found, path in pairs if found is None]),
        ("predictions", "a truth", predictions, list(by_name.values())),
        remedy="a prediction pairs with the truth of the same image name: cell1_labels.tif with "
        "cell1.tif or cell1_mask.png",
    )
    return [Pair(found, path) for found, path in pairs if found is not None]


def _of_kind(paths: list[Path], kind: str) -> list[Path]:
    return [path for path in paths if path.stem.endswith(f"_{kind}")] or paths
