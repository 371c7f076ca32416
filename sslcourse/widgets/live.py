"""Watch a training, stop it, keep what was learned."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from sslcourse.plots import plot_losses, subplots
from sslcourse.show import picture_html, png
from sslcourse.training import History, Progress
from sslcourse.widgets.messages import let_widgets_overtake
from sslcourse.widgets.parts import paragraph, picture_widget, warning
from sslcourse.widgets.record import TRAINING_FORMAT, frames_wanted
from sslcourse.widgets.still import Still

WORK_SECONDS = 0.03  # train this long, then let Stop and sliders have their turn
OTHERWISE = (
    "To stop: interrupt the kernel (the square button)."  # where Stop isn't heard in time
)


class Run:
    """A training under way: `history = await run` waits for it, `run.stop()` ends it and keeps the model.

    The training is an asyncio task that pauses every WORK_SECONDS: a loop in the cell would not hear the
    Stop button, and a thread would lose its error messages.
    """

    current: "Run | None" = None

    def __init__(
        self,
        training: Iterator[Progress],
        title: str,
        picture: Callable[[], Figure] | None = None,
    ):
        if Run.current is not None:
            Run.current.stop()  # the same cell, run again
        Run.current = self
        self.history = History()
        self._training, self._stopped, self._last = training, False, None
        self._started, self._next_words, self._next_drawing = time.perf_counter(), 0.0, 0.0
        self._drawings = 0
        self._bar = ipywidgets.IntProgress(layout={"width": "22em"})
        self._button = ipywidgets.Button(
            description="Stop", tooltip=f"stop and keep the model: {title}"
        )
        self._button.on_click(lambda _: self.stop())
        self._message = ipywidgets.HTML(paragraph(title))
        self._picture = picture_widget()
        self._title, self._draw_own = title, picture
        controls = [
            ipywidgets.HBox([self._bar, self._button], layout={"flex_flow": "row wrap"})
        ]
        if not let_widgets_overtake():
            controls.append(ipywidgets.HTML(paragraph(OTHERWISE)))
        self.widget = ipywidgets.VBox([self._message, *controls, self._picture])
        self.widget.add_class("sslcourse-run")
        self.still = Still(self.widget, self._page)
        self._task = asyncio.get_running_loop().create_task(self._train())

    def stop(self) -> None:
        """End the training after the current step; the model keeps what it has learned."""
        self._stopped = True

    def __await__(self) -> Generator[object, None, History]:
        try:
            with interrupt_calls(self.stop):
                yield from asyncio.shield(self._task).__await__()
        except asyncio.CancelledError:  # whoever waits was cancelled
            self.stop()
            raise
        if frames_wanted():
            page, words = self._page()
            recorded = {"title": self._title, "page": page}
            display({TRAINING_FORMAT: recorded, "text/plain": words}, raw=True)
        return self.history

    async def _train(self) -> None:
        try:
            await self._take_turns()
            self._tell("stopped, the model is kept" if self._stopped else "finished")
            self._draw()
        except Exception as error:
            self._tell(warning(error))
            with contextlib.suppress(
                Exception
            ):  # of two errors the first is the one to be told
                self._draw()
            raise
        finally:
            self.still.follow()

    async def _take_turns(self) -> None:
        try:
            while not self._stopped and self._take_turn():
                await asyncio.sleep(0.001)
        finally:
            self._button.disabled = True

    def _take_turn(self) -> bool:
        """Train for WORK_SECONDS and show it; False if nothing is left to do."""
        pause = time.perf_counter() + WORK_SECONDS
        with interrupt_calls(self.stop):  # an idle kernel would ignore it
            for progress in self._training:
                self._last = progress
                self.history.record(progress)
                if self._stopped or time.perf_counter() > pause:
                    self._draw_sometimes()
                    return True
        return False

    def _draw_sometimes(self) -> None:
        now = time.perf_counter()
        if now >= self._next_words:
            self._tell(f"about {self._seconds_left():.0f} s left")
            self._next_words = now + 0.2
        if now >= self._next_drawing:
            self._draw()
            self._drawings += 1
            seconds = time.perf_counter() - now
            self._next_drawing = now + seconds * (1 + min(self._drawings, 20))

    def _seconds_left(self) -> float:
        steps_left = self._last.steps - self._last.step
        return steps_left * (time.perf_counter() - self._started) / self._last.step

    def _tell(self, state: str) -> None:
        step = len(self.history.loss)
        loss = f", loss {self.history.loss[-1]:.4f}" if step else ""
        self._words = f"{self._title}: step {step}{loss}, {state}"
        self._message.value = paragraph(self._words, role="status")
        if self._last is not None:
            self._bar.max, self._bar.value = self._last.steps, self._last.step

    def _draw(self) -> None:
        self._picture.value = png(
            self._losses() if self._draw_own is None else self._draw_own()
        )

    def _page(self) -> tuple[str, str]:
        if not self._picture.value:
            words = f"{self._title}: progress, loss curve and Stop button appear here when the cell runs."
            return paragraph(words), words
        return paragraph(self._words) + picture_html(
            self._picture.value, self._words
        ), self._words

    def _losses(self) -> Figure:
        figure, ax = subplots(width=5, height=2.4)
        plot_losses(self.history.loss, self.history.validation, ax)
        return figure


def watch(
    training: Iterator[Progress], title: str, picture: Callable[[], Figure] | None = None
) -> Run:
    """Show a training live and start it; `history = await run` in the next cell waits until it has ended.

    picture: draws what to look at instead of the loss curve; it must leave torch's random numbers alone.
    """
    run = Run(training, title, picture)
    run.still.display()
    return run


@contextlib.contextmanager
def interrupt_calls(stop: Callable[[], None]) -> Iterator[None]:
    """Let an interrupt of the kernel call stop() instead of breaking off in the middle of a step."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
