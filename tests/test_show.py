"""What a cell shows, as bytes and as words."""

import base64
import io
import re

import pytest
import torch
from PIL import Image, ImageChops

from sslcourse import losses
from sslcourse.plots import image_rows, subplots
from sslcourse.show import picture_html, png, show, show_source


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
    assert bundle["text/html"] == picture_html(png(picture()), "loss falls to 0.25")


@pytest.mark.parametrize("alt", ["", " \n "])
def test_a_picture_without_a_description_is_refused(alt):
    with pytest.raises(ValueError, match="alt is empty"):
        show(image(), alt)


def test_show_source_shows_the_code_that_runs():
    code = show_source(losses.reconstruction_loss, png)._repr_mimebundle_()["text/plain"]
    assert "return (reconstructions - images).square().mean()" in code
    assert code.index("def reconstruction_loss") < code.index("def png")
