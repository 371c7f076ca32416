"""Drawn shapes against closed forms: areas, centres, turns, colours, captions."""

import importlib
import math
import time

import pytest
import torch
from torch.nn import functional as F

from sslcourse.data import shapes

module = importlib.import_module("sslcourse.data.shapes")  # the name sslcourse.data.shapes is the function
SHAPES, COLOURS, BACKGROUNDS = module.SHAPES, module.COLOURS, module.BACKGROUNDS
each_shape = pytest.mark.parametrize("shape", SHAPES)


def corner_polygon(shape, size):
    """Corners (K, 2) of the shape around (0, 0), one on top for all but the cross; from its area by hand."""
    if shape == "cross":
        b = size * math.sqrt(math.pi / 20)  # five squares of side 2 b
        a = 3 * b
        turn = [(b, a), (b, b), (a, b)]
        return [
            (x * math.cos(t) - y * math.sin(t), x * math.sin(t) + y * math.cos(t))
            for t in (0, -math.pi / 2, -math.pi, -3 * math.pi / 2)
            for x, y in turn
        ]
    corners, ratio = {"triangle": (3, 0.5), "square": (4, math.sqrt(0.5)), "star": (5, 0.45)}[shape]
    points = [
        (
            (1, ratio)[k % 2] * math.sin(k * math.pi / corners),
            (1, ratio)[k % 2] * math.cos(k * math.pi / corners),
        )
        for k in range(2 * corners)
    ]
    scale = size * math.sqrt(math.pi / shoelace(points))
    return [(scale * x, scale * y) for x, y in points]


def shoelace(points):
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def is_inside(x, y, points):
    """Even-odd rule: how often does a ray to the right cross the border?"""
    inside = False
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


# Shape and promise of what is returned


def test_pictures_factors_masks_and_captions_belong_together():
    s = shapes(20, pixels=24)
    assert (s.images.shape, s.images.dtype) == ((20, 3, 24, 24), torch.float32)
    assert (s.factors.shape, s.masks.shape, s.masks.dtype) == ((20, 7), (20, 24, 24), torch.bool)
    assert s.factor_names == ("shape", "colour", "size", "x", "y", "rotation", "background")
    assert len(s.captions) == 20
    assert s.images.min() >= 0 and s.images.max() <= 1


def test_equal_seeds_give_equal_pictures_and_other_seeds_others():
    first, again, other = shapes(50, seed=3), shapes(50, seed=3), shapes(50, seed=4)
    assert torch.equal(first.images, again.images) and first.captions == again.captions
    assert not torch.equal(first.factors, other.factors)


def test_drawing_leaves_the_global_random_numbers_alone():
    before = torch.get_rng_state()
    shapes(5)
    assert torch.equal(torch.get_rng_state(), before)


def test_thousands_are_drawn_in_a_second():
    shapes(100)
    start = time.process_time()
    shapes(2000)
    assert time.process_time() - start < 1.5


# Geometry


@each_shape
@pytest.mark.parametrize("size", [0.1, 0.18, 0.3])
def test_the_mask_covers_pi_size_squared_on_average_over_places(shape, size):
    s = shapes(400, shape=shape, size=size, x=[0.48, 0.49, 0.5, 0.51], pixels=64)
    y = 0.5 + (torch.arange(400) % 20 - 10) / 640
    s = shapes(400, shape=shape, size=size, x=s.factor("x")[:, 0], y=y, pixels=64)
    covered = s.masks.float().mean((1, 2))
    assert covered.mean().item() == pytest.approx(math.pi * size**2, rel=0.005)


@each_shape
def test_the_smooth_picture_covers_the_same_area_as_the_shape(shape):
    s = shapes(300, shape=shape, size=0.18, colour="red", background="black")
    red = s.images[:, 0].mean((1, 2)) / COLOURS["red"][0]
    assert red.mean().item() == pytest.approx(math.pi * 0.18**2, rel=0.015)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "circle"])
@pytest.mark.parametrize("rotation", [0, 17, 200])
def test_the_mask_is_that_of_a_polygon_with_the_even_odd_rule(shape, rotation):
    n, size, x, y = 32, 0.27, 0.45, 0.52
    mask = shapes(1, shape=shape, size=size, x=x, y=y, rotation=rotation, pixels=n).masks[0]
    turn, polygon = math.radians(rotation), corner_polygon(shape, size)
    for row in range(n):
        for column in range(n):
            u, v = (column + 0.5) / n - x, y - (row + 0.5) / n
            back = u * math.cos(turn) + v * math.sin(turn), v * math.cos(turn) - u * math.sin(turn)
            assert bool(mask[row, column]) == is_inside(*back, polygon)


def test_the_mask_of_a_circle_is_every_pixel_nearer_than_its_radius():
    mask = shapes(1, shape="circle", size=0.3, x=0.4, y=0.6, pixels=40).masks[0]
    for row in range(40):
        for column in range(40):
            near = math.hypot((column + 0.5) / 40 - 0.4, (row + 0.5) / 40 - 0.6) < 0.3
            assert bool(mask[row, column]) == near


@each_shape
def test_the_centre_of_the_mask_is_the_position(shape):
    s = shapes(300, shape=shape, pixels=64)
    places = (torch.arange(64) + 0.5) / 64
    area = s.masks.sum((1, 2))
    for name, count in [("x", s.masks.sum(1)), ("y", s.masks.sum(2))]:
        centre = (count * places).sum(1) / area
        assert torch.allclose(centre, s.factor(name)[:, 0], atol=0.006)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "circle"])
def test_usual_objects_lie_wholly_inside_the_picture(shape):
    (_, largest), (least, most) = module.FACTORS["size"], module.FACTORS["x"]
    reach = max(math.hypot(*corner) for corner in corner_polygon(shape, largest))
    assert reach <= least and reach <= 1 - most


@each_shape
def test_ninety_degrees_are_a_quarter_turn_anticlockwise(shape):
    paint = {"colour": "red", "background": "black"}
    upright, turned = (
        shapes(1, shape=shape, size=0.3, x=0.5, y=0.5, rotation=r, **paint).images for r in (10, 100)
    )
    assert torch.allclose(upright.rot90(1, (2, 3)), turned, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "degrees"), [("triangle", 120), ("square", 90), ("star", 72), ("cross", 90)]
)
def test_a_shape_looks_the_same_after_its_own_turn_and_not_after_half_of_it(shape, degrees):
    whole, half = (
        shapes(3, shape=shape, size=0.3, rotation=[0]).images
        - shapes(3, shape=shape, size=0.3, rotation=turn).images
        for turn in (degrees, degrees / 2)
    )
    assert whole.abs().max() < 1e-3 < 0.2 < half.abs().max()


def test_a_triangle_that_is_not_turned_has_one_corner_on_top():
    mask = shapes(1, shape="triangle", size=0.25, x=0.5, y=0.5, rotation=0).masks[0]
    widths = mask.sum(1)[mask.any(1)]
    assert widths[0] <= 2 and widths[-1] == widths.max()


# Colours


def test_colours_are_exact_inside_the_object_and_outside():
    s = shapes(200, size=[0.15, 0.18])
    inside = F.max_pool2d((~s.masks).float().unsqueeze(1), 5, stride=1, padding=2)[:, 0] == 0
    outside = F.max_pool2d(s.masks.float().unsqueeze(1), 5, stride=1, padding=2)[:, 0] == 0
    assert inside.flatten(1).any(1).float().mean() > 0.9
    for picture, f, i, o in zip(s.images, s.factors, inside, outside, strict=True):
        paint = torch.tensor(list(COLOURS.values())[int(f[1])])
        assert (picture[:, i] == paint[:, None]).all()
        assert (picture[:, o] == list(BACKGROUNDS.values())[int(f[6])]).all()


def test_one_channel_is_the_luminance_of_three():
    gray, colour = shapes(30, channels=1).images, shapes(30).images
    assert gray.shape == (30, 1, 32, 32)
    r, g, b = colour.unbind(1)
    assert torch.allclose(gray[:, 0], 0.299 * r + 0.587 * g + 0.114 * b, atol=1e-6)


# Factors


def test_factors_are_drawn_over_their_whole_range_and_independently():
    factors = shapes(4000, pixels=8).factors
    for column, (name, known) in zip(factors.T, module.FACTORS.items(), strict=True):
        if isinstance(known[0], str):
            shares = column.long().bincount() / 4000
            assert len(shares) == len(known) and (shares - 1 / len(known)).abs().max() < 0.03, name
        else:
            low, high = known
            assert column.min() >= low and column.max() <= high
            assert column.std().item() == pytest.approx((high - low) / math.sqrt(12), rel=0.05)
    assert (torch.corrcoef(factors.T) - torch.eye(7)).abs().max() < 0.06


def test_fixing_a_factor_leaves_the_others_as_they_were():
    free, red = shapes(50), shapes(50, colour="red")
    assert (red.factor("colour") == 0).all()
    others = [name for name in free.factor_names if name != "colour"]
    assert torch.equal(free.factor(*others), red.factor(*others))


def test_a_list_holds_the_values_to_draw_from():
    s = shapes(300, shape=["star", "cross"], rotation=[0, 45, 90])
    assert set(s.factor("shape").flatten().tolist()) == {SHAPES.index("star"), SHAPES.index("cross")}
    assert set(s.factor("rotation").flatten().tolist()) == {0, 45, 90}


def test_a_tensor_holds_one_value_for_each_picture():
    s = shapes(3, colour=torch.tensor([2, 0, 1]), x=torch.tensor([0.3, 0.5, 0.7]), y=torch.tensor(0.5))
    assert s.factor("colour", "y").tolist() == [[2, 0.5], [0, 0.5], [1, 0.5]]
    assert s.factor("x").flatten().tolist() == pytest.approx([0.3, 0.5, 0.7])


def test_pairs_can_be_held_out_by_selecting_rows():
    s = shapes(400)
    held_out = (s.factor("shape", "colour") == torch.tensor([SHAPES.index("star"), 0])).all(1)
    rest, test = s.select(~held_out), s.select(held_out)
    assert len(rest.images) + len(test.images) == 400 and len(test.images) > 0
    assert all("red star" in caption for caption in test.captions)
    assert not any("red star" in caption for caption in rest.captions)
    assert torch.equal(rest.masks, s.masks[~held_out])
    assert torch.equal(s.select(torch.tensor([5, 2])).factors, s.factors[[5, 2]])


# Captions


def test_captions_name_the_factors_they_mention():
    s = shapes(500)
    for caption, f in zip(s.captions, s.factors.tolist(), strict=True):
        assert (
            f" {list(COLOURS)[int(f[1])]} {SHAPES[int(f[0])]} on a {list(BACKGROUNDS)[int(f[6])]} " in caption
        )


@pytest.mark.parametrize(
    ("size", "x", "y", "caption"),
    [
        (0.17, 0.3, 0.3, "a large red triangle on a gray background, top left"),
        (0.13, 0.5, 0.3, "a medium red triangle on a gray background, top"),
        (0.1, 0.7, 0.7, "a small red triangle on a gray background, bottom right"),
        (0.1, 0.3, 0.5, "a small red triangle on a gray background, left"),
        (0.4, 0.5, 0.5, "a large red triangle on a gray background, in the centre"),
        (0.02, 1.0, 0.0, "a small red triangle on a gray background, top right"),
    ],
)
def test_captions_tell_size_and_place(size, x, y, caption):
    given = {"shape": "triangle", "colour": "red", "background": "gray", "size": size, "x": x, "y": y}
    assert shapes(1, **given).captions == [caption]


def test_what_a_caption_says_of_the_place_is_true_of_the_mask():
    s = shapes(300)
    places = (torch.arange(32) + 0.5) / 32
    x = (s.masks.sum(1) * places).sum(1) / s.masks.sum((1, 2))
    left = torch.tensor(["left" in caption for caption in s.captions])
    right = torch.tensor(["right" in caption for caption in s.captions])
    assert x[left].max() < x[~left & ~right].min() + 0.02
    assert x[~left & ~right].max() < x[right].min() + 0.02


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n >= 1"),
        ({"n": 2, "pixels": 4}, "pixels >= 8"),
        ({"n": 2, "channels": 2}, "channels 1 or 3"),
        ({"n": 2, "colour": "pink"}, "unknown colour 'pink'; choose one of red, green"),
        ({"n": 2, "shape": ["star", "moon"]}, "unknown shape 'moon'; choose one of circle"),
        ({"n": 2, "shape": 7}, "shape must be circle, triangle"),
        ({"n": 2, "shape": 0.5}, "shape must be circle, triangle"),
        ({"n": 2, "x": 1.5}, "x must be numbers from 0.0 to 1.0, got 1.5"),
        ({"n": 2, "size": "large"}, "size is a number, got 'large'"),
        ({"n": 2, "size": []}, "size: the list of values to draw from is empty"),
        ({"n": 2, "y": torch.zeros(3)}, "y as a tensor must have 2 values"),
    ],
)
def test_wrong_arguments_are_answered_with_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        shapes(**arguments)


def test_an_unknown_factor_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown factor 'hue'; choose one of shape, colour"):
        shapes(1).factor("hue")
