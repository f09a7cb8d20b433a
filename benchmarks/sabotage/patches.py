"""What could break and nobody would see, unless a test looks: one small change each."""

from __future__ import annotations

from dataclasses import dataclass

PACKAGE = "src/overtile/"


@dataclass(frozen=True)
class Patch:
    """One change for the worse."""

    name: str
    file: str
    """Below `PACKAGE`."""

    old: str
    """Stands once in the file."""

    new: str
    tests: tuple[str, ...]
    """Files of tests of which one must fail."""


STORAGE = ("tests/test_storage.py", "tests/reliability/test_every_write.py")
CHECKPOINTS = ("tests/training/test_checkpoint.py", "tests/training/test_session.py")
MODELS = ("tests/model", "tests/test_architecture.py", "tests/reliability/test_hostile_models.py")
LOOP = ("tests/training/test_tiles_ahead.py", "tests/training/test_loop.py")
RUNS = (
    "tests/training/test_run.py",
    "tests/workflows/test_run_data.py",
    "tests/workflows/test_train.py",
)
IMAGES = ("tests/io", "tests/reliability/test_bombs.py")

PATCHES = (
    Patch(
        "a file is renamed before its bytes are flushed",
        "storage.py",
        "        disk.sync(descriptor)\n    finally:",
        "        pass\n    finally:",
        STORAGE,
    ),
    Patch(
        "a file is written in place",
        "storage.py",
        "            _fill(part, content)\n",
        "            path.write_bytes(content)\n            _fill(part, content)\n",
        STORAGE,
    ),
    Patch(
        "a new name is never flushed",
        "storage.py",
        "            disk.sync_folder(folder)\n",
        "            pass\n",
        STORAGE,
    ),
    Patch(
        "what a disk kept is not read back",
        "storage.py",
        "    if chunk or view:\n",
        "    if False:\n",
        STORAGE,
    ),
    Patch(
        "a missing permission is swallowed",
        "storage.py",
        "        raise refusal(error, path, len(content)) from error\n",
        "        if not isinstance(error, PermissionError):\n"
        "            raise refusal(error, path, len(content)) from error\n",
        STORAGE,
    ),
    Patch(
        "temporary files are left behind",
        "storage.py",
        "            with suppress(OSError):\n                disk.remove(part)\n        sync",
        "            pass\n        sync",
        STORAGE,
    ),
    Patch(
        "the lock of a folder is not taken",
        "locks.py",
        "        lock.acquire(timeout=0)\n",
        "        pass\n",
        RUNS,
    ),
    Patch(
        "dropout is drawn from a state that nobody saves",
        "training/loop.py",
        "            torch.manual_seed((sampler.seed * 1_000_003 + state.step) % (1 << 63))\n",
        "",
        CHECKPOINTS,
    ),
    Patch(
        "the averaged weights are left out of checkpoints",
        "training/checkpoint.py",
        "    if state.averaged is not None:\n        state.averaged.load_state_dict",
        "    if False:\n        state.averaged.load_state_dict",
        CHECKPOINTS,
    ),
    Patch(
        "losses since the last entry are lost on going on",
        "training/session.py",
        "        self.unnoted = list(resumed.record.unnoted)\n",
        "",
        CHECKPOINTS,
    ),
    Patch(
        "a run whose checkpoints are damaged starts over",
        "training/checkpoint.py",
        "        if damaged:\n            raise",
        "        if False:\n            raise",
        CHECKPOINTS,
    ),
    Patch(
        "one generation of checkpoints is kept",
        "training/checkpoint.py",
        "GENERATIONS = 2",
        "GENERATIONS = 1",
        CHECKPOINTS,
    ),
    Patch(
        "the checkpoint of another run is taken",
        "training/checkpoint.py",
        "            if record.run != self.run:\n",
        "            if False:\n",
        CHECKPOINTS,
    ),
    Patch(
        "the best model is written before its checkpoint",
        "training/session.py",
        "            self._checkpoint()\n            self._save_model(",
        "            self._save_model(",
        CHECKPOINTS,
    ),
    Patch(
        "a run goes on with other images",
        "workflows/run_data.py",
        "    if difference:\n",
        "    if False:\n",
        RUNS,
    ),
    Patch(
        "a run goes on with another number of threads",
        "workflows/train.py",
        "    torch.set_num_threads(record.threads)\n",
        "    torch.set_num_threads(3)\n",
        RUNS,
    ),
    Patch(
        "SIGTERM ends as if all were done",
        "cli/signals.py",
        "signal.SIGTERM: 75",
        "signal.SIGTERM: 0",
        ("tests/cli/test_signals.py",),
    ),
    Patch(
        "the readings of the clock are not kept",
        "training/schedule.py",
        "        self.readings.append(Point(step, now))\n",
        "",
        ("tests/training/test_schedule.py",),
    ),
    Patch(
        "NaN is learnt from",
        "training/loop.py",
        "    _refuse_not_finite(batch, state.step + 1)\n",
        "",
        LOOP,
    ),
    Patch(
        "NaN is saved",
        "model/tensor_file.py",
        "    if broken:\n",
        "    if False:\n",
        (*CHECKPOINTS, *MODELS),
    ),
    Patch(
        "a worker that hangs is waited for",
        "training/tiles_ahead.py",
        "                batch = self._ready.get(timeout=1)\n",
        "                batch = self._ready.get(timeout=30)\n",
        LOOP,
    ),
    Patch(
        "a worker outlives its run",
        "training/tiles_ahead.py",
        "        self._ended.set()\n",
        "",
        LOOP,
    ),
    Patch(
        "a flat loss is not told",
        "training/watch.py",
        "_FALLEN = 0.97",
        "_FALLEN = 9.7",
        ("tests/training/test_watch.py",),
    ),
    Patch(
        "the seal of models and checkpoints is not looked at",
        "model/tensor_file.py",
        "        if not is_whole(content):\n",
        "        if False:\n",
        (*MODELS, "tests/reliability/test_bits.py"),
    ),
    Patch(
        "the seal of records is not looked at",
        "records.py",
        "    if not is_whole(content):\n",
        "    if False:\n",
        ("tests/test_records.py", "tests/training/test_run.py"),
    ),
    Patch(
        "unknown keys of a record are ignored",
        "config.py",
        'extra="forbid"',
        'extra="ignore"',
        (*MODELS, "tests/test_config.py"),
    ),
    Patch(
        "a header may be as long as it likes",
        "model/tensor_file.py",
        "LARGEST_HEADER_BYTES = 1 << 20",
        "LARGEST_HEADER_BYTES = 1 << 40",
        MODELS,
    ),
    Patch(
        "a pickle is read where a model is not one",
        "model/file.py",
        "    file = open_tensor_file(path)\n    record = _parsed(file)\n    network",
        "    import pickle\n\n    pickle.loads(path.read_bytes())\n"
        "    file = open_tensor_file(path)\n    record = _parsed(file)\n    network",
        MODELS,
    ),
    Patch(
        "the self-test of a model is not looked at",
        "model/file.py",
        "        if not found <= LARGEST_DIFFERENCE:\n",
        "        if False:\n",
        ("tests/model",),
    ),
    Patch(
        "neighbouring strips are off by one",
        "inference/plan.py",
        "        Strip((start - rim, start - rim + side), ",
        "        Strip((start - rim + 1, start - rim + side + 1), ",
        ("tests/inference",),
    ),
    Patch(
        "an image may be as large as it says",
        "io/limits.py",
        "    if size > max(_HARMLESS_BYTES, _LARGEST_RATIO * file_bytes, _trusted_bytes()):\n",
        "    if False:\n",
        IMAGES,
    ),
    Patch(
        "results are not compared with what was written",
        "workflows/results.py",
        "            if digest_if_there(folder / name) != digest\n",
        "            if not (folder / name).exists()\n",
        ("tests/workflows/test_results.py", "tests/reliability/test_bits.py"),
    ),
    Patch(
        "pixels to be ignored are scored",
        "evaluation/contingency.py",
        "        seen = ~ignore.ravel().astype(bool)\n",
        "        seen = np.ones(ignore.size, bool)\n",
        ("tests/evaluation",),
    ),
)
