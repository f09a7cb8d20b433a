"""Find the images that a user means, and pair them with their labels by name."""

from __future__ import annotations

import glob
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from overtile.errors import ImageError, PairError
from overtile.io.zarr_array import is_zarr

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Names that are taken from a folder, in any case. Whether they are images, the content decides."""

LABEL_SUFFIXES = ("_cp_masks", "_masks", "_mask", "_labels", "_label", "_seg", "_gt")
"""Ends of a label file's name that its image does not share."""

_HOW = (
    "an image pairs with the label file of the same name in the same case, whatever its format, "
    f"that may end in {', '.join(LABEL_SUFFIXES)}: cell1.png with cell1.tif or cell1_mask.png"
)


@dataclass(frozen=True)
class Pair:
    """An image file and its label file."""

    image: Path
    labels: Path


@dataclass(frozen=True)
class Pairing:
    """What pairs, and what does not."""

    pairs: list[Pair]
    """In the order of the images."""

    faults: list[PairError]
    """Files without a partner, and those with more than one."""


def find_images(source: str | Path) -> list[Path]:
    """List the image files that a path means.

    Parameters
    ----------
    source : str or path
        A file, whatever its name, or a Zarr, which is a folder; another folder, not including
        those inside; or a pattern with ``*``, ``?`` or ``[...]``.

    Returns
    -------
    paths : list of path
        In natural order: ``img2`` before ``img10``. What is hidden, and what is neither a Zarr nor
        a file that ends in one of `IMAGE_SUFFIXES`, is left out.

    Raises
    ------
    ImageError
        If there is no such place, or no image in it.
    """
    path = Path(source)
    try:
        if path.is_file() or is_zarr(path):
            return [path]
        if path.is_dir() or (not path.exists() and glob.has_magic(str(source))):
            fault = "holds no image" if path.is_dir() else "matches no image"
            return _some_images(_listed(source), path, fault)
    except OSError as error:
        raise ImageError(
            f"cannot be listed ({error.strerror or error})",
            remedy="check its name and its permissions",
            path=path,
        ) from error
    raise ImageError(
        "is neither a file nor a folder" if path.exists() else "does not exist",
        remedy="give an image, a folder of images or a pattern",
        path=path,
    )


def count_others(*places: str | Path) -> tuple[int, int]:
    """Count what `find_images` leaves out at some places: files and inner folders."""
    found = {path.resolve(): path for place in places for path in _listed(place)}
    others = [path for path in found.values() if not _is_image(path)]
    folders = sum(path.is_dir() for path in others)
    return len(others) - folders, folders


def pair_files(images: str | Path, labels: str | Path) -> list[Pair]:
    """Pair images and label files by name; nothing is left over in silence.

    Parameters
    ----------
    images, labels : str or path
        As for `find_images`. Both may be the same folder: files that end in one of
        `LABEL_SUFFIXES` are labels then. One image and one label file pair whatever their names.

    Returns
    -------
    pairs : list of Pair
        In the order of the images.

    Raises
    ------
    ImageError
        If there is nothing at one of the places.
    PairError
        If an image or a label file has no partner, or more than one.
    """
    pairing = match_files(images, labels)
    if pairing.faults:
        raise pairing.faults[0]
    return pairing.pairs


def match_files(images: str | Path, labels: str | Path) -> Pairing:
    """Pair images and label files as `pair_files` does, and tell all that does not pair.

    Raises
    ------
    ImageError
        If there is nothing at one of the places.
    PairError
        If there are only images, or only label files.
    """
    image_files, label_files = _sides(images, labels)
    if len(image_files) == len(label_files) == 1:
        return Pairing([Pair(image_files[0], label_files[0])], [])
    named, faults = _by_name(image_files)
    partners: dict[Path, Path] = {}
    lonely: list[Path] = []
    for label_file in label_files:
        image = named.get(_name(label_file)) or named.get(bare_name(label_file, LABEL_SUFFIXES))
        if image is None:
            lonely.append(label_file)
        elif partners.setdefault(image, label_file) != label_file:
            faults.append(
                PairError(
                    f"has two label files, {partners[image].name} and {label_file.name}",
                    remedy=f"keep one; {_HOW}",
                    path=image,
                )
            )
    try:
        refuse_unpaired(
            ("images", "labels", image_files, [i for i in named.values() if i not in partners]),
            ("label files", "an image", label_files, lonely),
            remedy=_HOW,
        )
    except PairError as error:
        faults.append(error)
    return Pairing(
        [Pair(image, partners[image]) for image in image_files if image in partners], faults
    )


def _listed(source: str | Path) -> list[Path]:
    """List all that a folder holds or a pattern matches; nothing for a file."""
    path = Path(source)
    if path.is_dir():
        return list(path.iterdir())
    if path.exists():
        return []
    return [Path(match) for match in glob.glob(str(source))]  # noqa: PTH207 - also absolute ones


def _is_image(path: Path) -> bool:
    # Hidden ones are what file managers leave (._a.tif), and our own unfinished writing.
    if path.name[0] == ".":
        return False
    return (path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()) or is_zarr(path)


def _some_images(paths: Iterable[Path], place: Path, fault: str) -> list[Path]:
    images = [path for path in paths if _is_image(path)]
    if not images:
        raise ImageError(
            fault,
            remedy=f"give a place with {', '.join(IMAGE_SUFFIXES)}; inner folders are not searched",
            path=place,
        )
    return sorted(images, key=_natural)


def _sides(images: str | Path, labels: str | Path) -> tuple[list[Path], list[Path]]:
    image_files, label_files = find_images(images), find_images(labels)
    if _resolved(image_files) == _resolved(label_files):
        label_files = [
            path for path in label_files if bare_name(path, LABEL_SUFFIXES) != _name(path)
        ]
    # A pattern for images may also match the labels beside them.
    taken = _resolved(label_files)
    image_files = [path for path in image_files if path.resolve() not in taken]
    if not image_files or not label_files:
        missing = "image beside the labels" if not image_files else "label file beside the images"
        raise PairError(f"there is no {missing}", remedy=_HOW, path=images)
    return image_files, label_files


def _resolved(paths: list[Path]) -> set[Path]:
    return {path.resolve() for path in paths}


def _by_name(image_files: list[Path]) -> tuple[dict[str, Path], list[PairError]]:
    named: dict[str, Path] = {}
    faults = []
    for image in image_files:
        twin = named.setdefault(_name(image), image)
        if twin != image:
            fault = f"has the same name as {twin.name}, so that labels cannot be told apart"
            faults.append(PairError(fault, remedy="rename one of the images", path=image))
    return named, faults


def refuse_unpaired(*sides: tuple[str, str, list[Path], list[Path]], remedy: str) -> None:
    """Refuse files without a partner; a side is (what, what it lacks, all files, lonely files).

    Raises
    ------
    PairError
        Counting and naming them, both sides at once.
    """
    faults = [
        f"{len(lonely)} of {len(files)} {what} lack {lacks} ({_some(lonely)})"
        for what, lacks, files, lonely in sides
        if lonely
    ]
    if faults:
        files = sides[0][2]
        if sorted(len(files) > 1 for _, _, files, _ in sides) == [False, True]:
            remedy = f"give a stack one stack for its partner, page by page, else {remedy}"
        path = files[0] if len(files) == 1 else files[0].parent
        raise PairError(" and ".join(faults), remedy=remedy, path=path)


def bare_name(path: Path, ends: tuple[str, ...]) -> str:
    """Give a file's name without format and without the first of `ends` that it ends in."""
    name = _name(path)
    end = next((end for end in ends if name.endswith(end) and name != end), "")
    return name.removesuffix(end)


def _some(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths[:3]) + ", ..." * (len(paths) > 3)


def _name(path: Path) -> str:
    """Name without format: ``a`` for ``a.png`` and for ``a.ome.tif``.

    Composed, because macOS takes accents apart and other systems do not.
    """
    return unicodedata.normalize("NFC", path.stem.removesuffix(".ome"))


def _natural(path: Path) -> tuple[list[tuple[str, int]], str]:
    parts = re.split(r"(\d+)", path.name.casefold())
    numbers = [int(digits) for digits in parts[1::2]] + [-1]
    return list(zip(parts[::2], numbers, strict=True)), path.as_posix()
