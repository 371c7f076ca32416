"""How lessons become pages of the site: what moves, what is kept back until it is asked for, the map."""

import html
import json
import re

import nbformat
import pytest
from build_notebooks import NOTEBOOKS
from build_site import pages, recording, with_links, with_links_of_the_site
from docstrings import to_rst
from lesson_map import columns, direct, entry, needs_and_helps, svg
from lesson_page import control, lesson_page, script
from nbformat.v4 import new_code_cell, new_notebook, new_output
from record_lessons import code_of, package

from sslcourse.exercises import all_exercises, quiz
from sslcourse.show import inline

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
PICTURE = '<img alt="Level 1." src="data:image/png;base64,iVBORw0KGgo=">'
STILL = f'<div class="sslcourse-still">{PICTURE}<p>Level 1.</p></div><style>p {{color: red}}</style>'
FRAMES = {
    "controls": [
        {"label": "level", "list": False, "readouts": ["0", "1"], "start": 1},
        {"label": "word", "list": True, "readouts": ["a", "b"], "start": 0},
        {"label": "patches", "list": False, "readouts": [], "start": 0},
    ],
    "pictures": ["UklGRg=="],
    "places": [0, 0, 0, 0],
    "texts": ["0 a", "0 b", "1 a", "1 b"],
}


def read(path):
    return nbformat.read(path, as_version=4)


def entries():
    return [entry(path.stem, read(path).cells[0].source) for path in LESSONS]


def page_with(page_html, words, source="explore(draw)", recorded=None):
    """The HTML that the page of lesson 00 shows in place of this output."""
    shown = new_output("display_data", {"text/html": page_html, "text/plain": words})
    live = new_output("display_data", {"text/html": "", "text/plain": ""})
    cell = new_code_cell(source, id="cell-001", outputs=[live, shown])
    page = lesson_page("00_start_here", new_notebook(cells=[cell]), recorded)
    (output,) = page.notebook.cells[0].outputs
    return output.data["text/html"], page


# Sliders


def test_an_explorer_that_was_recorded_has_its_controls_where_they_stand_in_the_notebook():
    shown, page = page_with(STILL, "Level 1.", recorded={"frames": {"cell-001": FRAMES}})
    assert re.search(r'<input [^>]*type="range" min="0" max="1" value="1" aria-valuetext="1"', shown)
    assert '<option value="0" selected>a</option><option value="1">b</option>' in shown
    assert PICTURE in shown and '<p role="status">Level 1.</p>' in shown
    assert page.files["frames/00_start_here/cell-001"] == FRAMES
    assert "UklGRg" not in shown


def test_what_cannot_be_recorded_says_how_to_try_it():
    shown, _ = page_with(STILL, "Level 1.", recorded={"frames": {"cell-001": FRAMES}})
    assert "patches: run the notebook to try this" in shown


def test_every_control_has_a_name():
    for it in FRAMES["controls"][:2]:
        shown = control("some-name", **it)
        assert f'<label for="some-name">{it["label"]}</label>' in shown and ' id="some-name"' in shown


def test_without_a_recording_there_is_the_picture_of_the_notebook():
    shown, _ = page_with(STILL, "Level 1.")
    assert PICTURE in shown and "run the notebook to try this" in shown and "<style>" not in shown


def test_a_training_shows_what_was_recorded_of_it():
    words = "fit: progress, loss curve and Stop button appear here when the cell runs."
    still = f'<div class="sslcourse-still"><p>{words}</p></div>'
    shown, _ = page_with(still, words, recorded={"trainings": {"fit": "<p>fit: finished</p>"}})
    assert "fit: finished" in shown and "appear here" not in shown
    assert "appear here" in page_with(still, words)[0]


def test_a_file_of_data_cannot_end_its_script_early():
    assert "</script>" not in script("name", {"text": "</script>"})
    packed = re.fullmatch(r'course\.receive\("name", (.*)\);\n', script("name", {"text": "</script>"}))[1]
    assert json.loads(packed.replace("<\\/", "</")) == {"text": "</script>"}


def test_a_recording_of_other_code_is_not_used(tmp_path, capsys):
    notebook = new_notebook(cells=[new_code_cell("x = 1")])
    path = tmp_path / "00_start_here.json"
    assert recording(path, notebook) is None
    recorded = {"code": code_of(notebook), "package": package(), "frames": {}}
    path.write_text(json.dumps(recorded), encoding="utf-8")
    assert recording(path, notebook) == recorded
    assert capsys.readouterr().out == ""
    path.write_text(json.dumps(recorded | {"package": "older"}), encoding="utf-8")
    assert recording(path, notebook)["frames"] == {}
    assert "another version of the package" in capsys.readouterr().out
    notebook.cells[0].source = "x = 2"
    assert recording(path, notebook) is None
    assert "make frames" in capsys.readouterr().out


# What a page keeps back


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem[:2])
def test_a_page_has_all_questions_and_no_answers(path):
    page = lesson_page(path.stem, read(path))
    text = html.unescape(nbformat.writes(page.notebook))
    questions = quiz(path.name[:2]).questions
    shown = "".join(
        output.data["text/html"] for cell in page.notebook.cells for output in cell.get("outputs", [])
        if "course-quiz" in output.get("data", {}).get("text/html", "")
    )  # fmt: skip
    for number, question in enumerate(questions):
        assert inline(question.text) in shown
        assert all(f"<span>{inline(option)}</span>" in shown for option in question.options)
        for place, option in enumerate(sorted(question.options)):
            assert json.dumps(question.options[option])[1:-1] not in text
            assert page.files[f"answers/{page.number}"]["quiz"][number][place] == inline(
                question.verdict(option)
            )


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem[:2])
def test_a_page_offers_two_hints_for_each_exercise_and_has_neither(path):
    page = lesson_page(path.stem, read(path))
    text = nbformat.writes(page.notebook)
    exercises = [exercise for name, exercise in all_exercises().items() if name.startswith(path.name[:2])]
    hints = page.files[f"answers/{page.number}"]["hints"]
    assert set(hints) == {
        exercise.name for exercise in exercises if f'data-exercise=\\"{exercise.name}' in text
    }
    assert hints
    for exercise in exercises:
        assert not any(json.dumps(hint)[1:-1] in text for hint in exercise.hints)


# Links


@pytest.mark.parametrize("place", ["CONTRIBUTING.md", "../CONTRIBUTING.md"])
def test_texts_of_the_repository_link_to_pages_of_the_site(tmp_path, place):
    page = tmp_path / "page.md"
    page.write_text(f"[00](../notebooks/00_a.ipynb) [17](../notebooks/17_b.ipynb) [how]({place})")
    assert with_links_of_the_site(page, ["00_a.ipynb"]) == "[00](lessons/00_a.ipynb) 17 [how](contribute.md)"


# The map


def test_a_lesson_says_what_it_needs_and_what_helps():
    first = (
        "# 09 Contrastive\n\nYou teach\na network.\n\n"
        "- **Slider:** x and\n  y\n- **Time:** about 120 minutes\n"
        "- **You need:** lessons 00 and 02; softmax (lesson 01);\n  probes (lesson 04)\n\n"
        "Afterwards you can\n\n- derive the\n  loss;\n- test it.\n\nMore.\n"
    )
    lesson = entry("09_contrastive", first)
    assert (lesson.number, lesson.title, lesson.promise) == ("09", "09 Contrastive", "You teach a network.")
    assert (lesson.slider, lesson.minutes) == ("x and y", 120)
    assert lesson.needs == ("00", "01", "02", "04") and lesson.helped_by == ()


def test_a_lesson_that_does_not_say_what_it_needs_is_refused():
    with pytest.raises(ValueError, match="09_contrastive: its first cell must have"):
        entry("09_contrastive", "# 09 Contrastive\n\nYou teach.\n\n- **Time:** 3 minutes\n")


@pytest.mark.parametrize(
    ("you_need", "needs", "helps"),
    [
        ("lessons 04, 09 and 11 to 13", "04 09 11 12 13", ""),
        ("lesson 04; lessons 10 to 12 for the methods that you want to understand", "04", "10 11 12"),
        ("lesson 09 (views, heads). Lesson 08's transformer helps.", "09", "08"),
        ("lesson 09 for SimCLR; lessons 10 and 11 help", "09", "10 11"),
        ("logits (lesson 02, whose InfoNCE helps too); lesson 04's probe.", "02 04", ""),
        ("lesson 13, entropy of lesson 02, and for section 10 the AUROC of lesson 04", "02 04 13", ""),
        ("Python's basics", "", ""),
    ],
)
def test_what_is_needed_is_told_from_what_helps(you_need, needs, helps):
    assert needs_and_helps(you_need) == (tuple(needs.split()), tuple(helps.split()))


def test_the_last_lesson_needs_three_others_and_the_methods_help():
    last = entries()[18]
    assert (last.needs, last.helped_by) == (("04", "09", "17"), ("10", "11", "12", "13", "14"))


def test_lessons_come_after_all_that_they_need():
    depth = columns(entries())
    for lesson in entries():
        assert all(need < lesson.number for need in (*lesson.needs, *lesson.helped_by))
        assert all(depth[need] < depth[lesson.number] for need in lesson.needs if need in depth)


def test_the_map_draws_no_arrow_that_others_imply():
    by_number = {lesson.number: lesson for lesson in entries()}
    assert direct(by_number["09"], by_number) == ["02", "04"]  # 02 needs 01, and each of them 00


def test_the_map_links_to_every_lesson_and_is_told_in_words():
    drawn = svg(entries())
    assert re.findall(r'href="lessons/(\w+)\.html"', drawn) == [path.stem for path in LESSONS]
    assert "05 needs 04." in drawn


# The rest


def test_a_lesson_links_to_other_places_only_where_its_repository_is_known(monkeypatch):
    monkeypatch.delenv("SITE_REPOSITORY", raising=False)
    assert "https" not in with_links("# Title\n\nText.", "00_start_here.ipynb")
    monkeypatch.setenv("SITE_REPOSITORY", "https://github.com/some/course")
    linked = with_links("# Title\n\nText.", "00_start_here.ipynb")
    assert "colab.research.google.com/github/some/course/blob/main/notebooks/00_start_here.ipynb" in linked
    assert "mybinder.org/v2/gh/some/course/main?labpath=notebooks/00_start_here.ipynb" in linked
    assert "https://github.com/some/course/issues/new" in linked
    assert linked.startswith("# Title\n") and linked.endswith("\nText.")


def test_a_site_of_few_lessons_has_no_links_to_others(tmp_path):
    made = dict(pages(["02"], tmp_path))
    assert [name for name in made if name.startswith("lessons/")] == ["lessons/02_information.ipynb"]
    assert b"03_generative_and_discriminative.ipynb" not in made["lessons/02_information.ipynb"]


@pytest.mark.parametrize(
    ("docstring", "rst"),
    [
        ("Just p(x | z) of *args.", r"Just p(x \| z) of \*args."),
        ("Some `code_` and *stress*.", r"Some ``code_``\  and *stress*\ ."),
        (
            "What.\n\nz_a, z_b: (N, D).\nlevel: in nats,\n  or bits.",
            "What.\n\n| z_a, z_b: (N, D).\n| level: in nats, or bits.",
        ),
        ("What.\n\n.. math:: a_b * c\n    + d\n\nwhere.", "What.\n\n.. math:: a_b * c\n    + d\n\nwhere."),
    ],
)
def test_docstrings_mean_on_the_site_what_they_mean_in_lessons(docstring, rst):
    assert to_rst(docstring) == rst
