"""An environment of their own for the tools that we are measured against."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = Path(__file__).parent / "peers.txt"
FOLDER = ROOT / "runs" / "peers-env"
_INSIDE = "OVERTILE_AMONG_PEERS"


def among_peers() -> None:
    """Go on in the environment of the peers: the script is started anew there, if it is not yet.

    It sees the packages of the environment that runs this, hence the same torch and numpy, and
    nothing of it reaches the project's.
    """
    if _INSIDE in os.environ:
        return
    command = [str(peer_python()), *sys.argv]
    sys.exit(subprocess.run(command, env=os.environ | {_INSIDE: "1"}, check=False).returncode)


def peer_python() -> Path:
    """Make the environment unless it is there, and name its Python."""
    python, ready = FOLDER / "bin" / "python", FOLDER / "ready.txt"
    wanted = REQUIREMENTS.read_text()
    if ready.exists() and ready.read_text() == wanted:
        return python
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(FOLDER)], check=True)
    (packages,) = FOLDER.glob("lib/python*/site-packages")
    # A line that begins with `import` is run; addsitedir also follows editable installations.
    (packages / "project.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    )
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    # Its wheel was built for an older numpy, and cannot be imported with this one.
    source = ["--no-binary", "elasticdeform"]
    subprocess.run([*pip, *source, "--requirement", str(REQUIREMENTS)], check=True)
    ready.write_text(wanted)
    return python
