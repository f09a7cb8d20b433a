"""An environment of its own for MONAI: nothing of it reaches the project's."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

REQUIREMENTS = Path(__file__).with_suffix(".txt")
JOB = Path(__file__).parent / "monai_job.py"


def monai_python(folder: Path) -> Path:
    """Make the environment in `folder` unless it is there, and name its Python.

    It sees the packages of the environment that runs this, hence the same torch and numpy.
    """
    python, ready = folder / "bin" / "python", folder / "ready.txt"
    wanted = REQUIREMENTS.read_text()
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
    subprocess.run([*pip, "--no-deps", "--requirement", str(REQUIREMENTS)], check=True)
    ready.write_text(wanted)
    return python
