"""Build notebooks/NN_name.ipynb, with outputs, from notebooks/src/NN_name.py.

python tools/build_notebooks.py [notebooks/src/04_autoencoders.py ...]     (all lessons by default)

Two builds give the same bytes, so that a difference in git is a difference in a lesson.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from sslcourse.widgets.still import WIDGET_VIEW

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
IN_COLAB = """
*In Colab or Kaggle, first run `%pip install --no-deps git+https://github.com/OWNER/NAME` in a cell of its
own. In Colab, OWNER/NAME is in the address of this page, after `github/`.*"""
FAULTS = """
**Something wrong, or hard to understand?** Report it as an issue in the repository that you got the course
from, with the number of the lesson and the sentence or cell."""
# Folded in JupyterLab by source_hidden, on a site by hide-input; "Run All" goes on after any claim.
FOLDED = {
    "drawing": ["drawing", "hide-input"],
    "claim": ["claim", "hide-input", "nbval-check-output", "raises-exception"],
}


class BuildError(Exception):
    """A lesson that must not be published; the message says which cell, and why."""


def notebook_from(source: Path) -> NotebookNode:
    """The lesson as a notebook: exercises written out, nothing executed yet."""
    cells = [new for cell in jupytext.read(source, fmt="py:percent").cells for new in expanded(cell)]
    for cell, words in (cells[0], IN_COLAB), (cells[-1], FAULTS):
        if cell.cell_type == "markdown":
            cell.source += f"\n{words}"
    for position, cell in enumerate(cells, start=1):
        cell.id = f"cell-{position:03}"
    return new_notebook(cells=cells, metadata=METADATA)


def expanded(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The cell itself, or the three cells of the exercise that its marker names."""
    if "exercise" not in cell.metadata:
        new_cell = new_code_cell if cell.cell_type == "code" else new_markdown_cell
        yield new_cell(cell.source, metadata=kept_metadata(cell))
        return
    from sslcourse.exercises import find  # only lessons with exercises need it

    name = cell.metadata["exercise"]
    if cell.source.strip():
        raise BuildError(f'the cell exercise="{name}" must be empty, its text comes from sslcourse.exercises')
    exercise = find(name)
    yield new_markdown_cell(exercise.markdown())
    yield new_code_cell(exercise.stub, metadata={"tags": ["exercise"]})
    yield new_code_cell(exercise.check_cell())


def kept_metadata(cell: NotebookNode) -> dict:
    """The tags of a cell, and what folds it if it is tagged `drawing` or `claim`."""
    tags = [tag for given in cell.metadata.get("tags", []) for tag in FOLDED.get(given, [given])]
    folded = {"jupyter": {"source_hidden": True}} if set(tags) & set(FOLDED) else {}
    return folded | ({"tags": tags} if tags else {})


class ThisPython(KernelSpecManager):
    """Starts the running interpreter, whatever kernels are installed on the machine."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(**get_kernel_dict(["--log-level=ERROR"]))


def execute(notebook: NotebookNode, folder: Path = NOTEBOOKS) -> NotebookNode:
    """Run all cells in place, with the folder as working directory; the kernel ends with the last."""
    NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisPython()),
        resources={"metadata": {"path": str(folder)}},
        timeout=600,  # seconds for one cell
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
    ).execute(cleanup_kc=True)
    return notebook


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Keep what a reader sees; drop what differs from run to run."""
    notebook.metadata = METADATA
    for cell in notebook.cells:
        if "claim" in cell.metadata.get("tags", []) and cell.outputs:
            raise BuildError(f"{cell.id} is a claim that does not hold\n\n{cell.source}\n\n{cell.outputs}")
        for output in cell.get("outputs", []):
            if output.output_type == "error" or output.get("name") == "stderr":
                said = "\n".join(output.traceback) if "traceback" in output else output.text
                raise BuildError(f"{cell.id} writes an error or a warning\n\n{cell.source}\n\n{said}")
            for part in (output.get("data", {}), output.get("metadata", {})):
                part.pop(WIDGET_VIEW, None)
    return notebook


def build(source: Path, folder: Path = NOTEBOOKS) -> Path:
    """Write folder/NN_name.ipynb; a lesson that fails or warns leaves the old one as it was."""
    target = folder / f"{source.stem}.ipynb"
    notebook = normalise(execute(notebook_from(source), folder))
    nbformat.validate(notebook)
    nbformat.write(notebook, target)
    return target


def main(sources: list[str]) -> None:
    for source in map(Path, sources or sorted(NOTEBOOKS.glob("src/*.py"))):
        try:
            print(f"{source.name} -> {build(source)}", flush=True)
        except (BuildError, CellExecutionError) as error:
            sys.exit(f"{source}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
