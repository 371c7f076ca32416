"""What a cell shows, as bytes and as words."""

import base64
import inspect
import io
import pkgutil
import re
from html import unescape
from importlib import import_module

import pytest
import torch
from PIL import Image, ImageChops

import sslcourse
from sslcourse import losses
from sslcourse.plots import image_rows, subplots
from sslcourse.show import Words, inline, picture_html, png, show, show_source, without_marks


def figure():
    figure, ax = subplots(width=3, height=2)
    ax.plot([1, 2], label="line")
    ax.legend()
    return figure


def image():
    return image_rows({"x": torch.linspace(0, 1, 4).reshape(1, 1, 2, 2)})


PICTURES = pytest.mark.parametrize("picture", [figure, image])


def test_a_picture_becomes_a_png_that_can_be_read_back():
    assert Image.open(io.BytesIO(png(image()))).tobytes() == image().tobytes()
    assert Image.open(io.BytesIO(png(figure()))).size == (300, 200)


@PICTURES
def test_equal_pictures_give_equal_bytes(picture):
    assert png(picture()) == png(picture())


def test_anything_else_is_no_picture():
    with pytest.raises(TypeError, match="Figure or a PIL image, got Tensor"):
        png(torch.zeros(2, 2))


def test_a_description_with_quotes_and_brackets_stays_inside_its_attribute():
    tag = picture_html(png(image()), 'a "b" <c> & d')
    assert re.search('alt="([^"]*)"', tag)[1] == "a &quot;b&quot; &lt;c&gt; &amp; d"


def pictures_apart(html, picture):
    """The largest difference of a pixel between the picture in the HTML and the original."""
    carried = Image.open(io.BytesIO(base64.b64decode(re.search('base64,([^"]*)', html)[1])))
    original = Image.open(io.BytesIO(picture))
    return max(
        high
        for _, high in ImageChops.difference(carried.convert("RGB"), original.convert("RGB")).getextrema()
    )


def test_a_page_carries_an_image_as_it_is():
    assert pictures_apart(picture_html(png(image()), "x"), png(image())) == 0


def test_a_page_carries_a_figure_in_fewer_bytes_and_nearly_the_same_colours():
    original = png(figure())
    html = picture_html(original, "x")
    assert len(html) < len(original)
    assert pictures_apart(html, original) < 40


@PICTURES
def test_a_shown_picture_has_its_description_as_alt_and_as_plain_text(picture):
    bundle = show(picture(), "  loss falls\n   to 0.25 ")._repr_mimebundle_()
    assert bundle["text/plain"] == "loss falls to 0.25"
    assert re.search('alt="([^"]*)"', bundle["text/html"])[1] == "loss falls to 0.25"


def test_a_shown_figure_is_as_wide_as_it_says_with_four_times_the_pixels():
    shown = figure()
    html = show(shown, "x")._repr_mimebundle_()["text/html"]
    carried = Image.open(io.BytesIO(base64.b64decode(re.search('base64,([^"]*)', html)[1])))
    assert carried.size == (600, 400) and 'width="300"' in html
    assert Image.open(io.BytesIO(png(shown))).size == (300, 200)  # a slider's picture stays as it was


def test_a_shown_image_is_carried_as_it_is():
    assert show(image(), "x")._repr_mimebundle_()["text/html"] == picture_html(png(image()), "x")


@pytest.mark.parametrize("alt", ["", " \n "])
def test_a_picture_without_a_description_is_refused(alt):
    with pytest.raises(ValueError, match="alt is empty"):
        show(image(), alt)


def test_show_source_shows_the_code_that_runs():
    code = show_source(losses.reconstruction_loss, png)._repr_mimebundle_()["text/plain"]
    assert "return (reconstructions - images).square().mean()" in code
    assert code.index("def reconstruction_loss") < code.index("def png")


def page(*objects):
    return show_source(*objects)._repr_mimebundle_()["text/html"]


def words(html):
    return unescape(re.sub("<style>.*?</style>|<[^>]*>", "", html, flags=re.DOTALL))


def test_a_page_shows_what_a_function_says_of_itself_beside_its_code():
    html = page(losses.reconstruction_loss)
    text, code = re.fullmatch("(.*)<pre[^>]*>(.*)</pre>.*", html, re.DOTALL).groups()
    assert inspect.getdoc(losses.reconstruction_loss).splitlines()[0] in words(text)
    assert '"""' not in words(code)
    assert "return (reconstructions - images).square().mean()" in words(code)


def test_equations_of_docstrings_stand_as_tex_that_pages_typeset():
    html = page(losses.nt_xent_loss)
    (equation,) = re.findall(r'<div class="math">\$\$(.*?)\$\$</div>', html)
    assert unescape(equation).startswith(r"\ell_{i,j} = -\log \frac{") and equation.endswith("}")
    assert ".. math" not in html and r"\log" not in html.replace(equation, "")


class Example:
    """First line.

    size: of `what`, *never* < 0,
    and more of it
    other, third: another argument
    """

    def method(self):
        """Stays in the code."""
        return "<b>"

    def equation(self):
        r"""A method.

        .. math:: a
            < b
        """


def test_a_docstring_becomes_paragraphs_with_a_line_for_each_argument():
    html = page(Example)
    assert "<p>First line.</p>" in html
    of_size = "<p>size: of <code>what</code>, <em>never</em> &lt; 0, and more of it<br>"
    assert f"{of_size}other, third: another argument</p>" in html


def test_docstrings_of_methods_stay_in_the_code_unless_they_hold_an_equation():
    html = page(Example)
    text, code = html.split("<pre", 1)
    assert "Stays in the code." in words(code) and 'return "<b>"' in words(code)
    assert '<p><code>equation</code>:</p><p>A method.</p><div class="math">$$a &lt; b$$</div>' in text
    assert "A method." not in words(code)


def test_a_method_is_shown_without_the_indentation_of_its_class():
    assert words(page(Example.method)).startswith("Stays in the code.def method(self):\n    return")


def test_the_words_of_shown_code_are_the_whole_code():
    assert show_source(Example)._repr_mimebundle_()["text/plain"] == inspect.getsource(Example).rstrip()


def test_shown_code_begins_as_the_comparison_of_notebooks_expects():
    assert page(png).startswith('<div class="highlight"')


def test_every_docstring_of_the_package_can_be_shown_as_text():
    for module in pkgutil.walk_packages(sslcourse.__path__, "sslcourse."):
        if not module.name.endswith("__main__"):
            for name, thing in vars(import_module(module.name)).items():
                public = not name.startswith("_") and (inspect.isfunction(thing) or inspect.isclass(thing))
                if public and thing.__module__ == module.name:
                    assert ".. math" not in page(thing), f"{name} of {module.name}"


@pytest.mark.parametrize(
    ("markdown", "html", "plain"),
    [
        ("`a * b` is *not* `c`", "<code>a * b</code> is <em>not</em> <code>c</code>", "a * b is not c"),
        ("2 * 3 * 4", "2 * 3 * 4", "2 * 3 * 4"),
        ("a*b*c <d>", "a*b*c &lt;d&gt;", "a*b*c <d>"),
        ("*two words*, *three*", "<em>two words</em>, <em>three</em>", "two words, three"),
        ("`*` and `x`", "<code>*</code> and <code>x</code>", "* and x"),
    ],
)
def test_code_and_stress_of_markdown_are_shown_and_all_else_is_left_alone(markdown, html, plain):
    assert inline(markdown) == html
    assert without_marks(markdown) == plain


def test_words_are_markdown_where_it_is_typeset_and_plain_elsewhere():
    words = Words("**Hint:** look at `x`", "Hint: look at x")
    assert words._repr_mimebundle_() == {"text/markdown": "**Hint:** look at `x`", "text/plain": repr(words)}
    assert repr(words) == "Hint: look at x"
