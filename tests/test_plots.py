"""Pictures, pixel by pixel."""

from itertools import combinations

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from sslcourse.plots import (
    COLORS,
    freeze_layout,
    image_columns,
    image_rows,
    plot_classes,
    plot_losses,
    plot_speech,
    subplots,
)
from sslcourse.show import png


def test_pixels_of_an_image_land_in_blocks_inside_a_white_gap():
    image = torch.tensor([[[[0.0, 0.2], [0.4, 0.6]]]])
    pixels = np.asarray(image_rows({"x": image}, scale=3))[:, -12:]  # (2 + 2 gaps) * 3
    blocks = pixels.reshape(4, 3, 4, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert blocks[:, 0, :, 0].tolist() == [
        [255, 255, 255, 255],
        [255, 0, 51, 255],
        [255, 102, 153, 255],
        [255, 255, 255, 255],
    ]


def test_images_of_a_row_stand_side_by_side_and_rows_below_one_another():
    levels = torch.tensor([[0.0, 0.2], [0.4, 0.6]]).reshape(2, 2, 1, 1, 1)
    pixels = np.asarray(image_rows({"above": levels[0], "below": levels[1]}, scale=1))[:, -6:]
    assert [pixels[y, x] for y in (1, 4) for x in (1, 4)] == [0, 51, 102, 153]


def test_a_row_of_fewer_images_starts_at_the_left():
    pixels = np.asarray(image_rows({"a": torch.zeros(3, 1, 1, 1), "b": torch.zeros(1, 1, 1, 1)}, scale=1))
    assert pixels[4, -9:].tolist() == [255, 0, 255, 255, 255, 255, 255, 255, 255]


def test_values_outside_zero_to_one_are_clipped():
    pixels = np.asarray(image_rows({"x": torch.tensor([[[-3.0, 7.0]]])}, scale=1))
    assert pixels[1, -3:-1].tolist() == [0, 255]


def test_images_may_come_without_a_channel_and_with_gradients():
    images = torch.rand(2, 3, 3, requires_grad=True)
    assert image_rows({"x": images}) == image_rows({"x": images[:, None]})


def test_each_row_has_its_name_in_dark_pixels_on_its_left():
    white = torch.ones(1, 1, 20, 20)
    pixels = np.asarray(image_rows({"noisy": white, "": white}, scale=1))
    assert (pixels[:22] < 100).any() and (pixels[22:] == 255).all()


def test_the_longest_name_fits_beside_the_images():
    images = torch.ones(1, 1, 20, 20)
    pixels = np.asarray(image_rows({"i": images, "a name much longer than that": images}, scale=1))
    assert (pixels[:, :4] == 255).all()  # nothing is cut off on the left
    assert (pixels[:, -30:] == 255).all()  # nor written into the images


def test_columns_stand_side_by_side_with_their_names_above():
    levels = torch.tensor([0.2, 0.6]).reshape(2, 1, 1, 1).expand(2, 1, 20, 20)
    pixels = np.asarray(image_columns({"a": levels[0], "b": levels[1]}, scale=2))
    assert pixels.shape == (24 + 44, 2 * 44)
    assert [pixels[46, x] for x in (22, 66)] == [51, 153]
    assert [(pixels[:24, x : x + 44] < 100).any() for x in (0, 44)] == [True, True]


def test_a_column_is_as_wide_as_its_name():
    pixels = np.asarray(image_columns({"a long name": torch.zeros(1, 1, 1), "": torch.zeros(1, 1, 1)}))
    assert (pixels[:24, -15:] == 255).all() and (pixels[:24, :2] == 255).all()
    assert pixels.shape[1] > 60


def test_a_column_in_colour_makes_the_picture_coloured():
    columns = {"red": torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1), "black": torch.zeros(1, 1, 1)}
    assert np.asarray(image_columns(columns)).shape[2] == 3


def test_lines_take_the_colours_and_styles_of_the_course_in_turn():
    _, ax = subplots()
    lines = [ax.plot([0, 1])[0] for _ in range(6)]
    petroff = [to_hex(color) for color in matplotlib.color_sequences["petroff6"]]
    assert [to_hex(line.get_color()) for line in lines] == petroff
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 6  # get_linestyle says '--' for three


def test_subplots_come_in_the_number_and_size_asked_for():
    figure, axes = subplots(2, 3, width=5, height=4)
    assert axes.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [5, 4]


def test_a_frozen_figure_keeps_its_axes_where_they_are():
    figure, ax = subplots()
    ax.set(xlabel="x", title="title")
    freeze_layout(figure)
    before = ax.get_position().bounds
    ax.set_title("a title\nof three\nlines")
    figure.draw_without_rendering()
    assert ax.get_position().bounds == before


def test_a_figure_whose_still_part_is_kept_looks_like_one_drawn_anew():
    shown = []
    for kept in (False, True):
        figure, (left, right) = subplots(1, 2)
        left.plot([0, 1], [1, 0])
        (dot,) = left.plot([0.5], [0.5], "o")
        image = right.imshow(np.zeros((2, 2)), vmin=0, vmax=1)
        freeze_layout(figure, *[dot, image] * kept)
        pictures = []
        for height in (0.2, 0.8):
            dot.set_ydata([height])
            image.set_data(np.full((2, 2), height))
            pictures.append(png(figure))
        shown.append(pictures)
    assert shown[0] == shown[1]
    assert shown[0][0] != shown[0][1]


def test_only_what_moves_is_drawn_again():
    figure, ax = subplots()
    (still,), (moving,) = ax.plot([0, 1], [1, 0]), ax.plot([0, 1], [0, 1])
    freeze_layout(figure, moving)
    before = png(figure)
    still.set_ydata([0.5, 0.5])
    assert png(figure) == before


def test_subplots_leave_no_trace_in_pyplot():
    import matplotlib.pyplot as plt

    subplots()
    assert plt.get_fignums() == []


def test_plot_losses_draws_steps_and_the_validation_with_markers():
    _, ax = subplots()
    plot_losses([3.0, 2.0, 1.0], {3: 1.5}, ax)
    training, validation = ax.lines
    assert training.get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert validation.get_xydata().tolist() == [[3, 1.5]]
    assert (training.get_marker(), validation.get_marker()) == ("None", "o")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert to_hex(training.get_color()) == to_hex(COLORS[0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss", [[], [0.0, 0.0], [-1.0, -2.0]], ids=["none yet", "zero", "negative"])
def test_losses_that_have_no_logarithm_can_be_drawn(loss):
    figure, ax = subplots()
    plot_losses(loss, {}, ax)
    figure.draw_without_rendering()
    assert len(ax.lines) == 1


def test_the_lines_between_images_are_as_bright_as_asked():
    pixels = np.asarray(image_rows({"x": torch.ones(1, 2, 2)}, scale=1, gap=0.4))[:, -4:]
    assert pixels.tolist() == [[102] * 4, [102, 255, 255, 102], [102, 255, 255, 102], [102] * 4]


@pytest.fixture
def ten_classes():
    """Axes with ten classes of eight points each, all at nearly the same place."""
    _, ax = subplots()
    points = torch.randn(80, 2, generator=torch.Generator().manual_seed(0)) / 100
    ax.set(xlim=(-1, 1), ylim=(-1, 1))
    return plot_classes(points, torch.arange(80) % 10, [f"class {i}" for i in range(10)], ax, each=5)


def test_each_class_has_a_colour_and_a_marker_of_its_own(ten_classes):
    assert len({to_hex(line.get_color()) for line in ten_classes.lines}) == 10
    assert len({line.get_marker() for line in ten_classes.lines}) == 10


def test_no_more_points_of_a_class_are_drawn_than_asked_for(ten_classes):
    assert [len(line.get_xdata()) for line in ten_classes.lines] == [5] * 10


def test_no_name_of_a_class_covers_another(ten_classes):
    ten_classes.figure.draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in ten_classes.texts]
    assert [text.get_text() for text in ten_classes.texts] == [f"class {i}" for i in range(10)]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_another_utterance_takes_the_place_of_the_one_before():
    _figure, ax = subplots()
    plot_speech(torch.zeros(4, 3), ["a", "a", "_", "b"], ax)
    plot_speech(torch.arange(12.0).view(4, 3), ["_", "c", "c", "c"], ax)
    (image,) = ax.images
    assert image.get_array().T.tolist() == torch.arange(12.0).view(4, 3).tolist()
    assert [text.get_text() for text in ax.texts] == ["c"]
