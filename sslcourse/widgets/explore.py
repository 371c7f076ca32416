"""Move a control, see the picture and the numbers change."""

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets
import torch
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from sslcourse.show import picture_html, png
from sslcourse.widgets.parts import paragraph, picture_widget, warning
from sslcourse.widgets.record import FRAMES_FORMAT, frames_wanted, record
from sslcourse.widgets.still import Still


class Explorer:
    """Controls over a picture and a sentence, both redrawn by draw(**values) -> (picture, text).

    The text states the numbers that the picture shows. As the last value of a cell it is a live widget,
    and leaves a static picture with its description for readers without a kernel.
    """

    def __init__(
        self, draw: Callable[..., tuple[Figure | Image.Image, str]], controls: dict[str, Any]
    ):
        self._draw, self._controls = draw, controls
        self._lock = threading.RLock()  # JupyterLab may deliver two events on two threads
        self._drawing = False
        self._drawn: dict[str, Any] | None = None  # the values that the picture shows
        self._picture = picture_widget()
        self._message = ipywidgets.HTML()
        self.text = ""
        self.widget = ipywidgets.VBox([*controls.values(), self._picture, self._message])
        self.widget.add_class("sslcourse-explorer")
        self._still = Still(self.widget, self._page)
        self._redraw()
        for control in controls.values():
            control.observe(self._redraw, names="value")

    def set(self, **values: Any) -> str:
        """Move controls as a hand would; returns the text that the new picture has."""
        for name, value in values.items():
            self._controls[name].value = value
        return self.text

    @property
    def values(self) -> dict[str, Any]:
        return {name: control.value for name, control in self._controls.items()}

    def frames(self, limit: int) -> dict[str, Any]:
        """Pictures and texts at up to `limit` positions of the controls, for a page without a kernel.

        Random numbers and controls are afterwards as before.
        """
        before = self.values

        def move(values: dict[str, Any]) -> tuple[bytes, str]:
            self.set(**values)
            return self._picture.value, self.text

        with torch.random.fork_rng(devices=[]):
            recorded = record(self._controls, move, limit)
            self.set(**before)
        return recorded

    def _redraw(self, _change: object = None) -> None:
        """Draw the newest values; whoever waited for the lock finds its change drawn already."""
        with self._lock:
            if self._drawing:  # draw itself moved a control: the loop below sees it
                return
            self._drawing = True
            try:
                while (values := self.values) != self._drawn:
                    self._show(values)
            finally:
                self._drawing = False

    def _show(self, values: dict[str, Any]) -> None:
        try:
            with torch.no_grad():  # grad mode belongs to a thread, and this may be any
                picture, text = _picture_and_text(self._draw(**values))
            self._picture.value, self.text = png(picture), text
        except Exception as error:
            self._drawn = None  # so that going back draws again and clears the message
            self._message.value = paragraph(warning(error), role="alert")
            raise
        self._drawn = values
        self._message.value = paragraph(text, role="status")
        self._still.follow()

    def _page(self) -> tuple[str, str]:
        hint = "<p><small>A picture: run this cell to move it.</small></p>"
        return picture_html(self._picture.value, self.text) + paragraph(
            self.text
        ) + hint, self.text

    def _ipython_display_(self) -> None:
        self._still.display()
        if limit := frames_wanted():
            display({FRAMES_FORMAT: self.frames(limit), "text/plain": self.text}, raw=True)


def explore(
    draw: Callable[..., tuple[Figure | Image.Image, str]], **controls: Any
) -> Explorer:
    """An Explorer over draw(name=value, ...); each name has a control from slider(...) or choice(...)."""
    if not controls:
        raise ValueError(
            "explore needs a control: explore(draw, noise=slider('noise', 0.0, 1.0, 0.05, 0.3))"
        )
    return Explorer(draw, controls)


def _picture_and_text(drawn: object) -> tuple[Figure | Image.Image, str]:
    match drawn:
        case (picture, str(text)) if text.strip():
            return picture, " ".join(text.split())
    raise TypeError(
        "draw must return two things, `return picture, text`, where text says what the picture shows"
    )
