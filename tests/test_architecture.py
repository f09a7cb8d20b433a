"""What every file of the package must and must not do, read off its syntax tree."""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "overtile"
SOURCES = sorted(PACKAGE.rglob("*.py"))
STORAGE = PACKAGE / "storage.py"
LONGEST_FILE_LINES = 350

VAGUE_NAMES = {"utils", "util", "helpers", "misc", "common", "base", "manager"}

RUN_CODE = {"eval", "exec", "compile", "__import__"}
UNPICKLE = {
    *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"),
    *("torch.load", "torch.save", "torch.hub", "torch.jit.load", "torch.package"),
    *("numpy.load", "numpy.lib.npyio"),
}
WRITE = {
    *("numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt", "numpy.memmap"),
    *("safetensors.torch.save_file", "safetensors.numpy.save_file", "tifffile.memmap"),
    *("os.replace", "os.rename", "os.remove", "os.mkdir", "os.makedirs"),
    *("shutil", "tempfile"),
}
WRITING_METHODS = {
    *("write_text", "write_bytes", "tofile", "mkdir", "touch", "unlink", "rename", "symlink_to"),
}
WRITE_TO_FIRST_ARGUMENT = {"imwrite", "imsave", "TiffWriter", "save", "savefig"}
WRITE_NOTHING = {"safetensors.torch.save", "safetensors.numpy.save", "PIL.Image.open"}


class Source:
    """One file, with its names resolved to what they were imported as."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.imported = dict(self._imports())
        self.buffers = set(self._buffers())

    def _imports(self) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.asname or "." not in alias.name
                    yield (
                        alias.asname or alias.name.split(".")[0],
                        (alias.name if whole else alias.name.split(".")[0]),
                    )
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"

    def _buffers(self) -> Iterator[str]:
        """Names that are bound to a file in memory."""
        assignments = (node for node in ast.walk(self.tree) if isinstance(node, ast.Assign))
        for node in assignments:
            made = self.resolve(node.value.func) if isinstance(node.value, ast.Call) else ""
            if made in {"io.BytesIO", "io.StringIO"}:
                yield from (part.id for part in node.targets if isinstance(part, ast.Name))

    def resolve(self, node: ast.expr) -> str:
        """Give `numpy.load` for `np.load`; a name that is not imported begins with a dot."""
        if isinstance(node, ast.Attribute):
            return f"{self.resolve(node.value)}.{node.attr}"
        if isinstance(node, ast.Name):
            known = hasattr(builtins, node.id)
            return self.imported.get(node.id, node.id if known else f".{node.id}")
        return "."

    def mentions(self, forbidden: set[str]) -> list[str]:
        """Find the forbidden names, or modules, that the file imports or uses."""
        names = set(self.imported.values())
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute):
                names.add(self.resolve(node))
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        return sorted(n for n in names if any(f"{n}.".startswith(f"{bad}.") for bad in forbidden))

    def writes(self) -> list[str]:
        """Find all that may write to a file."""
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        return self.mentions(WRITE) + [ast.unparse(call) for call in calls if self._writes(call)]

    def _writes(self, call: ast.Call) -> bool:
        name = self.resolve(call.func)
        last = name.rsplit(".", 1)[-1]
        if name in WRITE_NOTHING or name.startswith("overtile."):
            return False
        if name == "os.open":
            return self.resolve(call.args[0]) != "os.devnull"
        if last == "open":
            return not self._opens_to_read(call, is_function=name in {"open", "io.open"})
        if last in WRITING_METHODS and isinstance(call.func, ast.Attribute):
            return True
        return last in WRITE_TO_FIRST_ARGUMENT and not self._fills_a_buffer(call)

    def _opens_to_read(self, call: ast.Call, *, is_function: bool) -> bool:
        modes = [word.value for word in call.keywords if word.arg == "mode"]
        modes += call.args[1:2] if is_function else call.args[:1]
        # The first argument of a method `open` may be something else than a mode.
        return all(
            not set(str(mode.value)) & set("wax+")
            if isinstance(mode, ast.Constant)
            else not is_function
            for mode in modes
        )

    def _fills_a_buffer(self, call: ast.Call) -> bool:
        target = call.args[0] if call.args else None
        return isinstance(target, ast.Name) and target.id in self.buffers


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_file_can_run_code_from_data(path: Path) -> None:
    assert Source(path.read_text("utf-8")).mentions(RUN_CODE | UNPICKLE) == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path != STORAGE], ids=named)
def test_only_storage_writes_files(path: Path) -> None:
    assert Source(path.read_text("utf-8")).writes() == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_is_named_after_its_idea(path: Path) -> None:
    assert not VAGUE_NAMES & {path.stem, *path.relative_to(PACKAGE).parts}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_opens_by_saying_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize("module", ["overtile", "overtile.evaluation", "overtile.io"])
def test_who_does_not_train_or_predict_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import torch.package",
        "from pickle import loads",
        "from torch import load as read",
        "import torch as t\nt.load('a')",
        "import torch\nread = torch.load",
        "import torch\ntorch.hub.load('a', 'b')",
        "import numpy as np\nnp.load('a.npy', allow_pickle=True)",
        "eval('1')",
        "exec('1')",
        "def run(text):\n    return eval(text)",
    ],
)
def test_running_code_from_data_is_noticed(text: str) -> None:
    assert Source(text).mentions(RUN_CODE | UNPICKLE)


@pytest.mark.parametrize(
    "text",
    [
        "open('a', 'w')",
        "open('a', mode='ab')",
        "mode = 'r'\nopen('a', mode)",
        "path.open('wb')",
        "path.open(mode='r+b')",
        "import io\nio.open('a', 'x')",
        "import os\nos.open('a', os.O_WRONLY)",
        "path.write_text('a')",
        "Path('a').write_bytes(b'')",
        "import numpy as np\nnp.save('a', b)",
        "array.tofile('a')",
        "import tifffile\ntifffile.imwrite(path, a)",
        "from tifffile import imwrite\nimwrite('a.tif', a)",
        "from PIL import Image\nImage.fromarray(a).save('a.png')",
        "figure.savefig(path)",
        "from safetensors.torch import save_file",
        "import shutil\nshutil.copy('a', 'b')",
        "path.mkdir()",
    ],
)
def test_writing_is_noticed(text: str) -> None:
    assert Source(text).writes()


@pytest.mark.parametrize(
    "text",
    [
        "open('a')",
        "open('a', 'rb')",
        "path.open('rb')",
        "path.read_bytes()",
        "from PIL import Image as Pillow\nPillow.open(path)",
        "from io import BytesIO\nbuffer = BytesIO()\npicture.save(buffer, format='PNG')",
        "import io, tifffile\nbuffer = io.BytesIO()\ntifffile.imwrite(buffer, a)",
        "from safetensors.torch import save as to_bytes\nto_bytes({})",
        "from overtile.storage import write_bytes\nwrite_bytes(path, b'')",
        "import os\nos.open(os.devnull, os.O_WRONLY)",
        "folder.open(images)",
        "network.eval()",
        "import re\nre.compile('a')",
    ],
)
def test_reading_and_buffers_are_no_offence(text: str) -> None:
    source = Source(text)
    assert source.writes() == []
    assert source.mentions(RUN_CODE | UNPICKLE) == []
