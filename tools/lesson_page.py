"""A lesson's notebook as a page of the site: its sliders, trainings, quiz and hints work without a kernel.

What a page tells only when it is asked (pictures of other positions, verdicts, hints) goes into files that
docs/_static/course.js loads.
"""

import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from sslcourse.exercises import find, quiz
from sslcourse.show import inline
from sslcourse.widgets import Question

STATIC = "../_static/"
RUN = "run the notebook to try this"
STILL = 'class="sslcourse-still"'
NOT_FOR_PAGES = re.compile(r"<style>.*?</style>|<script>.*?</script>|<p><small>[^<]*</small></p>", re.DOTALL)


@dataclass
class Page:
    """A lesson on its way to the site; `files` are its data by name, as in frames/00_start_here/cell-011."""

    name: str
    notebook: NotebookNode
    recorded: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> str:
        return self.name[:2]

    def source_of(self, name: str) -> str:
        """The attributes by which a part of the page finds its data."""
        version = hashlib.sha256(script(name, self.files[name]).encode()).hexdigest()[:8]
        return f'data-name="{name}" data-source="{STATIC}{name}.js?v={version}"'


def script(name: str, data: Any) -> str:
    """A file of data: a script, because pages opened from a disk may load nothing else."""
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f"course.receive({json.dumps(name)}, {packed});\n"


def lesson_page(name: str, notebook: NotebookNode, recorded: dict[str, Any] | None = None) -> Page:
    """The page of a lesson; without a recording its sliders are pictures."""
    page = Page(name, notebook, recorded or {})
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    asked = {exercise for cell in code for exercise in exercises_checked(cell)}
    page.files[f"answers/{page.number}"] = answers(page.number, sorted(asked))
    for cell in code:
        fold(cell)
        cell.outputs = [output for output in cell.outputs if not is_placeholder(output)]
        for output in cell.outputs:
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = html_for_page(page, cell, output.data)
        for exercise in exercises_checked(cell):
            cell.outputs.append(new_output("display_data", {"text/html": hints(page, exercise)}))
    return page


def fold(cell: NotebookNode) -> None:
    """Folded cells say with their first line, a comment, what they do."""
    if "hide-input" in cell.metadata.get("tags", []):
        says = cell.source.partition("\n")[0].lstrip("# ")
        cell.metadata["mystnb"] = {"code_prompt_show": f"Code: {says}", "code_prompt_hide": f"Code: {says}"}


def is_placeholder(output: NotebookNode) -> bool:
    """Whether this is where the live widget stands in a notebook."""
    return output.get("data", {}).get("text/html") == ""


def html_for_page(page: Page, cell: NotebookNode, data: dict[str, str]) -> str:
    shown, words = data["text/html"], data["text/plain"]
    if STILL not in shown:
        return NOT_FOR_PAGES.sub("", shown)
    if cell.source.strip().startswith("quiz("):
        return quiz_form(page)
    still = NOT_FOR_PAGES.sub("", shown)
    if cell.id in page.recorded.get("frames", {}):
        name = f"frames/{page.name}/{cell.id}"
        page.files[name] = page.recorded["frames"][cell.id]
        return explorer(page, name, picture=re.search("<img[^>]*>", still)[0], words=words)
    title, _, rest = words.partition(": progress, loss curve")
    if rest:
        training = page.recorded.get("trainings", {}).get(title)
        return f'<div class="course-training">{training or still}</div>'
    return f"<figure>{still}<p><small>A picture: {RUN}.</small></p></figure>"


# Sliders


def explorer(page: Page, name: str, picture: str, words: str) -> str:
    """A figure whose controls show recorded pictures; it starts with the picture of the notebook."""
    controls = page.files[name]["controls"]
    parts = [control(f"{name}/{i}".replace("/", "-"), **it) for i, it in enumerate(controls)]
    return (
        f'<figure class="course-explorer" {page.source_of(name)}>'
        f'<div class="course-controls">{"".join(parts)}</div>{picture}'
        f'<p role="status">{html.escape(words)}</p></figure>'
    )


def control(name: str, label: str, list: bool, readouts: list[str], start: int) -> str:
    """A slider, a drop-down list, or, where nothing was recorded, words that say so."""
    said = html.escape(label)
    if not readouts:
        return f'<p class="course-unrecorded">{said}: {RUN}</p>'
    if list:
        options = "".join(
            f'<option value="{i}"{" selected" if i == start else ""}>{html.escape(readout)}</option>'
            for i, readout in enumerate(readouts)
        )
        moves = f'<select id="{name}" autocomplete="off" disabled>{options}</select>'
    else:
        now = html.escape(readouts[start])
        moves = (
            f'<input id="{name}" type="range" min="0" max="{len(readouts) - 1}" value="{start}" '
            f'aria-valuetext="{now}" autocomplete="off" disabled><span aria-hidden="true">{now}</span>'
        )
    return f'<label for="{name}">{said}</label>{moves}'


# Quizzes and hints


def answers(lesson: str, exercises: list[str]) -> dict[str, Any]:
    """What the page of a lesson tells when it is asked."""
    return {
        "quiz": [verdicts(question) for question in quiz(lesson).questions],
        "hints": {name: [inline(hint) for hint in find(name).hints] for name in exercises},
    }


def verdicts(question: Question) -> list[str]:
    return [inline(question.verdict(option)) for option in sorted(question.options)]


def quiz_form(page: Page) -> str:
    """The questions with their options, in alphabetical order, as in the notebook."""
    items = [fieldset(i, question) for i, question in enumerate(quiz(page.number).questions)]
    return f'<div class="course-quiz" {page.source_of(f"answers/{page.number}")}>{"".join(items)}</div>'


def fieldset(number: int, question: Question) -> str:
    options = "".join(
        f'<label><input type="radio" name="question-{number}" value="{i}" autocomplete="off"> '
        f"<span>{inline(option)}</span></label>"
        for i, option in enumerate(sorted(question.options))
    )
    legend = f"<legend>{number + 1}. {inline(question.text)}</legend>"
    return f'<fieldset>{legend}{options}<p role="status"></p></fieldset>'


def exercises_checked(cell: NotebookNode) -> list[str]:
    return re.findall(r'^check\("([^"]+)"', cell.source, re.MULTILINE)


def hints(page: Page, exercise: str) -> str:
    return (
        f'<div class="course-hints" data-exercise="{exercise}" {page.source_of(f"answers/{page.number}")}>'
        f'<button type="button">Show a hint</button> Your answer is checked when you run the notebook.'
        '<div role="status"></div></div>'
    )
