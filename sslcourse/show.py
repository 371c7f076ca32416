"""What a cell shows: pictures with a description in words, and the package's own code."""

import base64
import html
import inspect
import io
from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

WHOLE_LINES = (
    "line-height: 1.3; white-space: pre; overflow-x: auto; background: inherit"  # for code
)


def png(picture: Figure | Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    if isinstance(picture, Figure):
        picture = _pixels(picture)
    if not isinstance(picture, Image.Image):
        raise TypeError(
            f"a picture is a matplotlib Figure or a PIL image, got {type(picture).__name__}"
        )
    return _png(picture, compress_level=1)  # a slider waits for it


def _pixels(figure: Figure) -> Image.Image:
    """The figure as it is drawn, without the detour through matplotlib's slower PNG."""
    canvas = (
        figure.canvas
        if isinstance(figure.canvas, FigureCanvasAgg)
        else FigureCanvasAgg(figure)
    )
    canvas.draw()
    return Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert(
        "RGB"
    )


def _png(picture: Image.Image, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", **options)
    return buffer.getvalue()


def picture_html(picture: bytes, alt: str) -> str:
    """PNG bytes as an <img> with its description: Jupyter gives its own PNG outputs none."""
    data = base64.b64encode(_smaller(picture)).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}" style="max-width: 100%">'


def _smaller(picture: bytes) -> bytes:
    """The same picture with at most 256 colours: a third of the bytes in a notebook."""
    image = Image.open(io.BytesIO(picture))
    if image.mode != "L":
        image = image.convert("RGB").quantize(
            256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    return _png(image, compress_level=9)


@dataclass(frozen=True)
class Shown:
    """A picture as the last value of a cell, with its description for ears, search and tests."""

    picture: Figure | Image.Image
    alt: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/html": picture_html(png(self.picture), self.alt),
            "text/plain": self.alt,
        }


def show(picture: Figure | Image.Image, alt: str) -> Shown:
    """Show a figure or an image; `alt` says in words, numbers included, what there is to see."""
    if not alt.strip():
        raise ValueError("alt is empty: say in one or two sentences what the picture shows")
    return Shown(picture, " ".join(alt.split()))


@dataclass(frozen=True)
class Source:
    """Python code as the last value of a cell, with colours where there are any."""

    code: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        formatter = HtmlFormatter(
            noclasses=True, cssstyles="padding: 0.5em", prestyles=WHOLE_LINES
        )
        return {
            "text/html": highlight(self.code, PythonLexer(), formatter),
            "text/plain": self.code,
        }


def show_source(*objects: object) -> Source:
    """The code of functions and classes of the package, as it runs."""
    return Source("\n\n\n".join(inspect.getsource(thing).rstrip() for thing in objects))
