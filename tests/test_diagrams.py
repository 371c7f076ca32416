"""Diagrams of methods: nothing overlaps, everything fits, and the description names every part."""

import io
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text
from PIL import Image

from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS
from sslcourse.show import png

SOURCES = Path(__file__).resolve().parents[1] / "notebooks" / "src"
CELLS = {
    f"{source.stem} {number}": code.partition("\n")[2]
    for source in sorted(SOURCES.glob("*.py"))
    for number, code in enumerate(source.read_text(encoding="utf-8").split("\n# %%"))
    if "= Diagram(" in code
}
every_diagram = pytest.mark.parametrize("picture", CELLS, indirect=True)


@cache
def drawn(name):
    """The diagram that this cell of a lesson draws."""
    scope = {"Diagram": Diagram, "show": lambda figure, alt: None}
    exec(CELLS[name], scope)
    (picture,) = [value for value in scope.values() if isinstance(value, Diagram)]
    return picture


@pytest.fixture
def picture(request):
    return drawn(request.param)


@pytest.fixture
def moco():
    assert len(CELLS) > 15  # or the tests of every diagram would test none
    (picture,) = [drawn(name) for name, code in CELLS.items() if 'Diagram("momentum contrast")' in code]
    return picture


def written(picture):
    """The texts of a diagram and their boxes, in inches."""
    figure = picture.figure
    ax = figure.axes[0]
    for text in figure.findobj(Text):
        if text.get_text():
            yield text, text.get_window_extent().transformed(ax.transData.inverted())


def outline(part):
    return part.patch.get_path().transformed(part.patch.get_patch_transform())


def is_inside(part):
    """Whether a part's name stands in its shape, not below it."""
    return part.text.get_verticalalignment() == "center"


@every_diagram
def test_a_name_lies_within_the_outline_of_its_part(picture):
    boxes = dict(written(picture))
    for part in filter(is_inside, picture.parts):
        assert outline(part).contains_points(boxes[part.text].corners()).all(), part.words


@every_diagram
def test_no_two_texts_overlap(picture):
    texts = list(written(picture))
    for number, (one, box) in enumerate(texts):
        for other, other_box in texts[:number]:
            assert not box.overlaps(other_box), f"{one.get_text()!r} lies on {other.get_text()!r}"


@every_diagram
def test_no_text_lies_on_another_part(picture):
    for text, box in written(picture):
        for part in picture.parts:
            if part.text is not text:
                assert not outline(part).intersects_bbox(box), f"{text.get_text()!r} lies on {part.words}"


@every_diagram
def test_no_two_parts_overlap(picture):
    parts = picture.parts
    for number, one in enumerate(parts):
        for other in parts[:number]:
            assert not outline(one).intersects_path(outline(other)), f"{one.words} lies on {other.words}"


def arrows(picture):
    """Points along every arrow, in inches: (100, 2) each."""
    ax = picture.figure.axes[0]
    for patch in ax.patches:
        if hasattr(patch, "get_arrowstyle"):
            (start, end) = patch._posA_posB
            yield np.linspace(start, end, 100)


@every_diagram
def test_an_arrow_goes_from_edge_to_edge_and_crosses_nothing(picture):
    boxes = [box for _, box in written(picture)]
    for line in arrows(picture):
        touched = [part for part in picture.parts if outline(part).contains_points(line[2:-2]).any()]
        assert touched == []
        assert not any(box.contains(*point) for box in boxes for point in line)
        step = 0.02 * (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
        outlines = [path for part in picture.parts for path in part.outlines]
        for beyond in (line[0] - step, line[-1] + step):
            assert any(path.contains_point(beyond) for path in outlines)


@every_diagram
def test_texts_are_large_enough_on_paper_and_on_a_phone(picture):
    sizes = [text.get_fontsize() for text, _ in written(picture)]
    assert min(sizes) >= 9
    width = picture.figure.get_size_inches()[0]
    assert width <= 7.2
    assert min(sizes) / 72 * 360 / width >= 7  # CSS pixels where the picture is 360 wide


@every_diagram
def test_a_white_frame_is_left_around_the_picture(picture):
    pixels = np.asarray(Image.open(io.BytesIO(png(picture.figure))).convert("L"))
    assert (pixels[:4] == 255).all() and (pixels[-4:] == 255).all()
    assert (pixels[:, :4] == 255).all() and (pixels[:, -4:] == 255).all()


@every_diagram
def test_the_description_names_every_part(picture):
    for part in picture.parts:
        shown, words = (re.sub(r"[-\s${}\\]", "", text) for text in (part.text.get_text(), picture.words))
        assert shown in words


@every_diagram
def test_colours_are_those_of_the_course(picture):
    allowed = {to_rgb(color) for color in [*COLORS, "white", "0.1", "0.85"]}
    for patch in picture.figure.axes[0].patches:
        colors = patch.get_facecolor(), patch.get_edgecolor()
        assert {color[:3] for color in colors if color[3]} <= allowed


def test_the_description_follows_the_arrows(moco):
    assert moco.words.split(": ", 1)[1].split("; ") == [
        "view a to query encoder (query q) to loss InfoNCE",
        "view b to key encoder (stop gradient) to key k_+ to loss InfoNCE",
        "key k_+ (later) to queue of earlier keys (negatives) to loss InfoNCE",
        "key encoder is a moving average (EMA) of query encoder.",
    ]


def test_remarks_and_shared_weights_are_described():
    picture = Diagram("twins")
    f = [picture.encoder("encoder $f$", 0, row) for row in (0, 1)]
    g = [picture.head("head $g$", 1, row) for row in (0, 1)]
    picture.shared(*f)
    picture.shared(*g)
    picture.note(g[1], "thrown away\nafter training")
    assert picture.words.endswith(
        "encoder f: shared weights; head g: shared weights; head g: thrown away after training."
    )


def test_a_part_without_an_arrow_is_described():
    picture = Diagram("one thing")
    picture.loss("$\\log p$", 0, 0)
    assert picture.words == "Diagram of one thing: loss log p."


def test_kinds_of_parts_differ_by_more_than_their_colour():
    picture = Diagram("parts")
    kinds = ["data", "encoder", "decoder", "head", "loss"]
    shapes = [getattr(picture, kind)("x", 0, 0).patch.get_path().vertices.tolist() for kind in kinds]
    assert all(one != other for number, one in enumerate(shapes) for other in shapes[:number])


def test_a_momentum_copy_has_a_dashed_outline_and_its_source_a_full_one(moco):
    query, key = (part for part in moco.parts if "encoder" in part.words)
    assert (query.patch.get_linestyle(), key.patch.get_linestyle()) == ("solid", "--")


def test_a_stop_gradient_draws_two_bars(moco):
    bars = moco.figure.axes[0].lines
    assert len(bars) == 2 and {to_rgb(bar.get_color()) for bar in bars} == {to_rgb(COLORS[2])}


def test_words_after_the_bar_replace_those_of_a_stop_gradient():
    picture = Diagram("a sample")
    picture.flow(picture.data("mean", 0, 0), "//no\ngradient", picture.data("sample", 1.3, 0))
    assert "mean (no gradient) to sample" in picture.words and len(picture.figure.axes[0].lines) == 2


def test_a_gradient_is_dashed_and_goes_back_below_the_flow():
    picture = Diagram("a layer")
    layer, loss = picture.encoder("layer", 0, 0), picture.loss("loss", 1.5, 0)
    picture.flow(layer, loss)
    picture.gradient(loss, layer)
    patches = picture.figure.axes[0].patches
    assert [p.get_linestyle() for p in patches if isinstance(p, FancyArrowPatch)] == ["solid", "--"]
    forward, back = arrows(picture)
    assert forward[-1, 0] > forward[0, 0] and back[-1, 0] < back[0, 0] and back[0, 1] < forward[0, 1]
    assert "gradient: loss to encoder layer" in picture.words


def test_rows_are_counted_downwards_and_columns_to_the_right():
    picture = Diagram("places", column=1.5, row=1.2)
    first, second = picture.data("a", 0, 0), picture.data("b", 2, 1)
    assert (second.center - first.center).tolist() == pytest.approx([3, -1.2])


def test_cells_stand_in_the_order_of_their_marks():
    picture = Diagram("a mask")
    picture.cells("mask", 0, 0, "#.", ".o")
    cells = [patch for patch in picture.figure.axes[0].patches if patch.get_facecolor()[3] == 1]
    by_place = sorted(cells, key=lambda cell: (-round(cell.get_y(), 3), cell.get_x()))
    assert [to_rgb(cell.get_facecolor()) for cell in by_place] == [
        to_rgb(color) for color in ["0.85", "white", "white", COLORS[0]]
    ]
    assert [cell.get_hatch() is not None for cell in by_place] == [True, False, False, False]


def test_an_arrow_between_parts_that_touch_is_refused():
    picture = Diagram("too near")
    one, other = picture.data("left", 0, 0), picture.data("right", 0.5, 0)
    with pytest.raises(ValueError, match="no room for an arrow: left and right touch"):
        picture.flow(one, other)


def test_a_figure_can_be_asked_for_twice(moco):
    assert png(moco.figure) == png(moco.figure)


def test_a_diagram_leaves_no_trace_in_pyplot(moco):
    import matplotlib.pyplot as plt

    png(moco.figure)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("cross-\nentropy", "loss cross-entropy"),
        ("self-\nmade $x_i$", "loss self-made x_i"),
        ("dis-\ntance", "loss distance"),
    ],
)
def test_a_word_that_goes_on_in_the_next_line_is_whole_in_the_description(label, words):
    picture = Diagram("a loss")
    picture.flow(picture.data("x", 0, 0), picture.loss(label, 1, 0))
    assert words in picture.words
