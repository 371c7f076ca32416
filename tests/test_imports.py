"""The package reads from left to right: a module imports only from modules before it."""

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "sslcourse").rglob("*.py"))
ORDER = [
    "remedies", "torchvision_compat", "draws", "data", "augment", "encoders", "networks", "heads", "losses",
    "masking", "momentum", "methods", "weights", "training", "sampling", "evaluate", "protocol", "pretrain",
    "claims", "plots", "diagrams", "show", "widgets", "exercises", "handed_in", "check", "lessons", "export",
    "assignment", "mark",
]  # fmt: skip
MAY_IMPORT = {  # library: the modules that may
    "torchvision": {"torchvision_compat", "data", "augment"},
    "ipywidgets": {"show", "widgets"},
    "IPython": {"show", "widgets", "handed_in"},
}


def imported_names(code: str, package: tuple[str, ...]) -> Iterator[str]:
    """Dotted names that a module of this package imports, as in sslcourse.losses.nt_xent_loss."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            origin = [*base, node.module] if node.module else base
            yield from (".".join([*origin, alias.name]) for alias in node.names)


def complaints(code: str, path: Path) -> list[str]:
    """What the module at this path (as in sslcourse/methods/simclr.py) must not import."""
    module = path.with_suffix("").parts[1]
    allowed = [*ORDER[: ORDER.index(module) + 1]] if module in ORDER else []
    if module == "losses":
        allowed = ["losses"]
    found = []
    for name in imported_names(code, path.parts[:-1]):
        library, _, rest = name.partition(".")
        if library == "sslcourse" and rest.partition(".")[0] not in allowed:
            found.append(f"{path} imports {name}")
        if module not in MAY_IMPORT.get(library, {module}):
            found.append(f"{path} imports {library}, which is for {sorted(MAY_IMPORT[library])}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_modules_before_it(path):
    assert complaints(path.read_text(encoding="utf-8"), path.relative_to(ROOT)) == []


if sys.platform != "win32":  # which does not tell what a process took

    @pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/[!_]*.py")), ids=lambda path: path.stem)
    def test_a_benchmark_can_be_imported(path):
        assert hasattr(import_module(f"benchmarks.{path.stem}"), "compare") or path.stem == "measure"


def test_every_module_has_a_place_in_the_order():
    names = {path.relative_to(ROOT).with_suffix("").parts[1] for path in MODULES}
    assert names - {"__init__"} <= set(ORDER)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("losses.py", "from .data import images"),
        ("losses.py", "from sslcourse import masking"),
        ("methods/simclr.py", "from ..widgets import explore"),
        ("methods/simclr.py", "from .. import plots"),
        ("heads.py", "import sslcourse.training"),
        ("__init__.py", "from .losses import nt_xent_loss"),
        ("encoders.py", "from torchvision.models import resnet18"),
        ("plots.py", "import ipywidgets as widgets"),
        ("evaluate.py", "def late():\n    from IPython.display import display"),
    ],
)
def test_an_import_from_the_right_is_found(path, code):
    assert complaints(code, Path("sslcourse", path))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("methods/simclr.py", "from ..losses import nt_xent_loss"),
        ("methods/__init__.py", "from .simclr import SimCLR"),
        ("data/shapes.py", "from . import fashion\nimport torchvision"),
        ("widgets/live.py", "from sslcourse import plots\nimport ipywidgets"),
    ],
)
def test_an_import_from_the_left_is_allowed(path, code):
    assert complaints(code, Path("sslcourse", path)) == []
