"""What all the widgets are made of."""

import html
import traceback
from typing import Any

import ipywidgets

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def bundle(widget: ipywidgets.Widget, static: str, plain: str) -> dict[str, Any]:
    """The live widget, with HTML for readers without a kernel and words for tests."""
    return {
        WIDGET_VIEW: widget._repr_mimebundle_()[WIDGET_VIEW],
        "text/html": static,
        "text/plain": plain,
    }


def picture_widget() -> ipywidgets.Image:
    """An image in its own size, or narrower where the page is."""
    return ipywidgets.Image(
        format="png", layout={"max_width": "100%", "align_self": "flex-start"}
    )


def paragraph(text: str, role: str | None = None) -> str:
    """Text as HTML; with role "status" or "alert" a screen reader speaks it when it changes."""
    attribute = f' role="{role}"' if role else ""
    return f"<p{attribute}>{html.escape(text)}</p>"


def warning(error: Exception) -> str:
    """An error in words: its type, and what it says if it says anything."""
    return "⚠ " + traceback.format_exception_only(error)[-1].strip()
