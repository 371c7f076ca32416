"""What a cell shows: pictures with a description in words, and the package's own code."""

import ast
import base64
import html
import inspect
import io
import re
import textwrap
from dataclasses import dataclass

from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

DENSITY = 2  # pixels of a still figure for each pixel of the page: sharp on today's screens
N_COLORS = 48  # of a picture on a page: more are not told apart, and take more bytes
STRESSED = r"(?<![\w*])\*([^\s*`](?:[^*`]*[^\s*`])?)\*(?![\w*])"
MATH = re.compile(r"^\.\. math::((?:.*\n?)(?:\n?[ ]+.*\n?)*)", re.MULTILINE)
# JupyterLab's colours for code, which go with its light and its dark theme; other pages have their own.
CODE_STYLE = """<style>
.jp-OutputArea .highlight, .jp-OutputArea .highlight pre {background: none}
.jp-OutputArea .highlight .math {overflow: auto hidden}
.jp-OutputArea .highlight pre {font-size: var(--jp-code-font-size); line-height: 1.3;
  white-space: pre; overflow-x: auto; margin-bottom: 1em}
.jp-OutputArea .highlight pre span {color: inherit}
.jp-OutputArea .highlight pre .o {font-weight: inherit}
.jp-OutputArea .highlight pre :is(.k, .kc, .kn, .ow) {color: var(--jp-mirror-editor-keyword-color)}
.jp-OutputArea .highlight pre :is(.nf, .nc) {color: var(--jp-mirror-editor-def-color)}
.jp-OutputArea .highlight pre :is(.s1, .s2, .sa, .sd, .si) {color: var(--jp-mirror-editor-string-color)}
.jp-OutputArea .highlight pre :is(.mi, .mf) {color: var(--jp-mirror-editor-number-color)}
.jp-OutputArea .highlight pre .c1 {font-style: italic}
</style>"""


def png(picture: Figure | Image.Image, density: int = 1) -> bytes:
    """The picture as the bytes of a PNG file. density: pixels of the file for each pixel of a figure."""
    if isinstance(picture, Figure):
        picture = _pixels(picture, density)
    if not isinstance(picture, Image.Image):
        raise TypeError(
            f"a picture is a matplotlib Figure or a PIL image, got {type(picture).__name__}"
        )
    return _png(picture, compress_level=1)  # a slider waits for it


def _pixels(figure: Figure, density: int = 1) -> Image.Image:
    """The figure as it is drawn, without the detour through matplotlib's slower PNG."""
    dpi, kept = figure.dpi, isinstance(figure.canvas, FigureCanvasAgg)
    if density != 1:
        figure.set_dpi(dpi * density)
    canvas = figure.canvas if kept else FigureCanvasAgg(figure)
    canvas.draw()
    size = canvas.get_width_height(physical=True)
    pixels = Image.frombuffer("RGBA", size, canvas.buffer_rgba()).convert("RGB")
    if density != 1:
        figure.set_dpi(dpi)
    return pixels


def _png(picture: Image.Image, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", **options)
    return buffer.getvalue()


def picture_html(picture: bytes, alt: str, density: int = 1, colors: int = N_COLORS) -> str:
    """PNG bytes as an <img> with its description: Jupyter gives its own PNG outputs none.

    density: pixels of the picture for each pixel of the page. colors: at most so many, for fewer bytes.
    """
    width = Image.open(io.BytesIO(picture)).width
    style = f' width="{width // density}"' if density > 1 else ""
    data = base64.b64encode(webp(picture, colors)).decode()
    source = f'src="data:image/webp;base64,{data}"{style}'
    return f'<img alt="{html.escape(alt)}" {source} style="max-width: 100%">'


def webp(picture: bytes, colors: int = 256) -> bytes:
    """PNG bytes with fewer colours, as lossless WebP: a quarter of the bytes in a notebook."""
    image = Image.open(io.BytesIO(picture))
    if image.mode != "L":
        image = image.convert("RGB").quantize(
            colors,
            method=Image.Quantize.MEDIANCUT,
            kmeans=int(colors < 256),  # slow, and so thin lines keep their colours
            dither=Image.Dither.NONE,
        )
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="webp", lossless=True, quality=75, method=4)
    return buffer.getvalue()


@dataclass(frozen=True)
class Shown:
    """A picture as the last value of a cell, with its description for ears, search and tests."""

    picture: Figure | Image.Image
    alt: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        if isinstance(self.picture, Figure):
            page = picture_html(png(self.picture, DENSITY), self.alt, DENSITY)
        else:
            page = picture_html(png(self.picture), self.alt, colors=256)
        return {"text/html": page, "text/plain": self.alt}


def show(picture: Figure | Image.Image, alt: str) -> Shown:
    """Show a figure or an image; `alt` says in words, numbers included, what there is to see."""
    if not alt.strip():
        raise ValueError("alt is empty: say in one or two sentences what the picture shows")
    return Shown(picture, " ".join(alt.split()))


def inline(markdown: str) -> str:
    """A sentence as HTML, with `code` and *stress* as Markdown has them and everything else as it is."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(markdown))
    return re.sub(STRESSED, r"<em>\1</em>", text)


@dataclass(frozen=True)
class Words:
    """Markdown that front ends typeset, and the same words for where they do not."""

    markdown: str
    plain: str

    def __repr__(self) -> str:
        return self.plain

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/plain": self.plain}


def say(markdown: str, plain: str) -> None:
    """Show Markdown below the cell that runs."""
    display(Words(markdown, plain))


def without_marks(markdown: str) -> str:
    """A sentence without the marks of Markdown, for where a front end shows letters only."""
    return re.sub(STRESSED, r"\1", re.sub(r"`([^`]+)`", r"\1", markdown))


@dataclass(frozen=True)
class Source:
    """Functions and classes as the last value of a cell: what each says of itself, then its code."""

    objects: tuple[object, ...]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        codes = [inspect.getsource(thing).rstrip() for thing in self.objects]
        parts = "".join(map(_explained, codes))
        return {
            "text/html": f'<div class="highlight">{parts}</div>{CODE_STYLE}',
            "text/plain": "\n\n\n".join(codes),
        }


def show_source(*objects: object) -> Source:
    """The code of functions and classes of the package, as it runs."""
    return Source(objects)


def _explained(code: str) -> str:
    """The docstring of a function or class as text, then the code without it, as HTML.

    Docstrings of methods stay in the code, unless they hold an equation.
    """
    code = textwrap.dedent(code)
    (top,) = ast.parse(code).body
    lines, said = code.splitlines(), []
    for node in ast.walk(top):
        kinds = (ast.FunctionDef, ast.ClassDef)
        docstring = ast.get_docstring(node) if isinstance(node, kinds) else None
        if docstring and (node is top or MATH.search(docstring)):
            said.append((node.name if node is not top else "", docstring))
            place = node.body[0]
            rest = place.end_lineno + (lines[place.end_lineno : place.end_lineno + 1] == [""])
            lines[place.lineno - 1 : rest] = [None] * (rest - place.lineno + 1)
    text = "".join(_prose(name, docstring) for name, docstring in said)
    kept = "\n".join(line for line in lines if line is not None)
    coloured = highlight(kept, PythonLexer(), HtmlFormatter(nowrap=True))
    return f'{text}<pre tabindex="0">{coloured}</pre>'


def _prose(name: str, docstring: str) -> str:
    """A docstring as paragraphs, its equations as TeX that pages typeset, a line for each argument."""
    pieces = [f"<p><code>{name}</code>:</p>" if name else ""]
    for position, piece in enumerate(MATH.split(docstring)):
        if position % 2:
            pieces.append(
                f'<div class="math">$${html.escape(" ".join(piece.split()))}$$</div>'
            )
            continue
        for paragraph in filter(str.strip, piece.split("\n\n")):
            lines = re.split(r"\n(?=[a-z]\w*(?:, [a-z]\w*)*: )", paragraph.strip())
            pieces.append(
                f"<p>{'<br>'.join(inline(' '.join(line.split())) for line in lines)}</p>"
            )
    return "".join(pieces)
