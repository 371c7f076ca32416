"""What every built lesson must fulfil: each guard takes a notebook and returns its complaints."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from sslcourse.widgets.still import WIDGET_VIEW

ROOT = Path(__file__).resolve().parents[1]
IMG_TAG = re.compile(r'<img\b(?:"[^"]*"|[^">])*>')
IMG_ALT = re.compile(r'\salt="[^"]*\w[^"]*"')
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/])(/(home|Users|root|tmp|usr|var|opt|mnt|etc|work)/|~/|[A-Z]:\\(Users|Windows))"
)
FORBIDDEN = {
    "!pip or %pip": re.compile(r"^\s*[!%]+\s*(pip|conda)\b", re.MULTILINE),
    "a warnings filter": re.compile(r"\bwarnings\.(filter|simplefilter|catch)|%%capture"),
    "an absolute path": ABSOLUTE_PATH,
}
NO_SCOPE_OF_OURS = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Pairs (cell id, output)."""
    return ((cell.id, output) for cell in code_cells(notebook) for output in cell.outputs)


def words(output: NotebookNode) -> str:
    """All text of an output, without the data of its pictures."""
    parts = [output.get("text", ""), *(v for v in output.get("data", {}).values() if isinstance(v, str))]
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", "\n".join(parts))


def every_cell_was_run_once_and_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}"]


def no_output_is_an_error_or_a_warning(notebook):
    return [
        f"{cell}: {output.get('ename', 'text on stderr')}"
        for cell, output in outputs(notebook)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def no_widget_state_is_stored(notebook):
    stored = [
        f"{cell}: a widget" for cell, output in outputs(notebook) if WIDGET_VIEW in output.get("data", ())
    ]
    return stored + ["metadata.widgets"] * ("widgets" in notebook.metadata)


def the_kernel_is_python3(notebook):
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"kernelspec {name}"]


def the_file_is_smaller_than_400_kb(notebook):
    size = len(nbformat.writes(notebook).encode())
    return [] if size < 400_000 else [f"{size / 1000:.0f} kB"]


def headings_have_one_title_and_skip_no_level(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^(#{1,6}) +(.+)", text, flags=re.MULTILINE)
    levels = [len(marks) for marks, _ in headings]
    complaints = [] if levels.count(1) == 1 else [f"{levels.count(1)} headings of level 1"]
    before = [0, *levels]
    return complaints + [
        f"'{title}' jumps from level {above} to {level}"
        for above, level, (_, title) in zip(before, levels, headings, strict=False)
        if level > above + 1
    ]


def every_picture_is_described(notebook):
    texts = [(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    complaints = [f"{cell}: ![]() without a text" for cell, text in texts if re.search(r"!\[\s*\]", text)]
    texts += [(cell, words(output)) for cell, output in outputs(notebook)]
    for cell, text in texts:
        complaints += [f"{cell}: {tag[:60]}" for tag in IMG_TAG.findall(text) if not IMG_ALT.search(tag)]
    for cell, output in outputs(notebook):
        complaints += [f"{cell}: bare {mime}" for mime in output.get("data", {}) if mime.startswith("image/")]
    return complaints


def no_cell_defines_a_name_of_the_package(notebook):
    return [
        f"{cell.id} defines {name}, which {package_names()[name]} has"
        for cell in code_cells(notebook)
        for name in defined_names(ast.parse(cell.source))
        if name in package_names()
    ]


def defined_names(tree: ast.AST) -> Iterator[str]:
    """Names that def, class or assignment bind at the top level; imports are no definitions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, NO_SCOPE_OF_OURS):
            yield from defined_names(node)


@cache
def package_names() -> dict[str, str]:
    """Public name -> the file of the package that defines it; learners do define the answers to exercises."""
    return {
        name: str(path.relative_to(ROOT))
        for path in sorted((ROOT / "sslcourse").rglob("*.py"))
        if not path.match("exercises/lesson_*.py")
        for name in defined_names(ast.parse(path.read_text(encoding="utf-8")))
        if not name.startswith("_")
    }


def nothing_forbidden_is_written(notebook):
    texts = [(cell.id, cell.source) for cell in notebook.cells]
    texts += [(cell, words(output)) for cell, output in outputs(notebook)]
    return [
        f"{cell}: {what}"
        for cell, text in texts
        for what, pattern in FORBIDDEN.items()
        if pattern.search(text)
    ]


def is_folded(cell: NotebookNode) -> bool:
    return bool({"drawing", "claim"} & set(cell.metadata.get("tags", [])))


def no_code_cell_is_longer_than_20_lines(notebook):
    """Folded cells may have 60."""
    lengths = [(cell, len(cell.source.splitlines())) for cell in code_cells(notebook)]
    return [f"{cell.id}: {n} lines" for cell, n in lengths if n > (60 if is_folded(cell) else 20)]


def no_line_of_code_is_longer_than_a_cell_is_wide(notebook):
    """Of what learners see without a click: JupyterLab shows about 94 letters on a laptop."""
    return [
        f"{cell.id}: {len(line)} letters: {line}"
        for cell in code_cells(notebook)
        if not is_folded(cell)
        for line in cell.source.splitlines()
        if len(line) > 90
    ]


def a_folded_cell_says_in_its_first_line_what_it_does(notebook):
    """JupyterLab shows the first line of a folded cell."""
    return [
        f"{cell.id} is folded: begin with a comment of 12 to 90 letters, not {cell.source.splitlines()[0]!r}"
        for cell in code_cells(notebook)
        if is_folded(cell) and not re.match(r"# \w.{10,88}\n", cell.source)
    ]


def claims_are_silent_and_nothing_else_prints_verdicts(notebook):
    """Tests stand in folded claim cells; learners read sentences, not lists of True and False."""
    complaints = []
    for cell in code_cells(notebook):
        is_claim, text = "claim" in cell.metadata.get("tags", []), "".join(map(words, cell.outputs))
        if is_claim and cell.outputs:
            complaints.append(f"{cell.id}: a claim does not hold: {text}")
        if is_claim != bool(re.search(r"^ *claim\(", cell.source, flags=re.MULTILINE)):
            complaints.append(f"{cell.id}: calls of claim(...) stand in cells tagged claim, and only there")
        printed = "".join(output.get("text", "") for output in cell.outputs)  # no code that is shown, no quiz
        if re.search(r"(: |, | )(True|False)\b(?!\])", printed) and "exercise" not in cell.source:
            complaints.append(f"{cell.id}: prints True or False: make it a claim")
    return complaints


def no_slider_draws_with_what_a_later_cell_replaces(notebook):
    """A slider lives on after "Run All": a global that its draw_ function reads must keep its value."""
    trees = [(cell.id, ast.parse(cell.source)) for cell in code_cells(notebook)]
    complaints = []
    for number, (cell, tree) in enumerate(trees):
        functions = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith("draw_")]
        read = {name for function in functions for name in names_read(function)}
        for later, other in trees[number + 1 :]:
            replaced = sorted(read & set(defined_names(other)))
            complaints += [
                f"{later} replaces {name}, which a slider of {cell} draws with" for name in replaced
            ]
    return complaints


def names_read(function: ast.FunctionDef) -> set[str]:
    """Names that a function reads and does not bind itself."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)} | {a.arg for a in function.args.args}
    return {node.id for node in names} - own


def figures_that_are_not_compared_are_held_by_a_claim(notebook):
    """A cell may go uncompared only if a claim follows in its section."""
    complaints, waiting = [], []
    for cell in [*notebook.cells, nbformat.v4.new_markdown_cell("## End")]:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, flags=re.MULTILINE):
            complaints, waiting = complaints + waiting, []
        elif "claim" in tags:
            waiting = []
        elif "nbval-ignore-output" in tags:
            waiting = [f"{cell.id} is not compared, and no claim follows in its section"]
    return complaints


GUARDS = [
    every_cell_was_run_once_and_in_order,
    no_output_is_an_error_or_a_warning,
    no_widget_state_is_stored,
    the_kernel_is_python3,
    the_file_is_smaller_than_400_kb,
    headings_have_one_title_and_skip_no_level,
    every_picture_is_described,
    no_cell_defines_a_name_of_the_package,
    no_slider_draws_with_what_a_later_cell_replaces,
    figures_that_are_not_compared_are_held_by_a_claim,
    nothing_forbidden_is_written,
    no_code_cell_is_longer_than_20_lines,
    no_line_of_code_is_longer_than_a_cell_is_wide,
    a_folded_cell_says_in_its_first_line_what_it_does,
    claims_are_silent_and_nothing_else_prints_verdicts,
]


def swallowed_code(source: str) -> list[str]:
    """Lines of code that stand in a markdown cell because their '# %%' is missing."""
    complaints, prose = [], False
    for number, line in enumerate(source.splitlines(), start=1):
        if line.startswith("# %%"):
            prose = "[markdown]" in line
        elif prose and line.strip() and not line.startswith("#"):
            complaints.append(f"line {number}: '# %%' is missing above: {line}")
    return complaints
