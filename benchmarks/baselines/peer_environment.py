"""Environments of their own for the packages of peers: nothing of them reaches the project's."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

MONAI = Path(__file__).parent / "monai.txt"
"""What the baseline of MONAI needs beside the environment of the project."""


def peer_python(requirements: Path, folder: Path) -> Path:
    """Make the environment of some requirements in `folder`, unless it is there: its Python.

    It sees the packages of the environment that runs this, hence the same torch and numpy. What is
    required is installed without dependencies.
    """
    python, ready = folder / "bin" / "python", folder / "ready.txt"
    wanted = requirements.read_text()
    if ready.exists() and ready.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A line that begins with `import` is run; addsitedir also follows editable installations.
    (packages / "project.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    )
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--requirement", str(requirements)], check=True)
    ready.write_text(wanted)
    return python
