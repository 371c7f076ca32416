"""Everything that moves, in a notebook of a few lines: front ends with and without subshells, narrow windows,
both themes, the day after, the exported page."""

import itertools
import re
import time

import nbformat
import pytest
from lab import Lesson, pixels, wait_until

from sslcourse.export import export

REACTION_SECONDS = 15
LONG = "which goes on for so long that it takes more than a line of any narrow window"
SUBSHELLS = "@jupyterlab/apputils-extension:kernels-settings"
DEFAULT = "perCommTarget"
CELLS = {
    "set up": f"""
LONG = "{LONG}"
import time
from sslcourse.losses import info_nce_bound, nt_xent_loss
from sslcourse.plots import subplots
from sslcourse.show import show_source
from sslcourse.training import Progress
from sslcourse.widgets import (
    Question, Quiz, choice, explore, patch_grid, slider, start_lesson, text_field, watch)
start_lesson()""",
    "explorer": """
def draw(x, **_):
    figure, ax = subplots(width=11, height=2)
    ax.plot([0, 1], [0, x])
    return figure, f"A line that climbs by {x}, {LONG}."

explore(draw, x=slider("a slope with a name that is long", 0, 9, 1, 1), letter=choice("letter", "abc"),
        words=text_field("words", "the loss"), patches=patch_grid("patches", 4))""",
    "training": """
def steps(n):
    for step in range(1, n + 1):
        time.sleep(0.002)
        yield Progress(step, n, 1 / step, None)

run = watch(steps(400), "a fit")""",
    "waiting": "history = await run",
    "after": "len(history.loss)",
    "quiz": """
Quiz([Question(f"Does `this` question, {LONG}, have an *answer*?", right="Yes",
               options={"Yes": "It *has*.", f"No, {LONG}, of `code`": "Look again."}),
      Question("Is this the second?", right="Yes", options={"Yes": "It is.", "No": "Count again."})])""",
    "code": "show_source(nt_xent_loss, info_nce_bound)",
}
ENDLESS = ("steps(400)", "steps(10**6)")


@pytest.fixture(scope="module")
def path(folder):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code.strip()) for code in CELLS.values()]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "small.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def small(page, address, path):
    """The notebook, open, run and as wide as a screen."""
    lesson = Lesson(page, address, path.name)
    lesson.run_all()
    yield lesson
    lesson.end_kernel()


def cell(lesson, name):
    """A cell, selected, and scrolled to."""
    cell = lesson.cell(CELLS[name].strip().partition("\n")[0] if name != "training" else "run = watch(")
    cell.show()
    return cell


# While a cell waits, in front ends with subshells and without


@pytest.fixture(scope="module", params=[DEFAULT, "disabled"])
def front_end(request, small):
    """JupyterLab as it comes, or sending what widgets say to the main shell, as VS Code and Colab do."""
    if request.param != DEFAULT:
        small.set(SUBSHELLS, commsOverSubshells=request.param)
        small.end_kernel()
        small.open()
        small.run_all()
    assert small.page.evaluate("course.kernel().commsOverSubshells") == request.param
    yield small
    small.set(SUBSHELLS)


@pytest.fixture
def stop(front_end):
    """The Stop button of an endless training, while the next cell waits and one more stands in the queue."""
    training = cell(front_end, "training")
    source = training.source
    training.source = source.replace(*ENDLESS)
    training.run()
    training.source = source
    stop = training.box.get_by_role("button", name="Stop")
    before = cell(front_end, "after").count
    cell(front_end, "waiting").start()
    has_ended = cell(front_end, "after").start()
    wait_until(lambda: cell(front_end, "waiting").count is None, REACTION_SECONDS, "the cell waits")
    yield stop
    if stop.is_enabled():
        stop.click()
    wait_until(has_ended, REACTION_SECONDS, "the queue is empty")
    assert cell(front_end, "after").count > before


def test_stop_is_heard_while_a_cell_waits_and_the_queue_goes_on(front_end, stop, say):
    cell(front_end, "training")
    start = time.perf_counter()
    stop.click()
    stopped = front_end.page.get_by_text("stopped, the model is kept").locator("visible=true")
    wait_until(stopped.count, REACTION_SECONDS, "the training has stopped")
    seconds = time.perf_counter() - start
    say(f"Stop while a cell waits: {1000 * seconds:.0f} ms")
    assert seconds < 4
    after = cell(front_end, "after")
    wait_until(lambda: after.count and after.outputs, REACTION_SECONDS, "the next cell has run")
    assert int(after.outputs[0]["data"]["text/plain"]) > 0


def test_a_slider_and_a_quiz_follow_while_a_cell_waits(front_end, stop):
    explorer = cell(front_end, "explorer")
    explorer.box.get_by_role("slider").focus()
    for key, slope in [("End", 9), ("ArrowLeft", 8), ("Home", 0), ("ArrowRight", 1)]:
        front_end.page.keyboard.press(key)
        said = explorer.box.get_by_role("status").get_by_text(f"climbs by {slope},")
        said.wait_for(timeout=1000 * REACTION_SECONDS)
    quiz = cell(front_end, "quiz").box
    for option, verdict in [("Yes", "Right. It has."), (f"No, {LONG}, of code", "Not quite. Look again.")]:
        quiz.get_by_label(option, exact=True).first.click()
        quiz.get_by_role("status").get_by_text(verdict).wait_for(timeout=1000 * REACTION_SECONDS)


# Narrow windows; a window of 1280 pixels at a zoom of 200 % is as wide as one of 640


@pytest.fixture(params=[700, 640])
def narrow(request, small):
    size = small.page.viewport_size
    small.page.set_viewport_size({"width": request.param, "height": 900})
    yield small
    small.page.set_viewport_size(size)


def boxes(locator):
    return [element.bounding_box() for element in locator.all()]


def overlap(a, b):
    """Whether two boxes share more than a pixel in both directions."""
    across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
    return across > 1 and down > 1


def test_tracks_of_sliders_keep_a_length(narrow):
    for box in boxes(cell(narrow, "explorer").box.locator(".noUi-target")):
        assert box["width"] > 60


def test_labels_and_readouts_are_not_cut(narrow):
    for text in cell(narrow, "explorer").box.locator(".widget-label, .widget-readout").all():
        assert text.evaluate(
            "e => e.scrollWidth <= e.clientWidth + 1 && e.scrollHeight <= e.clientHeight + 4"
        )


def test_options_of_a_quiz_and_their_buttons_do_not_lie_over_each_other(narrow):
    quiz = cell(narrow, "quiz").box
    lines = boxes(quiz.locator(".widget-radio-box label"))
    assert not any(overlap(a, b) for a, b in itertools.pairwise(lines))
    texts = quiz.locator(".widget-radio-box label").evaluate_all(
        "labels => labels.map(label => { const range = document.createRange();"
        "range.selectNodeContents(label.firstChild); const r = range.getBoundingClientRect();"
        "return {x: r.x, y: r.y, width: r.width, height: r.height}; })"
    )
    buttons = boxes(quiz.locator(".widget-radio-box input"))
    assert len(texts) == len(buttons) == 4
    assert not any(overlap(text, button) for text, button in zip(texts, buttons, strict=True))


@pytest.mark.parametrize("name", ["explorer", "training", "quiz"])
def test_nothing_needs_a_scrollbar(narrow, name):
    live = cell(narrow, name).box.locator(".sslcourse-live, .sslcourse-live *, .jp-OutputArea-output")
    wide = live.evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != 'inline'"
        " && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map(e => e.className)"
    )
    assert wide == []


def test_a_wide_picture_needs_no_scrollbar_in_a_wide_window(small):
    test_nothing_needs_a_scrollbar(small, "explorer")


# What a page says, and to whom


def test_a_lesson_says_how_to_begin(small):
    assert cell(small, "set up").box.get_by_text("Run the cells in order, each with Shift+Enter").is_visible()


def test_controls_keep_their_arrow_keys_in_a_front_end_that_takes_them_for_its_own(small):
    explorer = cell(small, "explorer").box
    for control in explorer.locator(".noUi-handle, .widget-readout, select").all():
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"


# Code and equations


CONTRAST = """spans => {
  const rgb = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    const [r, g, b, a] = rgb(getComputedStyle(element).backgroundColor);
    return a === 0 ? ground(element.parentElement) : [r, g, b];
  };
  return spans.map(span => {
    const below = ground(span), [r, g, b, a] = rgb(getComputedStyle(span).color);
    const seen = [r, g, b].map((v, i) => v * (a ?? 1) + below[i] * (1 - (a ?? 1)));
    const [low, high] = [light(seen), light(below)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  });
}"""


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def theme(request, small):
    def choose(theme):
        wait_until(small.start("apputils:change-theme", theme=theme), REACTION_SECONDS, "the theme is there")

    choose(request.param)
    yield request.param
    choose("JupyterLab Light")


def test_shown_code_can_be_read_in_both_themes(small, theme):
    code = cell(small, "code").box.locator(".highlight")
    grounds = code.locator("pre").first.evaluate(
        "pre => [pre, pre.parentElement].map(e => getComputedStyle(e).backgroundColor)"
    )
    assert set(grounds) == {"rgba(0, 0, 0, 0)"}, "the page's own ground lies behind the code"
    contrasts = code.locator("p, pre, pre span").evaluate_all(CONTRAST)
    assert len(contrasts) > 50
    assert min(contrasts) >= 4.5
    colours = code.locator("pre span").evaluate_all("all => all.map(e => getComputedStyle(e).color)")
    assert len(set(colours)) >= 4


def test_equations_of_docstrings_are_typeset(small):
    code = cell(small, "code").box
    equations = code.locator(".highlight .math mjx-container")
    wait_until(lambda: equations.count() == 2, REACTION_SECONDS, "both equations are typeset")
    assert "$$" not in code.locator(".highlight").inner_text()


# The next day


@pytest.fixture(scope="module")
def saved(small, path):
    """What was moved, trained and answered, saved, and the kernel gone."""
    training = cell(small, "training").run()
    cell(small, "waiting").run()
    explorer = cell(small, "explorer").box
    explorer.get_by_role("slider").focus()
    small.page.keyboard.press("Home")
    small.page.keyboard.press("End")
    explorer.get_by_role("status").get_by_text("climbs by 9,").wait_for()
    cell(small, "quiz").box.get_by_label("No", exact=True).click()

    def is_told(name, text):
        return lambda: text in str(small.cell(CELLS[name].strip().split("\n")[0]).outputs)

    for name, text in [("explorer", "climbs by 9,"), ("quiz", "Count again.")]:
        wait_until(is_told(name, text), REACTION_SECONDS, f"{name} has said {text}")
    wait_until(lambda: "finished" in str(training.outputs), REACTION_SECONDS, "the curve is in the notebook")
    wait_until(small.start("docmanager:save"), REACTION_SECONDS, "the notebook is saved")
    small.end_kernel()
    return path


def visible(cell, text):
    return cell.box.locator(".jp-OutputArea").get_by_text(text).locator("visible=true")


def test_a_live_widget_is_shown_once(small):
    explorer = cell(small, "explorer")
    assert visible(explorer, "A line that climbs").count() == 1
    assert explorer.box.locator("img").locator("visible=true").count() == 1


def test_what_was_moved_trained_and_answered_is_seen_again_the_next_day(small, saved):
    small.open()
    missing = small.page.get_by_text("Error displaying widget")
    wait_until(lambda: missing.count() == 3, REACTION_SECONDS, "JupyterLab misses three widgets")
    assert missing.locator("visible=true").count() == 0
    explorer, training, quiz = (cell(small, name) for name in ("explorer", "training", "quiz"))
    assert visible(explorer, "climbs by 9,").count() == 1
    assert visible(explorer, "A picture: run this cell to move it.").count() == 1
    assert pixels(explorer.box.locator("img"))
    assert visible(training, "a fit: step 400, loss 0.0025, finished").count() == 1
    assert pixels(training.box.locator("img"))
    assert visible(quiz, re.compile("^Your answer: No$")).count() == 1
    assert visible(quiz, "Not quite. Count again.").count() == 1


@pytest.fixture(scope="module")
def exported(saved):
    return export(saved)


def test_an_exported_page_shows_it_too_without_a_network(small, exported):
    page, asked = small.page.context.browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(exported[0].as_uri())
    for text in ("climbs by 9,", "a fit: step 400, loss 0.0025, finished", "Not quite. Count again."):
        assert page.get_by_text(text).locator("visible=true").count() == 1
    assert page.locator("img[alt]").count() == 2
    assert page.locator("mjx-container").count() == 2
    assert {url for url in asked if not url.startswith("data:")} == {exported[0].as_uri()}
    page.close()


def test_an_exported_pdf_describes_its_pictures(exported):
    pdf = exported[1].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Alt (A line that climbs by 9," in pdf
    assert b"/Alt (a fit: step 400, loss 0.0025, finished" in pdf


def test_after_running_again_the_widgets_are_back(small, saved):
    small.run_all()
    explorer = cell(small, "explorer")
    explorer.box.get_by_role("slider").wait_for()
    assert visible(explorer, "A picture: run this cell to move it.").count() == 0
