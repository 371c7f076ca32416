"""What all the widgets are made of."""

import html
import re
import traceback

import ipywidgets

STRESSED = r"(?<![\w*])\*([^\s*`](?:[^*`]*[^\s*`])?)\*(?![\w*])"


def picture_widget() -> ipywidgets.Image:
    """An image in its own size, or narrower where the page is."""
    return ipywidgets.Image(
        format="png", layout={"max_width": "100%", "align_self": "flex-start"}
    )


def paragraph(text: str, role: str | None = None) -> str:
    """Text as HTML; with role "status" or "alert" a screen reader speaks it when it changes."""
    attribute = f' role="{role}"' if role else ""
    return f"<p{attribute}>{html.escape(text)}</p>"


def inline(markdown: str) -> str:
    """A sentence as HTML, with `code` and *stress* as Markdown has them and everything else as it is."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(markdown))
    return re.sub(STRESSED, r"<em>\1</em>", text)


def without_marks(markdown: str) -> str:
    """A sentence without the marks of Markdown, for where a front end shows letters only."""
    return re.sub(STRESSED, r"\1", re.sub(r"`([^`]+)`", r"\1", markdown))


def warning(error: Exception) -> str:
    """An error in words: its type, and what it says if it says anything."""
    return "⚠ " + traceback.format_exception_only(error)[-1].strip()
