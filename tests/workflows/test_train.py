from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from overtile.choices import LabelKind
from overtile.config import read_recipe
from overtile.errors import ConfigError, OutputError, RecordError, StoppedError
from overtile.io import read_labels
from overtile.model.file import load_model
from overtile.progress import Silence, StopRequest
from overtile.training.run import RunFolder
from overtile.workflows import train as training
from overtile.workflows.annotated import Source
from overtile.workflows.hold_out import HoldOut
from overtile.workflows.predict import predict
from overtile.workflows.reproduce import ReproduceRequest, reproduce
from overtile.workflows.results import PredictRequest
from overtile.workflows.train import TrainResult, train
from overtile.workflows.train_request import TrainRequest

WriteTiff = Callable[[Path, NDArray[Any]], Path]


class Told(Silence):
    """A listener that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def stop_after(steps: int) -> StopRequest:
    """Ask to stop after so many steps, where nothing is held out and four images are read."""
    asked = itertools.count(1)
    return lambda: 130 if next(asked) >= 4 + steps else None


def newest_checkpoint(run: Path) -> bytes:
    return max((run / "checkpoints").iterdir()).read_bytes()


@pytest.fixture(autouse=True)
def no_page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the page out: it takes longer than the training, and has tests of its own."""
    request.getfixturevalue("trained")  # made with its page
    monkeypatch.setattr(training, "write_report", lambda folder, *_: folder.path / "report.html")


@pytest.fixture
def request_(cells: Path, tiny_recipe: Path, tmp_path: Path, one_thread: None) -> TrainRequest:
    """Two steps on the four cells, with nothing held out."""
    return TrainRequest(
        source=Source(images=str(cells / "images"), labels=str(cells / "labels")),
        out=tmp_path / "run",
        recipe=str(tiny_recipe),
        steps=2,
        hold_out=HoldOut(fraction=0.0),
        device="cpu",
    )


def test_a_run_folder_holds_what_is_promised(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoints",
        "history.json",
        "last.safetensors",
        "model.safetensors",
        "recipe.toml",
        "report.html",
        "run.json",
    ]


def test_a_record_keeps_what_was_understood_and_decided(trained: Path, cells: Path) -> None:
    record = RunFolder(trained).record()
    assert (record.images, record.labels) == (str(cells / "images"), str(cells / "labels"))
    assert (record.label_kind, record.in_channels, record.steps) == ("instances", 1, 12)
    assert record.class_names == ("background", "object")
    assert [page.name for page in record.validation] == ["cell2.tif"]
    assert len({page.sha256 for page in (*record.training, *record.validation)}) == 4
    assert record.pixel_size_um == (0.5, 0.5)
    assert record.decisions == (
        "recipe: tiny, as it stands",
        "split: 3 images to train on, 1 held out",
    )
    assert record.recipe == read_recipe(trained / "recipe.toml")


def test_the_result_says_where_the_model_is_and_what_it_scored(request_: TrainRequest) -> None:
    result = train(replace(request_, hold_out=HoldOut(fraction=0.5)))
    assert Path(result.model).is_file()
    assert (result.recipe, result.steps) == ("tiny", 2)
    assert (result.training_images, result.validation_images) == (2, 2)
    assert result.best_step in (1, 2)
    assert "average_precision_50" in result.scores
    assert not {"step", "seconds"} & set(result.scores)
    assert TrainResult.model_validate_json(result.model_dump_json()) == result


def test_large_objects_are_learnt_and_predicted_in_bins(cells: Path, tmp_path: Path) -> None:
    for name in ("cell0.tif", "cell1.tif", "cell2.tif", "cell3.tif"):
        for folder in ("images", "labels"):
            fine = np.kron(tifffile.imread(cells / folder / name), np.ones((4, 4), np.uint16))
            (tmp_path / folder).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / folder / name, fine)
    source = Source(images=str(tmp_path / "images"), labels=str(tmp_path / "labels"))
    result = train(TrainRequest(source=source, out=tmp_path / "run", steps=2, seed=1, device="cpu"))
    (size,) = (one for one in result.decisions if one.startswith("working pixel size"))
    assert size.startswith("working pixel size: bins of 4 x 4 px, because 9 in 10 objects keep 90")
    network, model = load_model(Path(result.model))
    assert (network.config.binning, model.network.binning) == (4, 4)
    assert read_recipe(tmp_path / "run" / "recipe.toml").loss.sigma_px == 20
    image = str(tmp_path / "images" / "cell0.tif")
    predict(PredictRequest(model=tmp_path / "run", inputs=[image], out=tmp_path / "out"))
    assert read_labels(tmp_path / "out" / "cell0_labels.tif").pixels.shape[-2:] == (256, 256)


def test_without_held_out_images_there_are_no_scores(request_: TrainRequest) -> None:
    result = train(request_)
    assert (result.scores, result.best_step, result.validation_images) == ({}, None, 0)
    assert load_model(Path(result.model))[1].step == 2


def test_everything_understood_is_said_before_the_first_step(request_: TrainRequest) -> None:
    told = Told()
    train(request_, told)
    starts = [line.split(":")[0] for line in told.said]
    assert starts[:2] == ["images", "size"]
    assert any("4 images to train on, 0 held out, so no score" in one for one in told.said)
    assert "recipe: tiny, as it stands" in told.said
    # How many, depends on the last bits of the arithmetic that generated them.
    assert any(re.match(r"note: \d of the images: ", line) for line in told.said)


def test_recipe_auto_is_planned_for_the_data_and_says_why(
    request_: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_run", lambda session, *_: session.history)
    told = Told()
    result = train(replace(request_, recipe=None), told)
    assert result.recipe == "auto"
    assert any(decision.startswith("tile: ") for decision in result.decisions)
    assert set(result.decisions) < set(told.said)


def test_equal_requests_give_equal_weights(request_: TrainRequest, tmp_path: Path) -> None:
    first = train(request_)
    second = train(replace(request_, out=tmp_path / "again", seed=0))
    other = train(replace(request_, out=tmp_path / "other", seed=1))
    weights = [_weights(Path(one.model)) for one in (first, second, other)]
    assert weights[0] == weights[1] != weights[2]


def _weights(path: Path) -> bytes:
    content = path.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


def test_a_stopped_run_goes_on_to_the_same_weights(request_: TrainRequest, tmp_path: Path) -> None:
    whole = train(request_)
    stopped = replace(request_, out=tmp_path / "stopped")
    with pytest.raises(StoppedError, match="go on with the same command and --resume"):
        train(stopped, should_stop=stop_after(1))
    resumed = train(replace(stopped, resume=True))
    assert _weights(Path(resumed.model)) == _weights(Path(whole.model))


def test_resuming_needs_no_setting_to_be_said_again(request_: TrainRequest) -> None:
    with pytest.raises(StoppedError):
        train(request_, should_stop=stop_after(1))
    bare = TrainRequest(source=request_.source, out=request_.out, resume=True)
    assert train(bare).steps == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": 3}, "--steps 2, not 3"),
        ({"steps": None, "minutes": 1.0}, "--minutes None, not 1.0"),
        ({"seed": 5}, "--seed 0, not 5"),
        ({"recipe": "paper"}, "--recipe tiny, not paper"),
        ({"hold_out": HoldOut(fraction=0.5)}, "nothing held out, not cell1.tif, cell3.tif"),
        ({"hold_out": HoldOut(images="a", labels="b")}, "--validation-images None, not "),
    ],
)
def test_resuming_with_other_settings_is_refused_naming_the_difference(
    request_: TrainRequest, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(StoppedError):
        train(request_, should_stop=stop_after(1))
    before = newest_checkpoint(request_.out)
    with pytest.raises(ConfigError) as refusal:
        train(replace(request_, resume=True, **changes))
    assert named in str(refusal.value)
    assert "resume with the same command" in str(refusal.value)
    assert newest_checkpoint(request_.out) == before


def test_a_resumed_run_takes_as_many_threads_as_it_began_with(request_: TrainRequest) -> None:
    torch.set_num_threads(2)
    with pytest.raises(StoppedError):
        train(request_, should_stop=stop_after(1))
    assert RunFolder(request_.out).record().threads == 2
    torch.set_num_threads(1)
    train(replace(request_, resume=True))
    assert torch.get_num_threads() == 2


def test_who_is_stopped_while_images_are_read_has_lost_nothing(request_: TrainRequest) -> None:
    with pytest.raises(StoppedError, match="stopped while the images were read; give the same"):
        train(request_, should_stop=lambda: 75)
    assert not request_.out.exists()


def test_resuming_with_a_changed_recipe_file_is_refused(
    request_: TrainRequest, tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        train(request_, should_stop=stop_after(1))
    changed = tmp_path / "tiny.toml"
    text = Path(str(request_.recipe)).read_text("utf-8")
    changed.write_text(text.replace("depth = 1", "depth = 2"), "utf-8")
    with pytest.raises(ConfigError, match="--recipe tiny, not with other settings"):
        train(replace(request_, resume=True, recipe=str(changed)))


def test_resuming_what_is_no_run_is_refused(request_: TrainRequest) -> None:
    with pytest.raises(RecordError, match=r"run: is not a run folder: there is no run\.json"):
        train(replace(request_, resume=True))


def test_a_folder_with_other_work_is_refused_before_anything_is_read(
    request_: TrainRequest,
) -> None:
    request_.out.mkdir()
    (request_.out / "thesis.txt").touch()
    told = Told()
    with pytest.raises(OutputError, match="holds other work"):
        train(request_, told)
    assert told.said == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 1.0}, "ends by --minutes or by --steps; give one of them"),
        ({"steps": 0}, "--steps must be positive, got 0"),
        ({"steps": -3}, "--steps must be positive, got -3"),
        ({"steps": None, "minutes": 0.0}, "--minutes must be positive, got 0"),
        ({"steps": None, "minutes": float("nan")}, "--minutes must be positive, got nan"),
        ({"steps": None, "minutes": float("inf")}, "--minutes must be positive, got inf"),
        ({"recipe": "best"}, "there is no recipe 'best'; use one of auto, paper"),
        ({"device": "gpu"}, "'gpu' is not a device"),
        ({"hold_out": HoldOut(pages=(4,))}, "names page 4, and labelled are 0…3"),
    ],
)
def test_an_impossible_request_makes_no_run_folder(
    request_: TrainRequest, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(replace(request_, **changes))
    assert not request_.out.exists()


def test_a_recipe_without_a_length_asks_for_one(request_: TrainRequest, tmp_path: Path) -> None:
    (tmp_path / "endless.toml").write_text('name = "endless"', "utf-8")
    endless = replace(request_, steps=None, recipe=str(tmp_path / "endless.toml"))
    with pytest.raises(ConfigError, match="endless does not say how long to train; give --min"):
        train(endless)
    assert not request_.out.exists()


@pytest.mark.parametrize(("asked", "length"), [({"steps": 5}, (5, None)), ({}, (7, None))])
def test_the_user_overrides_the_length_of_the_recipe(
    request_: TrainRequest, tmp_path: Path, asked: dict[str, Any], length: tuple[int, None]
) -> None:
    (tmp_path / "seven.toml").write_text(
        'name = "seven"\n[network]\nbase_channels = 2\ndepth = 1\n'
        "[training]\ntile_output = 32\nsteps = 7\n",
        "utf-8",
    )
    told = replace(request_, steps=None, recipe=str(tmp_path / "seven.toml"))
    with pytest.raises(StoppedError):
        train(replace(told, **asked), should_stop=stop_after(1))
    record = RunFolder(request_.out).record()
    assert (record.steps, record.minutes) == length


def _mine(folder: Path, batch: int) -> str:
    text = (
        'extends = "auto"\nname = "mine"\n[network]\nbase_channels = 6\ndepth = 1\n'
        f"[training]\ntile_output = 32\nbatch = {batch}\nvalidations = 2\n"
    )
    (folder / "mine.toml").write_text(text, "utf-8")
    return str(folder / "mine.toml")


def test_what_a_recipe_that_extends_auto_does_not_say_is_planned(
    request_: TrainRequest, tmp_path: Path
) -> None:
    asked = replace(request_, recipe=_mine(tmp_path, batch=3), steps=2)
    result = train(asked)
    recipe = RunFolder(request_.out).record().recipe
    assert (recipe.name, recipe.network.depth, recipe.training.batch) == ("mine", 1, 3)
    # Nothing said how strong augmentation is to be, and what the smallest object is.
    assert recipe.augmentation != read_recipe(_mine(tmp_path, batch=3)).augmentation
    assert recipe.prediction.smallest_object_px > 0
    assert any(line.startswith("as the recipe says: network.base") for line in result.decisions)
    assert not any(line.startswith(("depth: ", "batch: ")) for line in result.decisions)
    assert train(replace(asked, resume=True)).steps == 2
    other = replace(asked, recipe=_mine(tmp_path, batch=4), resume=True)
    with pytest.raises(ConfigError, match="started with --recipe mine, not with other settings"):
        train(other)


def test_a_recipe_goes_on_from_a_model_with_the_network_of_that(
    request_: TrainRequest, tmp_path: Path
) -> None:
    first = train(request_)
    asked = replace(
        request_,
        recipe=_mine(tmp_path, batch=1),
        out=tmp_path / "second",
        start=Path(first.model),
    )
    train(asked)
    record = RunFolder(asked.out).record()
    assert record.recipe.network == RunFolder(request_.out).record().recipe.network
    assert record.recipe.training.batch == 1
    assert train(replace(asked, resume=True)).steps == request_.steps


def _only(folder: Path, cells: Path, images: int) -> Source:
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
        for number in range(images):
            name = f"cell{number}.tif"
            (folder / part / name).write_bytes((cells / part / name).read_bytes())
    return Source(images=str(folder / "images"), labels=str(folder / "labels"))


@pytest.mark.parametrize(
    ("images", "hold_out", "told"),
    [
        (1, HoldOut(), "1 image to train on, 0 held out, so no score of this model exists; score "),
        (2, HoldOut(), "`overtile evaluate`, or have every image judged in turn by `train --folds"),
        (2, HoldOut(fraction=0.0), "score it on others by `overtile evaluate`"),
        (4, HoldOut(), "split: 3 images to train on, 1 held out"),
    ],
)
def test_what_judges_is_told_or_that_nothing_does(
    request_: TrainRequest, tmp_path: Path, cells: Path, images: int, hold_out: HoldOut, told: str
) -> None:
    # A network of depth 3 sees 44 px around a pixel: images of 64 px are too small to be cut.
    text = Path(str(request_.recipe)).read_text("utf-8").replace("depth = 1", "depth = 3")
    (tmp_path / "deep.toml").write_text(text, "utf-8")
    source = _only(tmp_path / "few", cells, images)
    asked = replace(
        request_, source=source, hold_out=hold_out, recipe=str(tmp_path / "deep.toml"), steps=1
    )
    said = next(line for line in train(asked).decisions if line.startswith("split: "))
    assert told in said
    assert ("--folds" in said) == (images == 2 and hold_out == HoldOut())


def test_classes_get_the_names_of_the_recipe(
    request_: TrainRequest, tmp_path: Path, cells: Path
) -> None:
    source = replace(request_.source, label_kind="classes")
    text = 'class_names = ["background", "cell"]\n' + Path(str(request_.recipe)).read_text("utf-8")
    (tmp_path / "named.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"`class_names` are 2 names for . classes; name every"):
        train(replace(request_, source=source, recipe=str(tmp_path / "named.toml")))
    result = train(replace(request_, source=source))
    names = load_model(Path(result.model))[1].class_names
    assert names[:3] == ("background", "class 1", "class 2")


def test_classes_can_be_named_without_a_recipe_of_ones_own(request_: TrainRequest) -> None:
    source = replace(request_.source, label_kind="classes")
    asked = replace(request_, source=source)
    count = len(RunFolder(Path(train(asked).out)).record().class_names)
    names = tuple(f"kind {number}" for number in range(count))
    named = replace(asked, class_names=names, out=request_.out.parent / "named")
    assert load_model(Path(train(named).model))[1].class_names == names
    other = replace(named, class_names=names[::-1], resume=True)
    with pytest.raises(ConfigError, match="started with --class-names"):
        train(other)


def test_classes_have_the_colours_that_the_user_gives(request_: TrainRequest) -> None:
    source = replace(request_.source, label_kind="classes")
    given = ("#ff0000", "#00ff00", "#0000ff")
    asked = replace(request_, source=source, class_colours=given)
    model = load_model(Path(train(asked).model))[1]
    assert model.region_colours == ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    with pytest.raises(ConfigError, match="started with --class-colours"):
        train(replace(asked, class_colours=given[::-1], resume=True))


@pytest.mark.parametrize(
    ("kind", "given", "fault"),
    [
        (
            "instances",
            {"class_names": ("background", "cell")},
            "classes are named, and the labels are objects",
        ),
        ("classes", {"class_names": ("background", "cell")}, "are 2 names for . classes"),
        ("classes", {"class_names": ("cell",) * 4}, "must differ and be words: 'cell', 'cell'"),
        ("classes", {"class_names": ("a", "b", "c", "two\nlines")}, "must differ and be words"),
        ("classes", {"class_names": ("a", "b", "c", "")}, "must differ and be words"),
        (
            "instances",
            {"class_colours": ("#ff0000",)},
            "classes are coloured, and the labels are objects",
        ),
        (
            "classes",
            {"class_colours": ("#ff0000",)},
            "are 1, and the labels have 4 classes; give 3 colours",
        ),
        (
            "classes",
            {"class_colours": ("#ff0000", "#00ff00", "blue")},
            "'blue' is not a colour; write red",
        ),
    ],
)
def test_names_and_colours_that_do_not_suit_the_classes_are_refused(
    request_: TrainRequest, kind: LabelKind, given: dict[str, Any], fault: str
) -> None:
    source = replace(request_.source, label_kind=kind)
    with pytest.raises(ConfigError, match=fault):
        train(replace(request_, source=source, **given))
    assert not request_.out.exists()


def test_a_disk_that_fails_on_the_way_leaves_a_run_to_resume(
    request_: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "last.safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoppedError, match=r"No space left .* --resume") as stop:
        train(request_)
    assert stop.value.exit_code == 3
    monkeypatch.undo()
    monkeypatch.setattr(training, "write_report", lambda folder, *_: folder.path / "page")
    assert train(replace(request_, resume=True)).steps == 2


def test_one_image_is_enough_to_train_on_and_a_part_of_it_judges(
    request_: TrainRequest, cells: Path
) -> None:
    source = Source(
        images=str(cells / "images" / "cell0.tif"), labels=str(cells / "labels" / "cell0.tif")
    )
    one = replace(request_, source=source, hold_out=HoldOut())
    result = train(one)
    assert (result.training_images, result.validation_images) == (1, 1)
    assert "average_precision_50" in result.scores
    assert any("because 1 image is too few to hold out" in said for said in result.decisions)
    assert train(replace(one, resume=True)).scores == result.scores
    again = reproduce(
        ReproduceRequest(model=Path(result.out), images=source.images, labels=source.labels)
    )
    assert again.equal


def test_images_smaller_than_a_tile_and_of_three_channels_train(
    request_: TrainRequest, tmp_path: Path, write_tiff: WriteTiff
) -> None:
    rng = np.random.default_rng(0)
    write_tiff(tmp_path / "a.tif", rng.integers(0, 255, (3, 9, 5)).astype(np.uint16))
    write_tiff(tmp_path / "b.tif", np.eye(9, 5, dtype=np.uint8))
    source = Source(images=str(tmp_path / "a.tif"), labels=str(tmp_path / "b.tif"), axes="CYX")
    assert load_model(Path(train(replace(request_, source=source)).model))[1].in_channels == 3
