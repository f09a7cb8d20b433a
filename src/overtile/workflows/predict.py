"""Predict: images of any size to labels, probabilities and pictures, saved one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from overtile.arrays import Floats, Labels
from overtile.config import Settings
from overtile.data.normalise import normalise
from overtile.errors import (
    ConfigError,
    OutputError,
    OvertileError,
    PairError,
    StoppedError,
    printable,
)
from overtile.inference.instances import foreground, objects
from overtile.inference.predict import Predictor
from overtile.io import (
    Image,
    find_images,
    read_image,
    write_foreground,
    write_labels,
    write_overlay,
    write_probabilities,
)
from overtile.model.device import choose_device, describe_device
from overtile.model.file import ModelRecord, load_model, model_path
from overtile.progress import Progress, Silence, StopRequest, heed, never
from overtile.storage import demand_room, locked, make_folder
from overtile.workflows.results import (
    PredictRequest,
    ResultFolder,
    ResultKind,
    image_digest,
    stem,
)

_BEST_COMPRESSION = 1032
"""How many bytes zlib can tell by one."""

OnShare = Callable[[float], None]
"""Told the share of an image that is done, 0 to 1."""


class PredictResult(Settings):
    """What was done; serialises to JSON."""

    out: str
    written: tuple[str, ...]
    """Images whose results this call wrote."""

    kept: tuple[str, ...]
    """Images that an earlier call with the same model and settings had finished."""

    failed: tuple[str, ...]
    """One line for each image that could not be predicted."""

    objects: dict[str, int]
    """Objects found in each image of this call; for classes, pixels that are not background."""


def predict(
    request: PredictRequest,
    progress: Progress | None = None,
    should_stop: StopRequest = never,
) -> PredictResult:
    """Predict all images of a request, one after the other.

    An image that cannot be read is listed in the result and does not stop the others; where there
    are no others, its error is raised.

    Raises
    ------
    ModelError, ImageError, PairError, ConfigError
        If the model, the inputs or the device cannot be used; nothing is written then.
    OutputError
        If the folder holds results of another model or other settings, or cannot be written to.
    StoppedError
        If `should_stop` gave an exit code, or the disk failed after some images were finished (exit
        code 3); finished results stay, and the same call goes on.
    """
    progress = progress or Silence()
    _refuse_suffix(request)
    images = _all_images(request.inputs)
    file = model_path(request.model)
    network, model = load_model(file)
    device = choose_device(request.device)
    predictor = Predictor(
        network=network.to(device),
        precision=model.precision,
        test_time=request.test_time,
    )
    folder = ResultFolder(request, model_file=file)
    progress.say(f"model {file} on {describe_device(device)}; {len(images)} image files")
    with locked(make_folder(request.out)):
        folder.open(images)
        return _predict_all(images, folder, predictor, model, progress, should_stop)


def _predict_all(
    images: list[Path],
    folder: ResultFolder,
    predictor: Predictor,
    model: ModelRecord,
    progress: Progress,
    should_stop: StopRequest,
) -> PredictResult:
    kept = [path.name for path in images if folder.has(path, progress)]
    counts: dict[str, int] = {}
    failed: list[str] = []
    for path in (path for path in images if path.name not in kept):
        done = len(kept) + len(counts) + len(failed)

        def on_share(share: float, path: Path = path, done: int = done) -> None:
            progress.advance("predicting", done + share, len(images), path.name)
            heed(
                should_stop,
                f"stopped after {done} of {len(images)} images",
                "finished results stay; the same command goes on",
            )

        try:
            counts[path.name] = _predict_one(path, folder, predictor, model, on_share)
        except StoppedError:
            raise
        except OutputError as error:
            if done == 0:
                raise
            raise StoppedError(
                f"{error}; stopped after {done} of {len(images)} images",
                remedy="finished results stay; mend that, and the same command goes on",
                exit_code=3,
            ) from error
        except OvertileError as error:
            if len(images) == 1:
                raise error.at(path) from error.__cause__
            failed.append(str(error.at(path)))
            progress.say(f"left out {failed[-1]}")
    return PredictResult(
        out=printable(str(folder.request.out)),
        written=tuple(counts),
        kept=tuple(kept),
        failed=tuple(failed),
        objects=counts,
    )


def _refuse_suffix(request: PredictRequest) -> None:
    """Refuse a suffix that would give several results one name, or another folder."""
    if request.suffix is not None and len(request.save) != 1:
        raise ConfigError(
            f"--suffix renames one kind of result, and --save asks for {len(request.save)}",
            remedy="save one kind, such as --save labels",
        )
    if request.suffix is not None and Path(request.suffix).name != request.suffix:
        raise ConfigError(
            f"--suffix {request.suffix!r} is no end of a file name",
            remedy="give one without folders, such as _cp_masks; --out names the folder",
        )


def _all_images(inputs: Iterable[str]) -> list[Path]:
    images: dict[str, Path] = {}
    for source in inputs:
        for path in find_images(source):
            twin = images.setdefault(stem(path), path)
            if twin.resolve() != path.resolve():
                raise PairError(
                    f"has the same name as {twin}, so that results would overwrite each other",
                    remedy="rename one, or predict them into different folders",
                    path=path,
                )
    return list(images.values())


def _predict_one(
    path: Path,
    folder: ResultFolder,
    predictor: Predictor,
    model: ModelRecord,
    on_share: OnShare,
) -> int:
    """Predict all pages of one file and write its results; give the number of objects."""
    on_share(0.0)
    folder.refuse_name(path)
    folder.refuse_changed(path)
    # Before it is read: of an image that changes meanwhile, the next call will see that it did.
    digest = image_digest(path)
    image = read_image(path, axes=folder.request.axes)
    demand_room(folder.path, _least_bytes(folder.request.save, image, predictor.network.classes))
    predicted: list[Floats] = []

    def on_page(share: float) -> None:
        on_share((len(predicted) + share) / image.pages)

    for pixels in image.pixels:
        predicted.append(predictor.probabilities(normalise(pixels), on_page))
    probabilities = np.stack(predicted)
    labels = np.stack([objects(page, model.label_kind, model.prediction) for page in probabilities])
    folder.claim()
    for kind in folder.request.save:
        _write(kind, folder.target(path, kind), image, probabilities, labels)
    folder.finish(path, digest)
    if model.label_kind == "classes":
        return int(np.count_nonzero(labels))
    return sum(int(page.max()) for page in labels)


def _least_bytes(kinds: Iterable[ResultKind], image: Image, classes: int) -> int:
    """Tell what results take at the very least, however well they compress."""
    a_pixel = {"labels": 1, "foreground": 4, "probabilities": 4 * classes, "overlay": 0}
    pixels = image.pages * math.prod(image.size)
    return sum(a_pixel[kind] for kind in kinds) * pixels // _BEST_COMPRESSION


def _write(
    kind: ResultKind, path: Path, image: Image, probabilities: Floats, labels: Labels
) -> None:
    """Write one result of an image: `probabilities` (P, K, Y, X), `labels` (P, Y, X)."""
    if kind == "labels":
        write_labels(path, labels, like=image)
    elif kind == "foreground":
        write_foreground(path, np.stack([foreground(page) for page in probabilities]), like=image)
    elif kind == "probabilities":
        write_probabilities(path, probabilities, like=image)
    else:
        write_overlay(path, image.pixels, labels)
