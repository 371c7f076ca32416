"""Sliders, live trainings and quizzes, moved by hand, without a browser."""

import asyncio
import html
import json
import signal
import threading
import time
from types import SimpleNamespace

import ipywidgets
import pytest
import torch
from ipywidgets import Button, Dropdown, FloatSlider, IntProgress, IntSlider, RadioButtons
from PIL import Image
from torch import nn
from traitlets import TraitError

from sslcourse.plots import subplots
from sslcourse.show import picture_html, png
from sslcourse.training import Progress, train
from sslcourse.widgets import (
    Question,
    Quiz,
    choice,
    explore,
    slider,
    start_lesson,
    stepped_slider,
    text_field,
    watch,
)
from sslcourse.widgets.still import WIDGET_VIEW


def parts(widget, kind):
    """The widgets of a kind inside a widget, from top to bottom."""
    own = [widget] if isinstance(widget, kind) else []
    return own + [part for child in getattr(widget, "children", ()) for part in parts(child, kind)]


def words(widget):
    """All text that the learner reads below the controls."""
    return html.unescape(" ".join(part.value for part in parts(widget, ipywidgets.HTML)))


def grey(level):
    return Image.new("L", (4, 4), color=level)


# Controls


def test_a_slider_of_whole_numbers_takes_steps_of_whole_numbers():
    control = slider("code size", 1, 64, 1, 8)
    assert isinstance(control, IntSlider)
    assert (control.description, control.min, control.max, control.step, control.value) == (
        "code size", 1, 64, 1, 8,
    )  # fmt: skip


@pytest.mark.parametrize(("step", "decimals"), [(1.0, 0), (0.5, 1), (0.05, 2), (0.001, 3)])
def test_a_slider_shows_as_many_decimals_as_its_step_has(step, decimals):
    control = slider("noise", 0, 2, step, 1.0)
    assert isinstance(control, FloatSlider)
    assert control.readout_format == f".{decimals}f"
    assert (control.min, control.max, control.step, control.value) == (0, 2, step, 1)


@pytest.mark.parametrize("value", [-1, 11])
def test_a_slider_refuses_to_start_outside_its_range(value):
    with pytest.raises(ValueError, match=f"slider 'size': value {value} is outside 0 to 10"):
        slider("size", 0, 10, 1, value)


def test_a_choice_starts_with_the_first_option_unless_told_otherwise():
    assert choice("class", ["bag", "coat"]).value == "bag"
    assert choice("class", ["bag", "coat"], "coat").value == "coat"


def test_a_choice_shows_names_and_gives_what_they_stand_for():
    models = {"linear": nn.Linear(1, 1), "deep": nn.Linear(2, 2)}
    control = choice("model", models)
    control.label = "deep"
    assert isinstance(control, Dropdown)
    assert control.description == "model"
    assert control.value is models["deep"]


def test_what_is_typed_into_a_field_redraws():
    explorer = explore(lambda start: (grey(len(start)), f"begins {start}"), start=text_field("start", "the"))
    parts(explorer.widget, ipywidgets.Text)[0].value = "the loss"
    assert explorer.text == "begins the loss"
    assert parts(explorer.widget, ipywidgets.Text)[0].description == "start"


def test_a_choice_refuses_a_value_that_it_does_not_have():
    with pytest.raises(TraitError, match="not found"):
        choice("class", ["bag", "coat"], "sandal")


def test_a_stepped_slider_moves_over_the_values_given():
    control = stepped_slider("code size", [2, 8, 32], 8)
    assert (control.description, control.options, control.value) == ("code size", (2, 8, 32), 8)


# Explorer


@pytest.fixture
def outputs(monkeypatch):
    """The outputs of the cell, as they are when they were updated, at once."""
    outputs = []

    def display(bundle, raw, display_id=False):
        outputs.append(bundle)
        place = len(outputs) - 1
        return SimpleNamespace(update=lambda bundle, raw: outputs.__setitem__(place, bundle))

    monkeypatch.setattr("sslcourse.widgets.still.display", display)
    monkeypatch.setattr("sslcourse.widgets.still.SECONDS", 0.02)
    return outputs


@pytest.fixture
def front_end(monkeypatch):
    monkeypatch.setattr("sslcourse.widgets.still.in_a_front_end", lambda: True)


def in_time(done):
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def drawn():
    """The values of a slider that were drawn, in order."""
    return []


@pytest.fixture
def explorer(drawn):
    """A grey picture whose level a slider sets; level 13 cannot be drawn."""

    def draw(level):
        drawn.append(level)
        if level == 13:
            raise RuntimeError("13 <is> unlucky")
        return grey(level), f"grey\n level {level}"

    return explore(draw, level=slider("level", 0, 255, 1, 100))


def shown(explorer):
    return parts(explorer.widget, ipywidgets.Image)[0].value


def test_moving_a_slider_redraws_picture_and_text(explorer):
    assert (shown(explorer), explorer.text) == (png(grey(100)), "grey level 100")
    parts(explorer.widget, IntSlider)[0].value = 200
    assert (shown(explorer), explorer.text) == (png(grey(200)), "grey level 200")
    assert "grey level 200" in words(explorer.widget)


def test_set_moves_the_slider_and_returns_the_new_text(explorer):
    assert explorer.set(level=7) == "grey level 7"
    assert explorer.values == {"level": 7}


def test_a_value_that_is_drawn_already_is_not_drawn_again(explorer, drawn):
    explorer.set(level=100)
    explorer.set(level=50)
    explorer.set(level=50)
    assert drawn == [100, 50]


def test_a_figure_is_drawn_as_well_as_an_image():
    def draw(slope):
        figure, ax = subplots()
        ax.plot([0, 1], [0, slope])
        return figure, f"slope {slope}"

    explorer = explore(draw, slope=slider("slope", 0.0, 1.0, 0.1, 0.5))
    before = shown(explorer)
    explorer.set(slope=1.0)
    assert shown(explorer) == png(draw(1.0)[0]) != before


def test_a_cell_shows_controls_and_beside_them_what_is_left_without_a_kernel(explorer, outputs):
    explorer.set(level=200)
    explorer._ipython_display_()
    live, still = outputs
    assert live[WIDGET_VIEW]["model_id"] == explorer.widget.model_id
    assert live["text/html"] == live["text/plain"] == ""
    assert set(still) == {"text/html", "text/plain"}
    assert still["text/plain"] == "grey level 200"
    assert '<img alt="grey level 200" src="data:image/webp;base64,' in still["text/html"]
    assert "<p>grey level 200</p>" in still["text/html"]
    assert "A picture: run this cell to move it." in still["text/html"]


def test_what_is_left_follows_the_sliders_where_a_browser_shows_them(explorer, outputs, front_end):
    explorer._ipython_display_()
    explorer.set(level=7)
    explorer.set(level=8)
    in_time(lambda: outputs[1]["text/plain"] == "grey level 8")
    assert picture_html(png(grey(8)), "grey level 8") in outputs[1]["text/html"]


def test_what_is_left_stays_as_it_is_where_no_browser_looks_on(explorer, outputs):
    explorer._ipython_display_()
    before = dict(outputs[1])
    explorer.set(level=7)
    time.sleep(0.2)
    assert outputs[1] == before


def test_an_error_is_told_under_the_slider_in_words_and_raised(explorer):
    with pytest.raises(RuntimeError, match="unlucky"):
        explorer.set(level=13)
    assert "RuntimeError: 13 <is> unlucky" in words(explorer.widget)
    assert "&lt;is&gt;" in parts(explorer.widget, ipywidgets.HTML)[0].value


@pytest.mark.parametrize("good", [20, 100], ids=["a new value", "the value before the error"])
def test_after_an_error_the_next_good_value_clears_the_message(explorer, good):
    with pytest.raises(RuntimeError):
        explorer.set(level=13)
    explorer.set(level=good)
    assert shown(explorer) == png(grey(good))
    assert words(explorer.widget) == f'<p role="status">grey level {good}</p>'


def test_an_error_of_the_first_drawing_is_raised_in_the_cell():
    with pytest.raises(ZeroDivisionError):
        explore(lambda x: (grey(1 // x), "never"), x=slider("x", 0, 1, 1, 0))


def test_what_is_no_picture_is_told_under_the_slider():
    explorer = explore(lambda x: (grey(0) if x == 0 else "a string", "x"), x=slider("x", 0, 1, 1, 0))
    with pytest.raises(TypeError):
        explorer.set(x=1)
    assert "a picture is a matplotlib Figure or a PIL image, got str" in words(explorer.widget)


def test_an_explorer_without_controls_is_refused():
    with pytest.raises(ValueError, match="explore needs a control"):
        explore(lambda: None)


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_draw_runs_without_gradients_on_any_thread():
    enabled = []

    def draw(x):
        enabled.append(torch.is_grad_enabled())
        return grey(x), "grey"

    explorer = explore(draw, x=slider("x", 0, 9, 1, 0))
    in_thread(lambda: explorer.set(x=1)).join()
    assert enabled == [False, False]


def test_of_changes_that_come_during_a_drawing_only_the_newest_is_drawn(drawn):
    finish_drawing = threading.Event()

    def draw(x):
        drawn.append(x)
        assert x != 1 or finish_drawing.wait(timeout=10)
        return grey(x), f"grey {x}"

    explorer = explore(draw, x=slider("x", 0, 100, 1, 0))
    threads = []
    for x in range(1, 21):
        threads.append(in_thread(lambda x=x: explorer.set(x=x)))
        while explorer.values["x"] != x:
            time.sleep(0.001)
    finish_drawing.set()
    for thread in threads:
        thread.join()
    assert drawn == [0, 1, 20]
    assert (shown(explorer), explorer.text) == (png(grey(20)), "grey 20")


def test_two_threads_that_race_leave_the_picture_of_the_value_they_left():
    control, together, overtaken = slider("level", 0, 255, 1, 0), threading.Barrier(2), []

    def draw(level):
        time.sleep(0.001)  # while the other thread moves the control
        overtaken.append(control.value != level)
        return grey(level), f"grey level {level}"

    explorer = explore(draw, level=control)

    def drag(seed):
        generator = torch.Generator().manual_seed(seed)
        for level in torch.randint(20, 256, (100,), generator=generator).tolist():
            together.wait(timeout=10)
            explorer.set(level=level)

    threads = [in_thread(lambda seed=seed: drag(seed)) for seed in (0, 1)]
    for thread in threads:
        thread.join()
    assert sum(overtaken) > 10
    level = explorer.values["level"]
    assert (shown(explorer), explorer.text) == (png(grey(level)), f"grey level {level}")


# Live training


def test_a_drawing_that_moves_its_own_control_ends_with_the_value_it_chose():
    control = slider("level", 0, 10, 1, 3)

    def draw(level):
        control.value = 2 * (level // 2)  # even levels only
        return grey(level), f"level {level}"

    panel = explore(draw, level=control)
    assert panel.text == "level 2"
    assert panel.set(level=7) == "level 6"


@pytest.mark.parametrize("drawn", [grey(0), (grey(0), ""), (grey(0), None), None])
def test_a_drawing_without_a_sentence_is_told_what_is_missing(drawn):
    with pytest.raises(TypeError, match="return picture, text"):
        explore(lambda level: drawn, level=slider("level", 0, 1, 1, 0))


def test_a_choice_without_options_and_a_slider_without_steps_are_refused():
    with pytest.raises(ValueError, match="choice 'class' has no options"):
        choice("class", [])
    with pytest.raises(ValueError, match="step must be positive, got 0"):
        slider("size", 0, 10, 0, 1)


def steps(n, seconds=0.002, at=None, do=None):
    """A training of n steps that sleeps; do() happens in step `at`."""
    for step in range(1, n + 1):
        time.sleep(seconds)
        if step == at:
            do()
        yield Progress(step, n, 1 / step, 0.5 if step == n else None)


def fail():
    raise FloatingPointError("the loss is <nan>")


async def some_steps(run, n=1):
    async with asyncio.timeout(20):
        while len(run.history.loss) < n:
            await asyncio.sleep(0.001)


def test_awaiting_a_run_gives_its_whole_history():
    async def cell():
        run = watch(steps(5), "fit")
        return run, await run

    run, history = asyncio.run(cell())
    assert history.loss == [1 / step for step in range(1, 6)]
    assert history.validation == {5: 0.5}
    assert "fit: step 5, loss 0.2000, finished" in words(run.widget)


def test_a_finished_run_shows_a_full_bar_the_loss_curve_and_no_more_stop():
    async def cell():
        run = watch(steps(5), "fit")
        await run
        return run.widget

    widget = asyncio.run(cell())
    (bar,), (button,) = parts(widget, IntProgress), parts(widget, Button)
    assert (bar.value, bar.max, button.disabled) == (5, 5, True)
    assert bytes(parts(widget, ipywidgets.Image)[0].value).startswith(b"\x89PNG")


def test_a_run_leaves_the_same_text_before_and_after_training_where_no_browser_looks_on(outputs):
    async def cell():
        await watch(steps(2), "fit")

    asyncio.run(cell())
    time.sleep(0.2)
    assert "fit: progress, loss curve and Stop button appear here" in outputs[1]["text/html"]


def test_a_run_leaves_its_last_words_and_its_curve_where_a_browser_shows_it(outputs, front_end):
    async def cell():
        run = watch(steps(2), "fit")
        await run
        return run

    run = asyncio.run(cell())
    in_time(lambda: outputs[1]["text/plain"] == "fit: step 2, loss 0.5000, finished")
    assert picture_html(run._picture.value, "fit: step 2, loss 0.5000, finished") in outputs[1]["text/html"]


def test_the_stop_button_keeps_the_model_and_the_history_so_far():
    weight = nn.Parameter(torch.zeros(()))

    def loss(target):
        time.sleep(0.001)
        return (weight - target).square()

    async def cell():
        run = watch(train(loss, [1.0] * 1000, torch.optim.SGD([weight], lr=0.01), epochs=1), "fit")
        await some_steps(run)
        parts(run.widget, Button)[0].click()
        return run, await run

    run, history = asyncio.run(cell())
    assert 1 <= len(history.loss) < 1000
    assert weight.item() == pytest.approx(1 - 0.98 ** len(history.loss), rel=1e-4)
    assert "stopped, the model is kept" in words(run.widget)


def test_a_slider_moves_while_a_training_runs(explorer, drawn):
    async def cell():
        run = watch(steps(100), "fit")
        at = []
        for level in range(3):
            await some_steps(run, n=len(run.history.loss) + 1)
            explorer.set(level=level)
            at.append(len(run.history.loss))
        await run
        return at

    at = asyncio.run(cell())
    assert drawn == [100, 0, 1, 2]
    assert 0 < at[0] < at[1] < at[2] < 100


def test_an_error_of_the_training_is_told_in_the_view_and_raised_where_it_is_awaited():
    async def cell():
        run = watch(steps(5, at=3, do=fail), "fit")
        with pytest.raises(FloatingPointError, match="the loss is <nan>"):
            await run
        return run

    run = asyncio.run(cell())
    assert "fit: step 2, loss 0.5000, ⚠ FloatingPointError: the loss is <nan>" in words(run.widget)
    assert "<nan>" not in parts(run.widget, ipywidgets.HTML)[0].value
    assert len(run.history.loss) == 2


def test_an_error_in_the_first_step_is_told_too():
    async def cell():
        run = watch(steps(5, at=1, do=fail), "fit")
        with pytest.raises(FloatingPointError):
            await run
        return words(run.widget)

    assert "fit: step 0, ⚠ FloatingPointError: the loss is <nan>" in asyncio.run(cell())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("x"), "⚠ KeyError: 'x'"),
        (AssertionError(), "⚠ AssertionError"),
        (OSError("a"), "⚠ OSError: a"),
    ],
)
def test_an_error_is_told_with_its_type(error, told):
    def fail():
        raise error

    async def cell():
        run = watch(steps(5, at=2, do=fail), "fit")
        with pytest.raises(type(error)):
            await run
        return run._message.value

    assert html.unescape(asyncio.run(cell())).endswith(f"{told}</p>")


def broken_picture():
    raise RuntimeError("no picture")


def test_a_picture_that_cannot_be_drawn_is_told_once():
    async def cell():
        run = watch(steps(5), "fit", picture=broken_picture)
        with pytest.raises(RuntimeError, match="no picture") as caught:
            await run
        return words(run.widget), caught.value

    text, error = asyncio.run(cell())
    assert "⚠ RuntimeError: no picture" in text
    assert error.__context__ is None


def test_the_error_of_a_training_comes_before_that_of_its_picture():
    async def cell():
        run = watch(steps(5, at=1, do=fail), "fit", picture=broken_picture)
        with pytest.raises(FloatingPointError):
            await run
        return words(run.widget)

    assert "⚠ FloatingPointError: the loss is <nan>" in asyncio.run(cell())


@pytest.mark.parametrize("n", [0, 1, 10])
def test_a_training_of_any_length_ends_with_a_curve(n):
    async def cell():
        run = watch(steps(n), "fit")
        return await run, run

    history, run = asyncio.run(cell())
    assert len(history.loss) == n
    assert f"fit: step {n}" in words(run.widget) and "finished" in words(run.widget)
    assert bytes(run._picture.value).startswith(b"\x89PNG")


def test_the_curve_is_drawn_often_at_first_and_takes_little_of_a_long_training(monkeypatch):
    clock, drawn = [0.0], []
    monkeypatch.setattr("sslcourse.widgets.live.time.perf_counter", lambda: clock[0])

    def picture():
        clock[0] += 0.15
        drawn.append(clock[0])
        return grey(0)

    def slow_steps(n):
        for step in range(1, n + 1):
            clock[0] += 0.03
            yield Progress(step, n, 1.0, None)

    async def cell():
        await watch(slow_steps(3000), "fit", picture=picture)

    asyncio.run(cell())
    assert sum(second < 5 for second in drawn) >= 6
    assert 0.15 * len(drawn) < 0.08 * clock[0]


def test_a_second_run_stops_the_first():
    async def cell():
        first = watch(steps(1000), "first")
        await some_steps(first)
        second = watch(steps(5), "second")
        return await first, await second

    first, second = asyncio.run(cell())
    assert 1 <= len(first.loss) < 1000
    assert len(second.loss) == 5


def test_an_interrupt_in_the_middle_of_a_step_lets_it_finish_and_stops():
    async def cell():
        before = signal.getsignal(signal.SIGINT)
        run = watch(steps(100, at=3, do=lambda: signal.raise_signal(signal.SIGINT)), "fit")
        history = await run
        return run, history, before, signal.getsignal(signal.SIGINT)

    run, history, before, after = asyncio.run(cell())
    assert len(history.loss) == 3
    assert "stopped, the model is kept" in words(run.widget)
    assert after is before


def test_the_handler_of_interrupts_is_given_back_after_an_error_too():
    async def cell():
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(FloatingPointError):
            await watch(steps(3, at=2, do=fail), "fit")
        return before, signal.getsignal(signal.SIGINT)

    before, after = asyncio.run(cell())
    assert after is before


def test_cancelling_the_cell_that_waits_stops_the_training():
    async def cell():
        run = watch(steps(1000), "fit")

        async def waiting():
            await run

        cell = asyncio.create_task(waiting())
        await some_steps(run)
        cell.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cell
        return await run

    assert 1 <= len(asyncio.run(cell()).loss) < 1000


# Quiz


@pytest.fixture
def question():
    return Question(
        "What does a <bottleneck> do?",
        right="It forces a summary",
        options={"It forces a summary": "Few numbers & many pixels.", "It adds noise": "Nothing is random."},
    )


def everything(widget):
    """All that the front end is told about a widget and those inside it."""
    return json.dumps(widget.get_state(), default=str) + "".join(
        everything(child) for child in getattr(widget, "children", ())
    )


def test_each_option_of_a_quiz_is_explained_once_it_is_chosen(question):
    quiz = Quiz([question])
    (options,) = parts(quiz.widget, RadioButtons)
    for option, verdict in [("It adds noise", "Not quite"), ("It forces a summary", "Right")]:
        assert question.options[option] not in words(quiz.widget)
        options.value = option
        assert f"{verdict}. {question.options[option]}" in words(quiz.widget)


def test_a_quiz_tells_neither_the_front_end_nor_the_page_what_is_right_before_an_answer(question):
    quiz = Quiz([question])
    for text in (everything(quiz.widget), *quiz._page()):
        assert "Few numbers" not in text and "Nothing is random" not in text and "Right" not in text
    assert parts(quiz.widget, RadioButtons)[0].value is None


def test_the_order_of_options_does_not_depend_on_the_order_in_which_they_are_written(question):
    turned = Question(question.text, question.right, dict(reversed(question.options.items())))
    pages = [Quiz([q])._page() for q in (question, turned)]
    assert pages[0] == pages[1]
    controls = [parts(Quiz([q]).widget, RadioButtons)[0].options for q in (question, turned)]
    assert controls[0] == controls[1]


def test_the_page_of_a_quiz_lists_questions_and_options_for_readers_without_a_kernel(question):
    page, _ = Quiz([question, question])._page()
    assert page.count("<li>It forces a summary</li>") == 2
    assert "What does a &lt;bottleneck&gt; do?" in page


def test_the_page_of_a_quiz_tells_what_was_answered(question, outputs, front_end):
    quiz = Quiz([question, question])
    quiz._ipython_display_()
    assert "Your answer" not in outputs[1]["text/html"]
    parts(quiz.widget, RadioButtons)[1].value = "It adds noise"
    in_time(lambda: "<p>Your answer: It adds noise</p>" in outputs[1]["text/html"])
    assert outputs[1]["text/html"].count("Not quite. Nothing is random.") == 1


def test_a_quiz_shows_code_and_stress_instead_of_the_marks_of_markdown():
    question = Question(
        "What does `a * b` do, *really*?",
        right="It *multiplies* with `*`",
        options={"It *multiplies* with `*`": "2 * 3 * 4 & `x`", "Nothing": "`<b>`"},
    )
    quiz = Quiz([question])
    title, answer = parts(quiz.widget, ipywidgets.HTML)
    (options,) = parts(quiz.widget, RadioButtons)
    assert "What does <code>a * b</code> do, <em>really</em>?" in title.value
    assert options._options_labels == ("It multiplies with *", "Nothing")
    options.label = "It multiplies with *"
    assert answer.value == '<p role="status">Right. 2 * 3 * 4 &amp; <code>x</code></p>'
    page, _ = quiz._page()
    assert "<li>It <em>multiplies</em> with <code>*</code></li>" in page
    options.label = "Nothing"
    assert "<code>&lt;b&gt;</code>" in answer.value


def test_the_answer_to_one_question_leaves_the_others_alone(question):
    quiz = Quiz([question, question])
    parts(quiz.widget, RadioButtons)[1].value = "It adds noise"
    first, second = quiz.widget.children
    assert "Nothing is random." in words(second)
    assert "Nothing is random." not in words(first)


def test_a_question_whose_right_option_is_not_among_its_options_is_refused():
    with pytest.raises(ValueError, match="'c' is not among its options"):
        Question("Which?", right="c", options={"a": "no", "b": "no"})


# Start of a lesson


@pytest.fixture
def threads_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("setting", "threads"), [("1", 1), ("3", 3), (None, 2)])
def test_a_lesson_takes_its_number_of_threads_from_the_environment(
    monkeypatch, threads_before, setting, threads
):
    monkeypatch.delenv("SSLCOURSE_THREADS", raising=False)
    if setting is not None:
        monkeypatch.setenv("SSLCOURSE_THREADS", setting)
    start_lesson()
    assert torch.get_num_threads() == threads


def test_a_lesson_starts_with_the_seed_it_names(threads_before, capsys):
    draws = []
    for seed in (1, 1, 2):
        start_lesson(seed)
        draws.append(torch.rand(()).item())
    assert draws[0] == draws[1] != draws[2]
    assert "Ready." in capsys.readouterr().out
