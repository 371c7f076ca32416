"""What stays of something live in a saved notebook, and on a page made from it."""

import threading
from collections.abc import Callable

import ipywidgets
from IPython import get_ipython
from IPython.display import display

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SECONDS = 1  # between two updates

# A still hides where its cell shows the live widget: in JupyterLab and Notebook, in VS Code, and in Colab,
# where each cell is a page. When the widget is gone, the next day, JupyterLab's words about that hide.
# In narrow windows long texts take several lines, and tracks of sliders keep a length.
STYLE = """<style>
:is(.jp-OutputArea, .cell_container):has(.sslcourse-live) .sslcourse-still,
body:not(:has(.jp-OutputArea, .cell_container)):has(.sslcourse-live) .sslcourse-still,
.jp-OutputArea-child:has(+ * .sslcourse-still):not(:has(> .jp-OutputArea-output > *)) {display: none}
.sslcourse-live, .sslcourse-live .widget-box {overflow: visible; max-width: calc(100% - 4px)}
.sslcourse-live .widget-image {max-width: calc(100% - 4px)}
.sslcourse-live :is(.widget-hslider, .widget-dropdown, .widget-text) {height: auto}
.sslcourse-live .widget-inline-hbox > .widget-label {flex-shrink: 1; min-width: 5em; height: auto;
  line-height: 1.4; white-space: normal}
.sslcourse-live .widget-inline-hbox > :is(.slider-container, select, input) {min-width: 5em}
.sslcourse-live .widget-radio-box label {display: flex; flex-direction: row-reverse;
  justify-content: flex-end; gap: 0.5em; width: auto; height: auto; line-height: 1.5; white-space: normal}
.sslcourse-live .widget-radio-box input {flex: none; height: 1.5em; margin: 0}
.sslcourse-live .widget-html-content {line-height: 1.5; white-space: normal}
</style>"""


class Still:
    """A live widget and, in a second output of its cell, HTML and words that show what it shows.

    page: gives HTML and words. It follows the widget in a front end, not while notebooks are built
    or tested.
    """

    def __init__(self, widget: ipywidgets.DOMWidget, page: Callable[[], tuple[str, str]]):
        self._widget, self._page = widget, page
        self._handle, self._shown, self._timer = None, None, None
        widget.add_class("sslcourse-live")

    def display(self) -> None:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        display({WIDGET_VIEW: view, "text/html": "", "text/plain": ""}, raw=True)
        self._shown = self._bundle()
        handle = display(self._shown, raw=True, display_id=True)
        self._handle = handle if in_a_front_end() else None

    def follow(self, _change: object = None) -> None:
        """Show what the widget shows now, soon."""
        if self._handle and self._timer is None:
            self._timer = threading.Timer(SECONDS, self._update)
            self._timer.daemon = True
            self._timer.start()

    def _update(self) -> None:
        self._timer = None
        if (bundle := self._bundle()) != self._shown:
            self._shown = bundle
            self._handle.update(bundle, raw=True)

    def _bundle(self) -> dict[str, str]:
        page, words = self._page()
        return {
            "text/html": f'<div class="sslcourse-still">{page}</div>{STYLE}',
            "text/plain": words,
        }


def in_a_front_end() -> bool:
    """Whether somebody looks on: front ends name the cell that runs, builders and tests do not.

    Asking a browser instead would send messages during "Run All", which ipykernel 7.3.0 may not survive.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and "cellId" in kernel.get_parent("shell").get("metadata", {})
