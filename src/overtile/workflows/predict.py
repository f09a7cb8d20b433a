"""Predict: images of any size to labels, probabilities and pictures, saved one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from overtile.config import Settings
from overtile.errors import (
    ConfigError,
    OutputError,
    OvertileError,
    PairError,
    StoppedError,
    printable,
)
from overtile.inference.openvino_engine import demand_openvino
from overtile.io import find_images
from overtile.locks import locked
from overtile.model.device import choose_device, describe_device
from overtile.model.file import load_model
from overtile.progress import Progress, Silence, StopRequest, heed, never
from overtile.seal import file_digest
from overtile.storage import make_folder
from overtile.wording import counted
from overtile.workflows.one_image import ImagePrediction
from overtile.workflows.parts import model_files
from overtile.workflows.results import PredictRequest, ResultFolder, stem


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
    if request.fast and request.exact:
        raise ConfigError(
            "--fast and --exact contradict each other", remedy="give one of them, or neither"
        )
    _refuse_suffix(request)
    images = _all_images(request.inputs)
    files = model_files(request.model)
    (network, model), *others = (load_model(file) for file in files)
    device = choose_device(request.device)
    if request.fast:
        demand_openvino(device)
        _refuse_several(files)
    folder = ResultFolder(request, model_sha256=_digest(files))
    one = ImagePrediction(
        folder=folder,
        network=network.to(device),
        others=tuple(other.to(device) for other, _ in others),
        model=model,
        progress=progress,
    )
    averaged = f" and {len(others)} more, whose answers are averaged," if others else ""
    progress.say(
        f"model {files[0]}{averaged} on {describe_device(device)}; "
        f"{counted(len(images), 'image file')}"
    )
    with locked(make_folder(request.out)):
        folder.open(images)
        return _predict_all(images, one, should_stop)


def _predict_all(
    images: list[Path], one: ImagePrediction, should_stop: StopRequest
) -> PredictResult:
    folder, progress = one.folder, one.progress
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
            counts[path.name] = one.predict(path, on_share)
        except StoppedError:
            folder.note()
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
    if counts:
        folder.note()
    return PredictResult(
        out=printable(str(folder.request.out)),
        written=tuple(counts),
        kept=tuple(kept),
        failed=tuple(failed),
        objects=counts,
    )


def _digest(files: Sequence[Path]) -> str:
    """Tell models apart: by the file's SHA-256, or by that of all of them."""
    digests = [file_digest(file) for file in files]
    return digests[0] if len(files) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _refuse_several(files: Sequence[Path]) -> None:
    if len(files) > 1:
        raise ConfigError(
            f"--fast knows the ranges of one network, and {len(files)} are averaged",
            remedy=f"leave out --fast, or predict with {files[0].parent}",
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
