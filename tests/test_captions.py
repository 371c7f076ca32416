"""Captions and scenes: every sentence is true, every wording occurs, unknown words are named."""

import pytest
import torch

from sslcourse.data import (
    CAPTION_WORDS,
    LONGEST_CAPTION,
    Things,
    caption_questions,
    encode_captions,
    exchange_colours,
    exchanged_captions,
    object_scenes,
    shape_captions,
    shapes,
    wordings,
)
from sslcourse.data.captions import PLURALS
from sslcourse.data.shapes import COLOURS, FACTORS, SHAPES

RED, BLUE = Things(1, "red", "circle"), Things(1, "blue", "square")


def decode(row):
    return " ".join(CAPTION_WORDS[i] for i in row.tolist() if i)


# Sentences


def test_one_object_can_be_named_in_eight_ways():
    assert len(set(wordings(RED))) == 8
    assert {"a red circle", "here we see a circle that is red"} <= set(wordings(RED))


def test_two_objects_are_named_in_either_order():
    sentences = wordings(RED, BLUE)
    assert len(sentences) == len(set(sentences)) == 4 * 2 * 2 * 2
    assert "a blue square and a red circle" in sentences
    assert "a picture of a circle that is red and a blue square" in sentences


@pytest.mark.parametrize(
    ("thing", "phrases"),
    [
        (Things(3, "red", "cross"), ["three red crosses", "three crosses that are red"]),
        (Things(0, "blue", "star"), ["no blue star", "no star that is blue"]),
        (Things(1, "orange", "star"), ["an orange star", "a star that is orange"]),
        (
            Things(1, "orange", "square", "small"),
            ["a small orange square", "a small square that is orange"],
        ),
    ],
)
def test_phrases_are_english(thing, phrases):
    assert thing.phrases() == phrases


def test_the_longest_sentence_fits_and_every_word_is_used():
    things = [
        Things(count, colour, shape, size)
        for count in range(4)
        for colour in COLOURS
        for shape in SHAPES
        for size in ("", "small", "large")
    ]
    sentences = [s for thing in things for s in wordings(thing)]
    sentences += wordings(Things(1, "red", "circle", "small"), Things(3, "blue", "cross", "large"))
    assert max(len(s.split()) for s in sentences) == LONGEST_CAPTION - 1
    assert {word for s in sentences for word in s.split()} == set(CAPTION_WORDS[1:])


def test_encoded_sentences_can_be_read_back():
    sentences = wordings(RED, BLUE)
    assert [decode(row) for row in encode_captions(sentences)] == sentences
    assert torch.equal(encode_captions("A red circle."), encode_captions(["a red circle"]))
    assert not encode_captions("").any()


def test_unknown_words_are_named_with_those_that_are_known():
    with pytest.raises(
        ValueError, match=r"unknown words: photo, pink\. Captions are made of: no a .* circle"
    ):
        encode_captions(["a photo of a pink circle"])


def test_a_sentence_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="at most 16 words, got 17"):
        encode_captions("red " * 17)


# Captions of shapes


def test_captions_of_shapes_are_true_and_tell_the_size_half_of_the_time():
    pictures = shapes(1000, seed=3)
    captions = shape_captions(pictures)
    told = 0
    for caption, row in zip(captions, pictures.factors.tolist(), strict=True):
        words = caption.split()
        assert tuple(COLOURS)[int(row[1])] in words and SHAPES[int(row[0])] in words
        large = row[2] > sum(FACTORS["size"]) / 2
        assert ("small", "large")[not large] not in words
        told += ("small", "large")[large] in words
    assert 450 < told < 550


def test_other_seeds_give_other_words_for_the_same_picture():
    pictures = shapes(50)
    assert shape_captions(pictures) == shape_captions(pictures, seed=0) != shape_captions(pictures, seed=1)


# Scenes


def test_pictures_of_every_kind_are_described_truly():
    pictures = object_scenes(400, negated=0.5)
    assert pictures.images.shape == (400, 3, 32, 32)
    assert pictures.images.min() >= 0 and pictures.images.max() <= 1
    for shown, caption in zip(pictures.things, pictures.captions, strict=True):
        if len(shown) == 2:
            assert caption in wordings(*shown)
        else:
            said, _, absent = caption.partition(" and no ")
            if caption not in wordings(*shown):
                (thing,) = shown
                assert " no " in f" {caption} "
                nouns = {thing.shape, PLURALS[thing.shape]}
                positive = said if absent else caption.partition(" and ")[2]
                assert thing.colour in positive.split() and nouns & set(positive.split())


def painted(image):
    """The colours that fill at least five pixels, with the number of their pixels."""
    paint = torch.tensor(list(COLOURS.values()))
    same = (image.flatten(1).T[:, None] - paint).abs().amax(2) < 1e-3  # (pixels, colours)
    return {name: int(n) for name, n in zip(COLOURS, same.sum(0), strict=True) if n >= 5}


def test_the_colours_of_the_things_and_no_others_are_on_the_picture():
    pictures = object_scenes(200)
    for image, shown in zip(pictures.images, pictures.things, strict=True):
        assert set(painted(image)) == {thing.colour for thing in shown}


def pieces(image):
    """Connected pieces of what is not black."""
    left = {(r, c) for r, c in (image.amax(0) > 0.02).nonzero().tolist()}
    count = 0
    while left:
        count, edge = count + 1, [left.pop()]
        while edge:
            r, c = edge.pop()
            near = {(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge += near
    return count


def test_there_are_as_many_objects_as_said_and_they_do_not_touch():
    pictures = object_scenes(80, pixels=64)
    for image, shown in zip(pictures.images, pictures.things, strict=True):
        assert pieces(image) == sum(thing.count for thing in shown)


def test_pairs_differ_in_colour_and_in_shape():
    for first, second in object_scenes(300, kinds=["pair"]).things:
        assert first.colour != second.colour and first.shape != second.shape


def test_kinds_are_drawn_as_often_as_they_are_listed():
    pictures = object_scenes(3000, kinds=["one", "pair", "pair", "three"], pixels=8)
    shares = {kind: len(pictures.of_kind(kind).things) / 3000 for kind in ("one", "pair", "two", "three")}
    assert shares == pytest.approx({"one": 0.25, "pair": 0.5, "two": 0, "three": 0.25}, abs=0.03)


def test_negations_are_as_frequent_as_asked_for_and_leave_the_rest_as_it_was():
    plain, negated = (
        object_scenes(1000, kinds=["one", "two"], negated=share, pixels=8) for share in (0.0, 0.3)
    )
    assert torch.equal(plain.images, negated.images)
    assert not any(" no " in f" {c}" for c in plain.captions)
    assert sum(" no " in f" {c}" for c in negated.captions) / 1000 == pytest.approx(0.3, abs=0.04)


def test_exchanged_captions_use_the_same_words_for_another_picture():
    assert exchange_colours((RED, BLUE)) == (Things(1, "blue", "circle"), Things(1, "red", "square"))
    pictures = object_scenes(200)
    for shown, false in zip(pictures.things, exchanged_captions(pictures), strict=True):
        if len(shown) == 2:
            assert false in wordings(*exchange_colours(shown)) and false not in wordings(*shown)
        else:
            assert false == ""


def test_questions_have_a_true_and_a_false_caption_without_what_is_held_out():
    held_out = {("red", "circle"), ("blue", "star")}
    questions = caption_questions(object_scenes(200), held_out)
    assert len(questions) == 6
    for name, (pictures, true, false) in questions.items():
        assert len(pictures.images) == len(true) == len(false) > 10
        for things, right, wrong in zip(pictures.things, true, false, strict=True):
            assert is_true(right, things) and not is_true(wrong, things)
        said = " ".join(true + false)
        if name != "another colour":
            assert not any(f"{colour} {shape}" in said for colour, shape in held_out)


def is_true(caption, things):
    """Of every phrase: are there so many, and for "no", none?"""
    there = {(t.colour, t.shape): t.count for t in things}
    named = [t for phrase in caption.split(" and ") for t in all_things() if phrase == t.phrases()[0]]
    return all(there.get((t.colour, t.shape), 0) == t.count for t in named)


def all_things():
    return [Things(n, colour, shape) for n in range(4) for colour in COLOURS for shape in SHAPES]


def test_questions_of_word_order_have_the_same_words_in_both_captions():
    questions = caption_questions(object_scenes(200))
    same = {
        name
        for name, (_, true, false) in questions.items()
        if all(sorted(a.split()) == sorted(b.split()) for a, b in zip(true, false, strict=True))
    }
    assert {"binding"} <= same <= {"binding", "negation: words exchanged"}


def test_equal_seeds_give_equal_scenes_and_global_random_numbers_stay():
    before = torch.get_rng_state()
    first, again, other = object_scenes(20, seed=2), object_scenes(20, seed=2), object_scenes(20, seed=3)
    assert torch.equal(first.images, again.images) and first.captions == again.captions
    assert first.captions != other.captions
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_kind_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"unknown kinds \['four'\]; choose from one, pair, two, three"):
        object_scenes(3, kinds=["one", "four"])
