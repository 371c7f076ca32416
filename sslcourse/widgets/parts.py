"""What all the widgets are made of."""

import html
import traceback

import ipywidgets


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
