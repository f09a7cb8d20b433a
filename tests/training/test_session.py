from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from harness.runs import without_clock
from safetensors.torch import load_file

from overtile import storage
from overtile.config import AugmentationConfig, NetworkConfig, OptimiserConfig, Recipe
from overtile.config import TrainingConfig as Training
from overtile.data.sample import Annotated, Sampler
from overtile.errors import DivergedError, OutputError, StoppedError
from overtile.inference.predict import Predictor
from overtile.model.file import MODEL_NAME, load_model, weights_digest
from overtile.model.origin import Origin
from overtile.progress import Silence, StopRequest, never
from overtile.training import keeper, settle, tune
from overtile.training import session as sessions
from overtile.training.checkpoint import FOLDER_NAME, CheckpointRecord, Checkpoints
from overtile.training.history import History
from overtile.training.loop import TrainingState
from overtile.training.run import LAST_MODEL_NAME, PageRecord, RunFolder, RunRecord, StartRecord
from overtile.training.sampling import make_sampler, tile_output_size
from overtile.training.session import Session
from overtile.training.split import Split
from overtile.training.validation import Predicted, Validation, compared, validate, worth
from overtile.training.watch import FLAT

SessionOf = Callable[..., Session]
STEPS = 8


class Told(Silence):
    """A listener that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.states: list[tuple[float, float, str]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, task: str, done: float, total: float, note: str = "") -> None:
        self.states.append((done, total, note))


def recipe(learning_rate: float = 0.05) -> Recipe:
    return Recipe(
        name="tiny",
        network=NetworkConfig(base_channels=4, depth=1, batch_norm=True),
        augmentation=AugmentationConfig(elastic_sd_px=1),
        optimiser=OptimiserConfig(learning_rate=learning_rate, momentum=0.9),
        training=Training(tile_output=16, validations=4),
    )


def record(settings: Recipe, steps: int | None = STEPS, minutes: float | None = None) -> RunRecord:
    return RunRecord(
        version="1.2.3",
        created="2026-03-02T10:14:00+00:00",
        images="images",
        labels="labels",
        axes=None,
        label_kind="instances",
        class_names=("background", "object"),
        in_channels=1,
        training=(PageRecord("two", "0" * 64, "1" * 64),),
        validation=(PageRecord("two", "0" * 64, "1" * 64),),
        facts=(),
        decisions=(),
        recipe=settings,
        steps=steps,
        minutes=minutes,
        seed=7,
        device="cpu",
        device_name="CPU",
        threads=1,
        torch=torch.__version__,
        pixel_size_um=(0.5, 0.25),
    )


@pytest.fixture
def image(sampler: Sampler) -> Annotated:
    return sampler.images[0]


@pytest.fixture
def new_session(tmp_path: Path, image: Annotated, one_thread: None) -> SessionOf:
    """Make a session on a folder, or on the folder of an earlier one."""
    numbers = itertools.count()

    def make(
        what: RunRecord | None = None,
        *,
        go_on: Session | None = None,
        held_out: bool = True,
        progress: Silence | None = None,
    ) -> Session:
        what = what or record(recipe())
        folder = go_on.folder if go_on else RunFolder(tmp_path / f"run{next(numbers)}")
        if go_on is None:
            folder.path.mkdir()
            folder.start(what)
        split = Split(training=[image], validation=[image] if held_out else [])
        session = Session(
            folder, what, split, device=torch.device("cpu"), progress=progress or Silence()
        )
        if go_on is not None:
            session.resume()
        return session

    return make


def at_question(number: int, code: int = 130) -> StopRequest:
    """Ask to stop when asked for the `number`-th time."""
    asked = itertools.count(1)
    return lambda: code if next(asked) >= number else None


def weights(session: Session, name: str) -> dict[str, bytes]:
    tensors = load_file(session.folder.path / name)
    return {key: value.numpy().tobytes() for key, value in tensors.items()}


def test_a_run_takes_its_steps_and_keeps_the_best_and_the_last_model(
    new_session: SessionOf,
) -> None:
    session = new_session()
    history = session.run(never)
    assert history.finished
    assert history.step == STEPS
    assert [entry["step"] for entry in history.validations] == [2, 4, 6, 8]
    best = max(history.validations, key=worth)
    assert history.best == worth(best)
    assert load_model(session.folder.path / MODEL_NAME)[1].step == history.best_step == best["step"]
    assert load_model(session.folder.path / LAST_MODEL_NAME)[1].step == STEPS
    assert session.folder.history() == history


def test_a_model_says_what_it_was_made_with(new_session: SessionOf) -> None:
    session = new_session()
    session.run(never)
    model = load_model(session.folder.path / MODEL_NAME)[1]
    assert (model.version, model.recipe, model.pixel_size_um) == ("1.2.3", "tiny", (0.5, 0.25))
    assert model.label_kind == "instances"
    assert worth(model.scores) == session.history.best


def test_a_model_knows_the_images_that_it_and_its_start_have_learnt_from(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = StartRecord(path="first", weights_sha256="a" * 64, learnt=("5" * 64, "1" * 64))
    judges = (PageRecord("three", "3" * 64, "4" * 64),)
    what = record(recipe(), steps=1).model_copy(update={"start": start, "validation": judges})

    def origin() -> Origin:
        session = new_session(what)
        session.run(never)
        found = load_model(session.folder.path)[1].origin
        assert found is not None
        return found

    assert origin().learnt == ("1" * 64, "5" * 64)
    assert origin().judges == ("4" * 64,)
    monkeypatch.setattr(keeper, "LARGEST_PAGES", 2)
    assert (origin().pages, origin().learnt, origin().judges) == (("0" * 64,), (), ())


def test_a_run_with_nothing_held_out_ends_with_its_last_model(new_session: SessionOf) -> None:
    session = new_session(held_out=False)
    history = session.run(never)
    assert (history.validations, history.best_step) == ((), None)
    assert weights(session, MODEL_NAME) == weights(session, LAST_MODEL_NAME)


def test_the_seed_alone_decides_the_weights(new_session: SessionOf) -> None:
    first, second = new_session(), new_session()
    other = new_session(record(recipe()).model_copy(update={"seed": 8}))
    for session in (first, second, other):
        session.run(never)
    assert weights(first, LAST_MODEL_NAME) == weights(second, LAST_MODEL_NAME)
    assert weights(first, LAST_MODEL_NAME) != weights(other, LAST_MODEL_NAME)


# The 2nd question is asked after step 2, before its validation; the 3rd within that validation.
@pytest.mark.parametrize("question", [1, 2, 3, 4, 5, 10, 12])
def test_a_run_that_was_stopped_anywhere_ends_as_the_uninterrupted_one(
    new_session: SessionOf, question: int
) -> None:
    whole, stopped = new_session(), new_session()
    expected = whole.run(never)
    with pytest.raises(StoppedError) as stop:
        stopped.run(at_question(question))
    assert stop.value.exit_code == 130
    resumed = new_session(go_on=stopped)
    history = resumed.run(never)
    for name in (MODEL_NAME, LAST_MODEL_NAME):
        assert weights(resumed, name) == weights(whole, name)
    assert without_clock(history) == without_clock(expected)


def test_losses_that_were_not_yet_noted_are_not_lost_by_a_stop(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_LOSS_POINTS", 2)
    whole, stopped = new_session(held_out=False), new_session(held_out=False)
    expected = whole.run(never)
    with pytest.raises(StoppedError):
        stopped.run(at_question(3))
    assert stopped.history.losses == ()
    history = new_session(go_on=stopped, held_out=False).run(never)
    assert [loss.step for loss in history.losses] == [4, 8]
    assert without_clock(history) == without_clock(expected)


def test_a_stopped_run_leaves_a_usable_model_and_says_how_to_go_on(new_session: SessionOf) -> None:
    session = new_session()
    message = r"stopped at step 1; .*run0 holds a usable model; go on with .* --resume"
    with pytest.raises(StoppedError, match=message) as stop:
        session.run(at_question(1, code=75))
    assert stop.value.exit_code == 75
    assert load_model(session.folder.path / MODEL_NAME)[1].step == 1
    assert not session.folder.history().finished


def test_stopping_keeps_the_best_model_so_far(new_session: SessionOf) -> None:
    session = new_session()
    with pytest.raises(StoppedError):
        session.run(at_question(4))  # after step 3, one validation is done
    assert load_model(session.folder.path / MODEL_NAME)[1].step == 2
    assert load_model(session.folder.path / LAST_MODEL_NAME)[1].step == 3


def test_a_run_can_be_resumed_before_its_first_step(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = new_session()

    def kill(result: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(killed, "_show", kill)
    with pytest.raises(KeyboardInterrupt):
        killed.run(never)
    resumed, whole = new_session(go_on=killed), new_session()
    assert resumed.state.step == 0
    resumed.run(never)
    whole.run(never)
    assert weights(resumed, MODEL_NAME) == weights(whole, MODEL_NAME)


def test_a_checkpoint_is_written_now_and_then(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr(keeper, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(keeper, "LONGEST_CHECKPOINT_SECONDS", 0.0)
    session = new_session(held_out=False)

    def save(state: TrainingState, record: CheckpointRecord) -> None:
        saved.append(record.step)

    monkeypatch.setattr(Checkpoints, "add", lambda self, *what: save(*what))
    session.run(never)
    assert saved == [0, *range(1, STEPS + 1), STEPS]


@pytest.mark.parametrize(("cost", "interval"), [(0.0, 60), (1.0, 60), (3.0, 150), (60.0, 300)])
def test_checkpoints_cost_a_fiftieth_of_the_time_unless_too_much_would_be_lost(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch, cost: float, interval: float
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    session = new_session()

    def save(*_: object) -> None:
        now[0] += cost

    monkeypatch.setattr(Checkpoints, "add", save)
    session.keeper.checkpoint(session.state, session.history, ())
    now[0] += interval - 0.1
    assert not session.keeper.is_due()
    now[0] += 0.1
    assert session.keeper.is_due()


@pytest.mark.parametrize(("spare", "refused"), [(0, False), (-1, True)])
def test_a_run_that_the_disk_has_no_room_for_is_refused(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch, spare: int, refused: bool
) -> None:
    session = new_session()
    weights = sum(value.nbytes for value in session.state.network.state_dict().values())
    # Three checkpoints of weights and momentum, and two models.
    needed = 3 * 2 * weights + 2 * weights
    monkeypatch.setattr(storage.disk, "free_bytes", lambda _: needed + spare)
    if refused:
        with pytest.raises(OutputError, match=rf"{needed} bytes are needed and {needed - 1} are"):
            session.keeper.demand_room(session.state)
    else:
        session.keeper.demand_room(session.state)


def test_the_best_model_is_that_of_the_checkpoint_even_after_a_kill_between_the_two(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = new_session(), new_session()
    whole.run(never)
    save = killed.keeper.save_model

    def kill(name: str, *rest: Any) -> None:  # noqa: ANN401 - whatever is saved
        if killed.state.step > 2:
            raise KeyboardInterrupt
        save(name, *rest)

    monkeypatch.setattr(killed.keeper, "save_model", kill)
    with pytest.raises(KeyboardInterrupt):
        killed.run(never)
    resumed = new_session(go_on=killed)
    assert load_model(killed.folder.path / MODEL_NAME)[1].step == resumed.history.best_step
    resumed.run(never)
    for name in (MODEL_NAME, LAST_MODEL_NAME):
        content = (resumed.folder.path / name).read_bytes()
        assert content == (whole.folder.path / name).read_bytes()


def test_a_loss_that_stays_flat_is_told_in_progress_and_history(new_session: SessionOf) -> None:
    told = Told()
    settings = recipe(learning_rate=1e-12)
    session = new_session(record(settings, steps=40), held_out=False, progress=told)
    history = session.run(never)
    assert history.warnings == (FLAT,)
    assert [text for text in told.said if text.endswith(FLAT)] == [told.said[0]]


def test_a_finished_run_resumed_stays_as_it_is(new_session: SessionOf) -> None:
    session = new_session()
    history = session.run(never)
    before = weights(session, MODEL_NAME), weights(session, LAST_MODEL_NAME)
    told = Told()
    again = new_session(go_on=session, progress=told)
    assert told.said == [f"the run is finished, at step {STEPS}: nothing is trained"]
    assert again.run(never) == history
    assert (weights(again, MODEL_NAME), weights(again, LAST_MODEL_NAME)) == before


def test_a_run_by_the_clock_ends_in_time_and_validates_at_its_end(new_session: SessionOf) -> None:
    session = new_session(record(recipe(), steps=None, minutes=1 / 60))
    history = session.run(never)
    assert 1 <= history.seconds < 5
    assert history.validations[-1]["step"] == history.step > 0


def test_the_clock_goes_on_where_it_was_stopped(new_session: SessionOf) -> None:
    what = record(recipe(), steps=None, minutes=1.0)
    session = new_session(what, held_out=False)
    with pytest.raises(StoppedError):
        session.run(at_question(2))
    late = session.history.model_copy(update={"seconds": 59.9})
    session.keeper.checkpoint(session.state, late, ())
    resumed = new_session(what, go_on=session, held_out=False)
    history = resumed.run(never)
    assert 60 <= history.seconds < 65


def test_progress_tells_step_loss_score_and_resuming(new_session: SessionOf) -> None:
    told = Told()
    session = new_session(progress=told)
    with pytest.raises(StoppedError):
        session.run(at_question(4))
    assert told.said[0].startswith("step 2, ")
    assert "average_precision_50" in told.said[0]
    assert told.said[0].endswith("on 1 validation image, the best so far")
    done, total, note = told.states[-1]
    assert (done, total) == (3, STEPS)
    assert note.startswith("step 3, loss ")
    assert "average_precision_50" in note
    new_session(go_on=session, progress=told)
    assert told.said[-1].startswith("resuming at step 3, ")


def test_losses_are_recorded_with_their_learning_rate(new_session: SessionOf) -> None:
    history = new_session().run(never)
    assert [loss.step for loss in history.losses] == list(range(1, STEPS + 1))
    assert {loss.rate for loss in history.losses} == {0.05}


def test_a_diverged_run_names_the_way_out_and_keeps_its_checkpoint(new_session: SessionOf) -> None:
    session = new_session(record(recipe(learning_rate=1e30), steps=100), held_out=False)
    with pytest.raises(DivergedError, match="lower `learning_rate`"):
        session.run(never)
    assert list((session.folder.path / FOLDER_NAME).iterdir())
    assert isinstance(session.folder.history(), History)


def test_class_weights_are_those_of_the_whole_training_set(image: Annotated) -> None:
    empty = replace(image, name="empty", labels=np.zeros_like(image.labels))
    settings = recipe()
    one, both = (
        make_sampler(settings, "instances", 2, 0, images).class_weights
        for images in ([image], [image, empty])
    )
    # The more background there is, the more an object pixel weighs beside it.
    assert both[1] / both[0] > one[1] / one[0]


def test_gaps_between_touching_objects_are_a_bin_wide_and_cores_grow_by_bins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.repeat([[1, 2]], 20, axis=1).repeat(40, axis=0).astype(np.uint32)
    touching = Annotated(name="", pixels=np.zeros((1, 40, 40), np.float32), labels=labels)
    network = recipe().network.model_copy(update={"binning": 4})
    training = recipe().training.model_copy(update={"tune_objects": True})
    coarse = recipe().model_copy(
        update={
            "network": network,
            "training": training,
            "augmentation": AugmentationConfig(exact_share=1, rotation_degrees=0),
        }
    )
    sampler = make_sampler(coarse, "instances", 2, 0, [touching])
    gaps = [int((sampler.draw(step).classes == 0).sum(axis=1).max()) for step in range(20)]
    assert max(gaps) == 4
    told: list[int] = []

    def tuned(*_: object, binning: int) -> tune.Tuned:
        told.append(binning)
        return tune.Tuned(prediction=coarse.prediction, reason="", found=None)

    monkeypatch.setattr(settle, "tune_objects", tuned)
    seen = Predicted(image=touching, probabilities=np.full((2, 40, 40), 0.5), objects=labels)
    settle.choose([seen], record(coarse))
    assert told == [4]


def test_the_tile_of_a_recipe_is_rounded_up_to_a_legal_one() -> None:
    odd = recipe().model_copy(update={"training": Training(tile_output=17)})
    assert tile_output_size(odd) == 18


def test_the_best_and_the_last_model_hold_what_was_chosen_at_the_end(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "LEAST_OBJECTS", 1)
    settings = recipe()
    training = settings.training.model_copy(update={"tune_objects": True})
    session = new_session(record(settings.model_copy(update={"training": training})))
    history = session.run(never)
    assert history.tuned is not None
    assert history.tuned.temperature != 1
    told = [line.split(":")[0] for line in history.late_decisions]
    assert told == ["objects", "uncertainty", "turned versions"]
    for name in (MODEL_NAME, LAST_MODEL_NAME):
        assert load_model(session.folder.path / name)[1].prediction == history.tuned


@pytest.mark.parametrize(("last", "preferred"), [(0.31, True), (0.3, False), (None, False)])
def test_the_last_model_is_taken_where_its_objects_are_found_better_once_they_are_tuned(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch, last: float | None, preferred: bool
) -> None:
    founds = iter([0.3, last])

    def chosen(*_: object) -> settle.Settled:
        return settle.Settled(prediction=recipe().prediction, decisions=(), found=next(founds))

    monkeypatch.setattr("overtile.training.session.choose", chosen)
    session = new_session()
    scores, keep = iter([0.9, 0.5, 0.6, 0.4]), session._keep

    def keep_other(validation: Validation) -> None:
        summary = dict.fromkeys(compared(validation.scores.summary), next(scores))
        told = validation.scores.model_copy(update={"summary": summary})
        keep(replace(validation, scores=told))

    monkeypatch.setattr(session, "_keep", keep_other)
    history = session.run(never)
    first = int(history.validations[0]["step"])
    assert history.best_step == (history.step if preferred else first)
    assert history.best == (0.4 if preferred else 0.9)
    digests = {
        weights_digest(load_model(session.folder.path / name)[0])
        for name in (MODEL_NAME, LAST_MODEL_NAME)
    }
    assert len(digests) == (1 if preferred else 2)
    assert load_model(session.folder.path)[1].step == history.best_step
    told = [line for line in history.late_decisions if line.startswith("model: ")]
    expected = (
        f"model: that of the last step instead of step {first}, because the mean of AP 0.5 and "
        "0.75 is 0.310 instead of 0.300 once objects are tuned"
    )
    assert told == [expected] * preferred


@pytest.mark.parametrize(("best", "again"), [("first", 1), ("last", 0)])
def test_the_last_judgement_of_a_run_is_not_made_twice(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch, best: str, again: int
) -> None:
    session = new_session()
    made, keep, judge = list[Validation](), session._keep, session._judge

    def noted(*arguments: Any) -> Validation:  # noqa: ANN401
        made.append(judge(*arguments))
        return made[-1]

    def keep_other(validation: Validation) -> None:
        value = len(made) if best == "last" else -len(made)
        summary = dict.fromkeys(compared(validation.scores.summary), float(value))
        keep(replace(validation, scores=validation.scores.model_copy(update={"summary": summary})))

    def chosen(*_: object) -> settle.Settled:
        return settle.Settled(prediction=recipe().prediction, decisions=(), found=0.5)

    monkeypatch.setattr("overtile.training.session.choose", chosen)
    monkeypatch.setattr(session, "_judge", noted)
    monkeypatch.setattr(session, "_keep", keep_other)
    history = session.run(never)
    assert len(made) == len(history.validations) + again


def test_a_recipe_that_does_not_tune_keeps_its_thresholds(new_session: SessionOf) -> None:
    session = new_session()
    history = session.run(never)
    assert history.tuned is not None
    expected = session.recipe.prediction.model_copy(
        update={"temperature": history.tuned.temperature}
    )
    assert history.tuned == expected
    told = [line.split(":")[0] for line in history.late_decisions]
    assert told == ["uncertainty", "turned versions"]


@pytest.mark.parametrize(
    ("looked_at_px", "share"), [(1_000_000, ""), (1, " on 50 % of the held-out pixels")]
)
def test_a_run_says_what_the_mean_over_turned_versions_gives(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch, looked_at_px: int, share: str
) -> None:
    monkeypatch.setattr(settle, "VIEWED_PX", looked_at_px)
    session = new_session()
    judges = session.split.validation
    session.split = replace(session.split, validation=[*judges, *judges])
    line = session.run(never).late_decisions[-1]
    network, model = load_model(session.folder.path)
    plain, mean = (
        validate(
            Predictor(network=network, test_time=views),
            judges,
            model.label_kind,
            model.prediction,
            model.class_names,
        ).scores.summary["average_precision_50"]
        for views in ("none", "flips8")
    )
    assert f"average_precision_50 {mean:.3f} instead of {plain:.3f}{share}, in eight" in line


def test_the_pixels_that_tell_what_turned_versions_give_are_the_first_ones() -> None:
    def page(rows: int, columns: int) -> Annotated:
        labels = np.zeros((rows, columns), np.uint32)
        return Annotated(
            name="", pixels=labels[None].astype("f4"), labels=labels, ignore=labels > 0
        )

    images = [page(100, 100), page(1000, 300), page(50, 50)]
    for pixels, shapes in (
        (10_000, [(100, 100)]),
        (10_001, [(100, 100), (256, 300)]),
        (160_000, [(100, 100), (500, 300)]),
        (10**9, [(100, 100), (1000, 300), (50, 50)]),
    ):
        few = settle._first(images, pixels)
        assert [one.labels.shape for one in few] == shapes
        assert all(one.ignore is not None and one.ignore.shape == one.labels.shape for one in few)
        assert all(one.pixels.shape[1:] == one.labels.shape for one in few)


def test_turned_versions_are_compared_from_the_first_labelled_row_on() -> None:
    labels = np.zeros((1000, 300), np.uint32)
    ignore = np.ones(labels.shape, bool)
    ignore[700, 5] = False
    image = Annotated(name="", pixels=labels[None].astype("f4"), labels=labels, ignore=ignore)
    (part,) = settle._first([image], 10)
    assert part.labels.shape == (256, 300)
    assert part.told_px == 1


def test_a_run_that_is_killed_before_its_last_word_says_the_same_word(
    new_session: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = new_session()
    expected = whole.run(never)
    killed = new_session()
    with monkeypatch.context() as patched:
        patched.setattr(killed.keeper, "tune_best", lambda _: (_ for _ in ()).throw(KeyError))
        with pytest.raises(KeyError):
            killed.run(never)
    resumed = new_session(go_on=killed)
    found = resumed.run(never)
    assert (found.tuned, found.late_decisions) == (expected.tuned, expected.late_decisions)
    assert weights(resumed, MODEL_NAME) == weights(whole, MODEL_NAME)
