"""The same bytes come out of every environment: time zone, language, home, streams, permissions."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import harness.driver
import pytest

import overtile
from overtile.cli.main import main

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

PACKAGE = Path(overtile.__file__).parent
COMMANDS = (
    ["train", "images", "labels", "--out", "run", "--recipe", "tiny.toml", "--steps", "2"],
    ["predict", "run", "images", "--out", "out", "--device", "cpu", "--exact"],
    ["evaluate", "out", "labels", "--task", "instances", "--json", "scores.json"],
)
READ_ONLY = f"mount --bind {PACKAGE} {PACKAGE} && mount -o remount,bind,ro {PACKAGE}"


@dataclass(frozen=True)
class Environment:
    """What a process finds when it begins."""

    variables: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    shell: str = ""
    """What a shell does first, in a user namespace of its own where it mounts."""

    streams: str = ""
    locale: str = ""

    def __or__(self, other: Environment) -> Environment:
        """Give both at once."""
        return Environment(
            self.variables | other.variables,
            self.without + other.without,
            " && ".join(filter(None, (self.shell, other.shell))),
            f"{self.streams} {other.streams}",
            self.locale or other.locale,
        )


SINGLE = {
    "UTC": Environment({"TZ": "UTC"}),
    "Kathmandu": Environment({"TZ": "Asia/Kathmandu"}),
    "Lord Howe": Environment({"TZ": "Australia/Lord_Howe"}),
    "language C": Environment({"LANG": "C", "LC_ALL": "C"}),
    "no UTF-8": Environment({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "decimal comma": Environment(locale="de_DE"),
    "Turkish": Environment(locale="tr_TR"),
    "ASCII streams": Environment({"PYTHONIOENCODING": "ascii"}),
    "closed streams": Environment(streams="<&- >&- 2>&-"),
    "full streams": Environment(streams="2>/dev/full"),
    "no home": Environment(without=("HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")),
    "unwritable home": Environment({"HOME": "/proc/none"}),
    "umask 077": Environment(shell="umask 077"),
    "unwritable cache": Environment({"NUMBA_CACHE_DIR": "/proc/none"}),
    "read-only package": Environment({"HOME": "/proc/none"}, shell=READ_ONLY),
}


def together(*names: str) -> Environment:
    environment = Environment()
    for name in names:
        environment |= SINGLE[name]
    return environment


COMBINED = {
    "abroad": together("Kathmandu", "Turkish", "ASCII streams", "unwritable home", "full streams"),
    "bare": together("Lord Howe", "no UTF-8", "no home", "umask 077", "closed streams"),
}


@cache
def can_mount() -> bool:
    """Say whether a user may make a folder read-only for one process."""
    try:
        done = subprocess.run(["unshare", "-Urm", "sh", "-c", READ_ONLY], check=False)
    except OSError:
        return False
    return done.returncode == 0


def lay_out(folder: Path, cells: Path, recipe: Path) -> Path:
    shutil.copytree(cells, folder)
    shutil.copy(recipe, folder / "tiny.toml")
    return folder


def locale_of(name: str, folder: Path) -> dict[str, str]:
    """Compile a locale of the system's sources, if it has them."""
    compiled = folder / "locales" / f"{name}.UTF-8"
    compiled.parent.mkdir(exist_ok=True)
    command = ["localedef", "-i", name, "-f", "UTF-8", "--no-archive", str(compiled)]
    try:
        subprocess.run(command, check=False, capture_output=True)
    except OSError:
        return {}
    found = compiled.is_dir()
    return {"LOCPATH": str(compiled.parent), "LC_ALL": compiled.name} if found else {}


def run_in(environment: Environment, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run all commands in one process in an environment."""
    driver = [sys.executable, harness.driver.__file__, *map(json.dumps, COMMANDS), "note.json"]
    mounts = "mount" in environment.shell and can_mount()
    shell = environment.shell if mounts or "mount" not in environment.shell else "true"
    line = f"{shell or 'true'} && exec {shlex.join(driver)} {environment.streams}"
    language = locale_of(environment.locale, folder.parent) if environment.locale else {}
    variables = {
        # Unbuffered streams would hide what fails only at the end of a process.
        name: value
        for name, value in os.environ.items()
        if name not in {*environment.without, "PYTHONUNBUFFERED"}
    }
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.run(
        [*(["unshare", "-Urm"] if mounts else []), "sh", "-c", line],
        cwd=folder,
        env=variables | one_thread | language | environment.variables,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=600,
    )


def outputs(folder: Path) -> dict[str, bytes]:
    """Read what must not depend on the environment."""
    names = [f"run/{name}.safetensors" for name in ("model", "last")]
    names += [path.relative_to(folder).as_posix() for path in sorted((folder / "out").iterdir())]
    return {name: (folder / name).read_bytes() for name in [*names, "scores.json"]}


def moments(folder: Path) -> Iterator[datetime]:
    """Give every date with a time of day that was written."""
    for path in [*folder.rglob("*.json"), *folder.rglob("*.html")]:
        found = re.findall(
            r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*(?:Z|[+-]\d\d:\d\d)?", path.read_text("utf-8")
        )
        yield from map(datetime.fromisoformat, found)


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("one_thread")
def test_every_environment_gives_the_same_bytes(
    cells: Path,
    tiny_recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    amount: Amount,
    tally: Tally,
) -> None:
    plain = lay_out(tmp_path / "plain", cells, tiny_recipe)
    monkeypatch.chdir(plain)
    assert [main(command) for command in COMMANDS] == [0, 0, 0]
    expected = outputs(plain)

    chosen = COMBINED | (SINGLE if amount(0, 1) else {})
    folders = {
        name: lay_out(tmp_path / str(number), cells, tiny_recipe)
        for number, name in enumerate(chosen)
    }
    with ThreadPoolExecutor(2) as pool:
        ended = dict(zip(chosen, pool.map(run_in, chosen.values(), folders.values()), strict=True))
    for name, folder in folders.items():
        said = (ended[name].stdout + ended[name].stderr).decode()
        assert ended[name].returncode == 0, f"{name}: {said}"
        assert "Traceback" not in said, name
        assert "atplotlib" not in said, name
        assert outputs(folder) == expected, name
        assert json.loads((folder / "note.json").read_text("utf-8")) == [], name
        assert {moment.utcoffset() for moment in moments(folder)} <= {timedelta(0)}, name
        if "umask" in chosen[name].shell:
            readable = [path for path in (folder / "out").iterdir() if path.stat().st_mode & 0o077]
            assert readable == []
    tally("environments", len(chosen), len(chosen), read_only=str(can_mount()))
