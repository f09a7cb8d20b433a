"""Call `overtile` as a person would."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any


def call(command: str, data: Path) -> dict[str, Any]:
    """Run one command, and give the JSON that it prints.

    ``$OVERTILE_DATA`` in the command stands for `data`.
    """
    print(f"$ {command}", flush=True)
    words = shlex.split(command.replace("$OVERTILE_DATA", shlex.quote(str(data))))
    called = subprocess.run(
        [sys.executable, "-m", *words, "--json", "-"], check=True, stdout=subprocess.PIPE
    )
    answer: dict[str, Any] = json.loads(called.stdout)
    return answer
