"""All pictures of the lessons for lectures: as files, on one sheet, and as slides.

python tools/figures.py [--lessons 09 10] [--into build/figures]

Taken from the committed notebooks; nothing is executed. sheet.html shows all, slides.html one a screen, with
the section it belongs to; arrow keys and the space bar turn to the next. Each picture is a file too.
"""

import argparse
import base64
import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from build_notebooks import NOTEBOOKS

HEADING = re.compile(r"^##? (.+)$", re.MULTILINE)
IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\bsrc="data:image/(\w+)(?:\+xml)?;base64,([^"]+)"')
ALT = re.compile(r'\balt="([^"]*)"')
STYLE = {
    "sheet": "body{font:16px sans-serif;margin:2em;display:grid;gap:2em;"
    "grid-template-columns:repeat(auto-fill,minmax(22em,1fr))}figure{margin:0}img{max-width:100%}h2{font-size:1em}",
    "slides": "html{scroll-snap-type:y mandatory}body{font:20px sans-serif;margin:0}"
    "figure{box-sizing:border-box;height:100vh;margin:0;padding:3vh 4vw;scroll-snap-align:start;display:flex;"
    "flex-direction:column;align-items:center}img{flex:1;min-height:0;width:100%;object-fit:contain}"
    "figcaption{color:#555;font-size:.7em}",
}
TURN = (
    "addEventListener('keydown',e=>{const d={ArrowRight:1,ArrowDown:1,' ':1,ArrowLeft:-1,ArrowUp:-1}[e.key];"
    "if(d){e.preventDefault();scrollBy({top:d*innerHeight})}})"
)


class Picture(NamedTuple):
    """A picture with its place in the course and its description."""

    lesson: str  # 09 Contrastive learning
    section: str  # 1. The idea
    alt: str
    kind: str  # png, webp or svg
    content: bytes


def pictures(notebook: nbformat.NotebookNode) -> Iterator[Picture]:
    """In the order of the lesson; of a slider the picture with which it starts."""
    lesson = section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = HEADING.findall(cell.source)
            lesson, section = lesson or found[0], found[-1] if found else section
        for output in cell.get("outputs", []):
            for tag in IMAGE.findall(output.get("data", {}).get("text/html", "")):
                if source := SOURCE.search(tag):
                    alt = html.unescape(ALT.search(tag)[1])
                    yield Picture(lesson, section, alt, source[1], base64.b64decode(source[2]))


def page(kind: str, named: dict[str, Picture]) -> str:
    """sheet or slides, as one file of HTML that shows the files beside it."""
    parts = [
        f"<figure><h2>{html.escape(picture.lesson)}: {html.escape(picture.section)}</h2>"
        f'<img loading="lazy" src="{name}" alt="">'
        f"<figcaption>{html.escape(picture.alt)}</figcaption></figure>"
        for name, picture in named.items()
    ]
    script = f"<script>{TURN}</script>" if kind == "slides" else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures of sslcourse</title>'
        f"<style>{STYLE[kind]}</style><body>{''.join(parts)}{script}</body></html>"
    )


def main(lessons: list[str], into: Path) -> dict[str, Picture]:
    named = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not lessons or path.name[:2] in lessons:
            for number, picture in enumerate(pictures(nbformat.read(path, as_version=4)), 1):
                named[f"{path.name[:2]}_{number:02}.{picture.kind}"] = picture
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for name, picture in named.items():
        (into / name).write_bytes(picture.content)
    for kind in STYLE:
        (into / f"{kind}.html").write_text(page(kind, named), encoding="utf-8")
    print(f"{len(named)} pictures in {into}: open sheet.html or slides.html")
    return named


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lessons", nargs="*", default=[], help="numbers, such as 09 10; all by default")
    parser.add_argument("--into", type=Path, default=NOTEBOOKS.parent / "build" / "figures")
    main(**vars(parser.parse_args()))
