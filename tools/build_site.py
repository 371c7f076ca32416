"""Build the site into build/site, from docs/, the committed notebooks and what was recorded of them.

python tools/build_site.py [--lessons 00 02] [--into build/site] [--recorded build/recorded]

Nothing is executed. Sliders move if tools/record_lessons.py has recorded their lesson. Warnings are errors.
SITE_REPOSITORY=https://github.com/OWNER/NAME adds links to Colab, to Binder and to where faults are reported.
"""

import argparse
import json
import os
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from address import opened_online
from lesson_map import Entry, entry, svg
from lesson_page import STATIC, Page, lesson_page, script
from record_lessons import RECORDED, code_of, package
from sphinx.cmd.build import build_main

import sslcourse

ROOT = Path(__file__).resolve().parents[1]
DOCS, NOTEBOOKS = ROOT / "docs", ROOT / "notebooks"
FROM_ROOT = {
    "CONTRIBUTING.md": "contribute.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CHANGELOG.md": "changes.md",
}
NOT_SHOWN = {"answer_key.md"}  # what learners should find out themselves
HOME_SLIDERS = ["explore(draw_hiding", "explore("]  # the first that there is


def build(lessons: list[str], into: Path, recorded: Path, builder: str = "html") -> int:
    """Sphinx's exit code: 0 if there was nothing to complain about."""
    pages_in, trees_in = (into.with_name(into.name + ending) for ending in ("-pages", "-trees"))
    write(pages_in, dict(pages(lessons, recorded)))
    shutil.rmtree(into, ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-b", builder, "-d", str(trees_in)]
    return build_main([*options, str(pages_in), str(into)])


def write(folder: Path, pages: dict[str, bytes]) -> None:
    """Make the folder hold these files and no others; Sphinx reads again what has changed."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in pages:
            path.unlink()
    for name, content in pages.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def pages(lessons: list[str], recorded: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that Sphinx is given, by its path."""
    chosen = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not lessons or path.name[:2] in lessons]
    names = [path.name for path in chosen]
    for path in DOCS.rglob("*"):
        if path.name in NOT_SHOWN:
            continue
        if path.suffix == ".md":
            yield path.relative_to(DOCS).as_posix(), with_links_of_the_site(path, names).encode()
        elif path.is_file():
            yield path.relative_to(DOCS).as_posix(), path.read_bytes()
    for name, page in FROM_ROOT.items():
        yield page, with_links_of_the_site(ROOT / name, names).encode()
    package = Path(find_spec("sphinx-mathjax-offline").origin).parent
    yield "_static/tex-svg.js", (package / "static" / "mathjax" / "tex-svg.js").read_bytes()
    yield from api()
    yield from lesson_pages(chosen, recorded)


def with_links_of_the_site(path: Path, names: list[str]) -> str:
    """A text of the repository with links to pages of the site; names are the lessons that it has."""
    text = path.read_text(encoding="utf-8")
    for other, page in FROM_ROOT.items():
        text = re.sub(rf"\((?:\.\./)?{re.escape(other)}\)", f"({page})", text)
    return without_links(text.replace("](../notebooks/", "](lessons/"), r"lessons/(\d\d_\w+\.ipynb)", names)


def without_links(text: str, place: str, names: list[str]) -> str:
    """The text with links only to lessons that the site has: with --lessons it may have few."""
    link = rf"\[([^]]*)\]\({place}\)"
    return re.sub(link, lambda link: link[0] if link[2] in names else link[1], text)


def api() -> Iterator[tuple[str, bytes]]:
    """A page for each module of the package; for one with parts, what it passes on from them."""
    for module in pkgutil.iter_modules(sslcourse.__path__):
        name = f"sslcourse.{module.name}"
        page = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
        yield f"api/{module.name}.md", page.encode()


# Lessons


def lesson_pages(notebooks: list[Path], recorded: Path) -> Iterator[tuple[str, bytes]]:
    """The lessons as pages and as they are, their data, and what other pages say of them."""
    made, entries = [], []
    for path in notebooks:
        notebook = without_links_to_others(nbformat.read(path, as_version=4), [p.name for p in notebooks])
        entries.append(entry(path.stem, notebook.cells[0].source))
        made.append(lesson_page(path.stem, notebook, recording(recorded / f"{path.stem}.json", notebook)))
        notebook.cells[0].source = with_links(notebook.cells[0].source, path.name)
        yield f"lessons/{path.name}", nbformat.writes(notebook).encode()
        yield f"_static/notebooks/{path.name}", path.read_bytes()
        for name, data in made[-1].files.items():
            yield f"_static/{name}.js", script(name, data).encode()
    yield "generated/map.html", svg(entries).encode()
    yield "generated/slider.html", slider_for_home(made).encode()
    yield "generated/lessons.md", "\n".join(map(in_a_list, entries)).encode()


def without_links_to_others(notebook: nbformat.NotebookNode, names: list[str]) -> nbformat.NotebookNode:
    """The notebook with links only to lessons that the site has."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = without_links(cell.source, r"(\d\d_\w+\.ipynb)", names)
    return notebook


def recording(path: Path, notebook: nbformat.NotebookNode) -> dict[str, Any] | None:
    """What was recorded of a lesson, unless its code has changed since."""
    recorded = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if recorded and recorded["code"] != code_of(notebook):
        print(
            f"{path.stem} was recorded before its code changed: its sliders will not move. Try: make frames"
        )
        return None
    if recorded and recorded["package"] != package():
        print(f"{path.stem} was recorded with another version of the package. To record again: make frames")
    return recorded


def with_links(first_cell: str, name: str) -> str:
    """The first cell of a lesson with what one can do with it, under its title."""
    links = {"Download the notebook": f"{STATIC}notebooks/{name}"}
    if repository := os.environ.get("SITE_REPOSITORY"):
        place = repository.removeprefix("https://github.com/")
        in_colab, in_binder = opened_online(place, f"notebooks/{name}")
        links |= {
            "Open in Colab": in_colab,
            "Open in Binder": in_binder,
            "Report a fault": f"{repository}/issues/new?template=fault.yml&place={name}",
        }
    items = "".join(f'<a href="{address}">{text}</a>' for text, address in links.items())
    title, rest = first_cell.split("\n", 1)
    return f'{title}\n\n<p class="course-links">{items}</p>\n{rest}'


def slider_for_home(made: list[Page]) -> str:
    """The slider that the home page shows."""
    for beginning in HOME_SLIDERS:
        for page in made:
            for cell in page.notebook.cells:
                if cell.cell_type == "code" and beginning in cell.source:
                    shown = cell.outputs[0].data["text/html"].replace(STATIC, "_static/")
                    return shown.replace("<figure", "<figure data-play", 1)
    raise ValueError("no lesson has a slider for the home page")


def in_a_list(lesson: Entry) -> str:
    return f"[{lesson.title}](/lessons/{lesson.name}.ipynb)\n: {lesson.promise} *{lesson.minutes} minutes.*\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lessons", nargs="*", default=[], help="numbers, such as 00 02; all by default")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--recorded", type=Path, default=RECORDED)
    parser.add_argument("--builder", default="html", help="linkcheck asks other sites whether they are there")
    return build(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
