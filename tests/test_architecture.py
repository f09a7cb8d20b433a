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

RUN_CODE = {
    *("eval", "exec", "compile", "__import__", "builtins", "code", "codeop", "runpy", "imp"),
    *("importlib.util", "importlib.machinery", "importlib.reload", "zipimport", "pkgutil"),
    *("types.CodeType", "types.FunctionType", "ctypes", "cffi", "logging.config", "pydoc"),
    *("subprocess", "multiprocessing", "pty", "os.system", "os.popen", "os.fork", "os.forkpty"),
    *("os.execv", "os.execve", "os.execvp", "os.execl", "os.execlp", "os.startfile"),
    *("os.posix_spawn", "os.posix_spawnp", "os.spawnv", "os.spawnl", "pydantic.ImportString"),
}
UNPICKLE = {
    *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"),
    *("torch.load", "torch.save", "torch.serialization", "torch.hub", "torch.jit"),
    *("torch.package", "torch.export", "torch.utils.model_zoo", "torch.distributed"),
    *("numpy.load", "numpy.lib.npyio", "numpy.lib.format", "pandas.read_pickle", "jsonpickle"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.unsafe_load_all"),
    *("yaml.Loader", "yaml.FullLoader", "yaml.UnsafeLoader", "ruamel"),
}
DANGEROUS_METHODS = {"extractall", "unpack_archive", "read_pickle", "import_string"}
DANGEROUS_WORDS = {"shell": True, "allow_pickle": True, "weights_only": False}
IMPORT_BY_NAME = "importlib.import_module"
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
        """Names that are bound to a file in memory, or to one of our own writing."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Call):
                ours = self.resolve(node.context_expr.func) == "overtile.large_files.whole_file"
                if ours and isinstance(node.optional_vars, ast.Name):
                    yield node.optional_vars.id
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

    def dangers(self) -> list[str]:
        """Find all that may run code that is not in the package."""
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        found = [ast.unparse(call) for call in calls if self._is_dangerous(call)]
        return self.mentions(RUN_CODE | UNPICKLE) + found + self._free_imports(calls)

    def _is_dangerous(self, call: ast.Call) -> bool:
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        return method in DANGEROUS_METHODS or any(
            # What is not written down, such as `shell=choice`, counts as the worst.
            not isinstance(word.value, ast.Constant)
            or bool(word.value.value) == DANGEROUS_WORDS[word.arg]
            for word in call.keywords
            if word.arg in DANGEROUS_WORDS
        )

    def _free_imports(self, calls: list[ast.Call]) -> list[str]:
        """Find imports by name where the name is not from the words of this very file."""
        bound = {
            id(call.func)
            for call in calls
            if self.resolve(call.func) == IMPORT_BY_NAME
            and (len(call.args), len(call.keywords)) == (1, 0)
            and self._is_written_here(call.args[0])
        }
        return [
            ast.unparse(node)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name | ast.Attribute)
            and self.resolve(node) == IMPORT_BY_NAME
            and id(node) not in bound
        ]

    def _is_written_here(self, name: ast.expr) -> bool:
        if isinstance(name, ast.JoinedStr):
            return all(self._is_written_here(part) for part in name.values)
        if isinstance(name, ast.FormattedValue):
            return self._is_written_here(name.value)
        if isinstance(name, ast.Subscript):
            return isinstance(name.value, ast.Name) and name.value.id in self._fixed_tables()
        return isinstance(name, ast.Constant) or ast.unparse(name) == "__name__"

    def _fixed_tables(self) -> set[str]:
        """Name the tables of words that are set once, and only looked up or searched after that."""
        tables = {
            node.targets[0].id
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Dict)
            and all(isinstance(value, ast.Constant) for value in node.value.values)
        }
        looked_up = {
            id(node.value) if isinstance(node, ast.Subscript) else id(node.comparators[0])
            for node in ast.walk(self.tree)
            if (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load))
            or (isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn))
        }
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        other = [node.id for node in names if id(node) not in looked_up]
        return {table for table in tables if other.count(table) == 1}

    def writes(self) -> list[str]:
        """Find all that may write to a file."""
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        return self.mentions(WRITE) + [ast.unparse(call) for call in calls if self._writes(call)]

    def _writes(self, call: ast.Call) -> bool:
        name = self.resolve(call.func)
        last = name.rsplit(".", 1)[-1]
        if name in WRITE_NOTHING or name.startswith("overtile.") or self._is_nowhere(call):
            return False
        if name == "os.open":
            return True
        if last == "open":
            return not self._opens_to_read(call, is_function=name in {"open", "io.open"})
        if last in WRITING_METHODS and isinstance(call.func, ast.Attribute):
            return True
        return last in WRITE_TO_FIRST_ARGUMENT and not self._fills_a_buffer(call)

    def _is_nowhere(self, call: ast.Call) -> bool:
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        places = call.args[:1] + (receiver.args[:1] if isinstance(receiver, ast.Call) else [])
        return any(self.resolve(place) == "os.devnull" for place in places)

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
    assert Source(path.read_text("utf-8")).dangers() == []


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
        "import joblib\njoblib.load('a')",
        "from torch import jit\njit.load('a')",
        "import torch\ntorch.serialization.load('a')",
        "import yaml\nyaml.load(text, yaml.SafeLoader)",
        "from yaml import unsafe_load as read",
        "import numpy\nread = numpy.load",
        "from numpy.lib import format\nformat.read_array(file)",
        "library.load('a', allow_pickle=True)",
        "library.load('a', allow_pickle=choice)",
        "library.load('a', weights_only=False)",
        "archive.extractall(folder)",
        "import shutil\nshutil.unpack_archive('a')",
        "import subprocess",
        "run('ls', shell=True)",
        "import os\nos.system('ls')",
        "import builtins\ngetattr(builtins, 'exec')('1')",
        "import types\ntypes.FunctionType(code, {})",
        "import runpy\nrunpy.run_path('a')",
        "import importlib.util",
        "from importlib import import_module\nimport_module(name)",
        "from importlib import import_module\nread = import_module",
        "import importlib\nimportlib.import_module(record['module'])",
        "import importlib\nimportlib.import_module(f'overtile.{name}')",
        "import importlib as i\nT = {'a': 'b'}\nT['c'] = data\ni.import_module(T[name])",
        "import importlib as i\nT = {'a': 'b'}\nT.update(data)\ni.import_module(T[name])",
        "import importlib as i\nT = {'a': data}\ni.import_module(T[name])",
        "import importlib as i\nT = {'a': 'b'}\nT = data\ni.import_module(T[name])",
        "import importlib as i\ni.import_module('.b', package)",
    ],
)
def test_running_code_from_data_is_noticed(text: str) -> None:
    assert Source(text).dangers()


@pytest.mark.parametrize(
    "text",
    [
        "from importlib import import_module\nimport_module('overtile.io')",
        "from importlib import import_module as i\nT = {'a': 'b'}\ni(f'{__name__}.{T[name]}')",
        "from importlib import resources\nresources.files('overtile')",
        "library.load('a', allow_pickle=False)",
        "import yaml\nyaml.safe_load(text)",
        "import torch\ntorch.no_grad()",
    ],
)
def test_names_of_modules_that_are_written_down_are_no_data(text: str) -> None:
    assert Source(text).dangers() == []


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
        "from overtile.large_files import whole_file\nimport tifffile\n"
        "with whole_file(path) as file, tifffile.TiffWriter(file):\n    pass",
        "import os\nos.open(os.devnull, os.O_WRONLY)",
        "import os\nPath(os.devnull).open('wb')",
        "folder.open(images)",
        "network.eval()",
        "import re\nre.compile('a')",
    ],
)
def test_reading_and_buffers_are_no_offence(text: str) -> None:
    source = Source(text)
    assert source.writes() == []
    assert source.dangers() == []
