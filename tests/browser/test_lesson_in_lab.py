"""Lesson 04 in a real JupyterLab: what a learner sees, moves, stops, answers and reloads.

The tests share one page and run in this order; each of them also runs alone.
"""

import contextlib
import html
import re
import statistics
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import MEASURE, pixels, wait_until

from sslcourse.exercises.lesson_04 import QUIZ
from sslcourse.show import without_marks

SLIDERS = [("draw_code_size", 0), ("draw_map", 0), ("draw_map", 1), ("draw_noise", 0)]  # cell, number
REACTION_SECONDS = 15  # on a machine that is busy with other things
TRAINING = "*denoiser.parameters()"
AFTER_TRAINING = "await run\nLEVELS ="


def explorer(lesson, draw):
    """The controls, picture and sentence that a cell made with explore(draw, ...)."""
    cell = lesson.cell(f"def {draw}(")
    cell.show()
    return cell.box.locator(".sslcourse-explorer")


def seen(view, slider=0):
    """What a learner sees: the number beside the slider, the picture, the sentence."""
    return (
        view.locator(".widget-readout").nth(slider).inner_text(),
        pixels(view.locator("img")),
        view.get_by_role("status").inner_text(),
    )


def all_change(view, before, slider=0):
    """Wait until number, picture and sentence are all other ones; returns them."""

    def changed():
        now = seen(view, slider)
        return now if all(a != b for a, b in zip(now, before, strict=True)) else None

    return wait_until(changed, REACTION_SECONDS, f"number, picture and sentence differ from {before}")


def shows_again(view, what, slider=0):
    wait_until(lambda: seen(view, slider) == what, REACTION_SECONDS, f"the page shows {what} again")


# Before anything runs


def test_a_lesson_that_has_not_run_shows_a_picture_with_its_description_for_each_slider(fresh_lesson):
    cells = fresh_lesson.code_cells("explore(")
    assert cells
    for cell in cells:
        picture = cell.show().locator("img")
        picture.wait_for(state="visible")
        assert pixels(picture)
        assert re.search(r"\d", picture.get_attribute("alt"))
        assert cell.box.get_by_text(picture.get_attribute("alt")).is_visible()


def test_a_lesson_that_has_not_run_shows_the_questions_of_its_quiz(fresh_lesson):
    output = fresh_lesson.cell("quiz(").show()
    for question in QUIZ:
        assert output.get_by_text(question.text).is_visible()


def test_every_picture_of_a_lesson_that_has_not_run_has_a_description(fresh_lesson):
    pictures = fresh_lesson.page.locator(".jp-OutputArea img")
    assert pictures.count()
    assert all(picture.get_attribute("alt") for picture in pictures.all())


# Run All


def test_all_cells_run_without_an_error(lesson):
    cells = lesson.code_cells()
    assert [cell.errors for cell in cells if cell.errors] == []
    assert all(cell.count for cell in cells)


def test_every_live_view_of_a_training_has_a_stop_button(lesson):
    cells = lesson.code_cells("watch(\n")
    assert cells
    for cell in cells:
        cell.show()
        assert cell.box.get_by_role("button", name="Stop").is_visible()


# Sliders


@pytest.mark.parametrize(("draw", "slider"), SLIDERS)
def test_a_slider_tells_a_screen_reader_its_name_and_its_value(lesson, draw, slider):
    box = explorer(lesson, draw).locator(".widget-slider").nth(slider)
    handle = box.get_by_role("slider")
    assert handle.get_attribute("aria-label") == box.locator("label").inner_text() != ""
    assert handle.get_attribute("aria-valuetext") == box.locator(".widget-readout").inner_text() != ""


@pytest.mark.parametrize(("draw", "slider"), SLIDERS)
def test_arrow_keys_change_number_picture_and_sentence_there_and_back(lesson, draw, slider):
    view = explorer(lesson, draw)
    start = seen(view, slider)
    view.get_by_role("slider").nth(slider).focus()
    for there, back in [("ArrowRight", "ArrowLeft"), ("ArrowUp", "ArrowDown")]:
        lesson.page.keyboard.press(there)
        all_change(view, start, slider)
        lesson.page.keyboard.press(back)
        shows_again(view, start, slider)


@pytest.mark.parametrize(("draw", "slider"), SLIDERS)
def test_home_and_end_go_to_the_ends_of_a_slider(lesson, draw, slider):
    view = explorer(lesson, draw)
    start = seen(view, slider)
    view.get_by_role("slider").nth(slider).focus()
    lesson.page.keyboard.press("Home")
    first = all_change(view, start, slider)
    lesson.page.keyboard.press("End")
    all_change(view, first, slider)
    lesson.page.keyboard.press("Home")
    shows_again(view, first, slider)


@pytest.mark.parametrize("draw", ["draw_map", "draw_noise"])
def test_the_picture_follows_a_key_within_a_second(lesson, draw, say):
    view = explorer(lesson, draw)
    view.get_by_role("slider").first.focus()
    lesson.page.keyboard.press("Home")
    wait_until(lambda: seen(view)[0] in ("0", "0.00"), REACTION_SECONDS, "the slider is at its start")
    view.locator("img").evaluate(MEASURE)
    for _ in range(10):
        before = seen(view)
        lesson.page.keyboard.press("ArrowRight")
        lesson.page.wait_for_timeout(300)  # reading pixels would slow down what is measured
        all_change(view, before)
    latencies = lesson.page.evaluate("course.latencies")
    median = statistics.median(latencies)
    say(
        f"{draw}: key to picture {median:.0f} ms, median of {len(latencies)}; at most {max(latencies):.0f} ms"
    )
    assert median < 1000


# An exercise


def test_an_exercise_names_the_mistake_and_then_accepts_the_right_answer(lesson):
    stub, check = lesson.cell("def my_reconstruction_loss("), lesson.cell('check("04.loss"')
    assert check.printed == "04.loss: Not attempted yet.\n"
    stub.source = stub.source.replace("...", "return (reconstructions - images).square().sum()")
    stub.run()
    assert "Wrong: you add the squared errors up" in check.run().printed
    stub.source = stub.source.replace(".sum()", ".mean()")
    stub.run()
    assert check.run().printed == "04.loss: Right.\n"
    assert check.show().get_by_text("04.loss: Right.").is_visible()


# Stop


@pytest.fixture
def training(lesson):
    """The live view of a training that would take an hour, after its first steps."""
    cell = lesson.cell(TRAINING)
    source = cell.source
    assert "epochs=10," in source
    cell.source = source.replace("epochs=10,", "epochs=10_000,")
    cell.run()
    cell.source = source
    cell.show()
    view = cell.box.locator(".sslcourse-run")
    first = wait_until(lambda: step(view), REACTION_SECONDS, "the first steps are done")
    wait_until(lambda: step(view) > first, REACTION_SECONDS, "more steps are done")
    yield view
    if view.get_by_role("button", name="Stop").is_enabled():
        view.get_by_role("button", name="Stop").click()


def step(view):
    """How many steps a live view says are done."""
    found = re.search(r": step (\d+)", view.locator("p").inner_text())
    return int(found[1]) if found else 0


def seconds_to_stop(view, patience=REACTION_SECONDS):
    start = time.perf_counter()
    stopped = view.get_by_text("stopped, the model is kept")
    wait_until(stopped.is_visible, patience, "the training has stopped")
    return time.perf_counter() - start


def model_is_usable(lesson):
    """Whether the cells after the training run, and the slider draws with its model."""
    errors = lesson.cell(AFTER_TRAINING).run().errors + lesson.cell("def draw_noise(").run().errors
    return errors == [] and "denoising" in seen(explorer(lesson, "draw_noise"))[2]


def test_a_click_on_stop_ends_a_training_at_once_and_keeps_the_model(lesson, training, say):
    training.get_by_role("button", name="Stop").click()
    seconds = seconds_to_stop(training)
    say(f"Stop: {1000 * seconds:.0f} ms from the click to the message")
    assert seconds < 2
    assert step(training) > 0
    assert training.get_by_role("button", name="Stop").is_disabled()
    assert model_is_usable(lesson)


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_a_key_on_the_stop_button_ends_a_training_at_once(lesson, training, key):
    training.get_by_role("button", name="Stop").focus()
    lesson.page.keyboard.press(key)
    assert seconds_to_stop(training) < 2


def test_an_interrupt_of_the_kernel_ends_a_training_and_keeps_the_model(lesson, training):
    assert press_interrupt(lesson, training) < 2
    assert model_is_usable(lesson)


def test_an_interrupt_ends_a_training_that_a_cell_waits_for_and_keeps_the_model(lesson, training):
    waiting = lesson.cell(AFTER_TRAINING)
    has_ended = waiting.start()
    wait_until(lambda: waiting.count is None, REACTION_SECONDS, "the cell waits")
    assert press_interrupt(lesson, training) < 2
    wait_until(has_ended, REACTION_SECONDS, "the cell has ended")
    assert model_is_usable(lesson)


def test_a_slider_that_is_first_moved_while_a_cell_waits_for_a_training_follows(lesson, training):
    lesson.cell("def draw_code_size(").run()  # a new slider, which nobody has moved
    waiting = lesson.cell(AFTER_TRAINING)
    has_ended = waiting.start()
    wait_until(lambda: waiting.count is None, REACTION_SECONDS, "the cell waits")
    view = explorer(lesson, "draw_code_size")
    view.get_by_role("slider").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):  # ipykernel 7.4.0 by itself follows the first only
        before = seen(view)
        lesson.page.keyboard.press(key)
        all_change(view, before)
    training.get_by_role("button", name="Stop").click()
    wait_until(has_ended, REACTION_SECONDS, "the cell has ended")


def press_interrupt(lesson, view):
    """Press the button of the toolbar, twice if need be: an idle kernel hears nothing between two turns."""
    for _ in range(3):
        lesson.page.locator("[data-jp-item-name='interrupt']").click()
        with contextlib.suppress(TimeoutError):
            return seconds_to_stop(view, patience=2)
    raise AssertionError("the kernel was interrupted three times and the training goes on")


# Quiz


def test_the_page_holds_no_explanation_before_an_option_is_chosen(lesson):
    lesson.cell("quiz(").show()
    page = lesson.page.content()
    explanations = [text for question in QUIZ for text in question.options.values()]
    assert [text for text in explanations if html.escape(text, quote=False) in page] == []


def test_space_and_arrow_keys_choose_an_option_of_a_quiz_and_explain_it(lesson):
    cell = lesson.cell("quiz(")
    cell.show()
    for question in QUIZ:
        group = cell.box.get_by_role("radiogroup", name=without_marks(question.text))
        first, second, *_ = sorted(question.options)
        group.get_by_label(first, exact=True).focus()
        for key, option in [("Space", first), ("ArrowDown", second), ("ArrowUp", first)]:
            lesson.page.keyboard.press(key)
            told = cell.box.get_by_role("status").get_by_text(without_marks(question.verdict(option)))
            told.wait_for(timeout=1000 * REACTION_SECONDS)


# Reload


def test_after_a_reload_outputs_variables_and_sliders_are_as_they_were(lesson):
    kernel = lesson.page.evaluate("course.kernel().id")
    before = seen(explorer(lesson, "draw_noise"))
    stored, again = lesson.cell('check("04.loss"'), lesson.cell('print(f"error with one number')
    printed = stored.printed, again.printed
    wait_until(lesson.start("docmanager:save"), REACTION_SECONDS, "the notebook is saved")
    lesson.open()
    assert lesson.page.evaluate("course.kernel().id") == kernel
    assert stored.show().get_by_text(printed[0].strip()).is_visible()
    assert again.run().printed == printed[1] != ""
    view = explorer(lesson, "draw_noise")
    shows_again(view, before)
    view.get_by_role("slider").focus()
    lesson.page.keyboard.press("ArrowRight")
    all_change(view, before)


# For everybody


@pytest.fixture
def whole_page(lesson):
    """The lesson with all its cells on the page, also those that are out of sight."""
    tracker = "@jupyterlab/notebook-extension:tracker"
    lesson.set(tracker, windowingMode="none")
    lesson.open()
    wait_until(lesson.page.locator(".sslcourse-quiz").count, REACTION_SECONDS, "the last widget is there")
    yield lesson.page
    lesson.set(tracker)


def test_axe_finds_nothing_serious_in_what_a_lesson_says_and_shows(whole_page):
    ours = {"include": [[".jp-OutputArea-output"], [".jp-RenderedMarkdown"]]}
    found = (
        Axe().run(whole_page, context=ours, options={"resultTypes": ["violations"]}).response["violations"]
    )
    serious = [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert serious == []
