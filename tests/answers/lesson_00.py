"""Answers to the exercises of lesson 00, in styles and with mistakes that the exercises do not list."""

import functools

import numpy as np
import torch


def in_numpy(x, slope, intercept):
    return slope * x.numpy() + intercept


def as_a_list(x, slope, intercept):
    return [slope * float(value) + intercept for value in x]


def in_place(x, slope, intercept):
    x *= slope
    x += intercept
    return x


def in_double_precision(x, slope, intercept):
    return x.double() * slope + intercept


def with_a_gradient(x, slope, intercept):
    return torch.nn.Parameter(x) * slope + intercept


def by_keyword(*, x, slope, intercept):
    return torch.add(intercept, x, alpha=slope)


def as_a_polynomial(x, slope, intercept):
    return np.polyval([slope, intercept], x.numpy())


@functools.wraps(in_numpy)
@torch.no_grad()
def decorated(x, slope, intercept):
    return x * slope + intercept


def rounded(x, slope, intercept):
    return (slope * x + intercept).round()


def never_falling(x, slope, intercept):
    return abs(slope) * x + intercept


def never_negative(x, slope, intercept):
    return (slope * x + intercept).relu()


def first_example_by_heart(x, slope, intercept):
    return torch.tensor([2.0, 5.0, 8.0])[: len(x)]


def as_text(x, slope, intercept):
    return str(slope * x + intercept)


def as_a_column(x, slope, intercept):
    return (slope * x + intercept).unsqueeze(1)


# ---- 00.level


def level_by_sum(y):
    return sum(y.tolist()) / len(y)


def level_by_least_squares(y):
    return torch.linalg.lstsq(torch.ones(len(y), 1), y[:, None]).solution.squeeze()


def level_in_numpy(y):
    return y.numpy().mean()


def level_of_the_ends(y):
    return (y[0] + y[-1]) / 2


def level_by_root(y):
    return y.square().mean().sqrt()


def level_of_every_point(y):
    return y


# ---- 00.guess


def guess_as_a_tuple():
    return "Trouser", "Coat", "Sandal"


def guess_in_reverse():
    return ["Sandal", "Coat", "Trouser"][::-1]


def guess_by_errors():
    errors = {"Sandal": 3, "Trouser": 1, "Coat": 2}
    return sorted(errors, key=errors.get)


def guess_from_the_worst():
    return ["Sandal", "Coat", "Trouser"]


def guess_of_the_trousers():
    return ["Trouser", "Trouser", "Sandal"]


def guess_in_numbers():
    return [2, 0, 1]


RIGHT = {
    "00.level": [level_by_sum, level_by_least_squares, level_in_numpy],
    "00.guess": [guess_as_a_tuple, guess_in_reverse, guess_by_errors],
    "00.line": [
        in_numpy,
        as_a_list,
        in_place,
        in_double_precision,
        with_a_gradient,
        by_keyword,
        as_a_polynomial,
        decorated,
    ],
}
WRONG = {
    "00.line": [rounded, never_falling, never_negative, first_example_by_heart, as_text, as_a_column],
    "00.level": [level_of_the_ends, level_by_root, level_of_every_point],
    "00.guess": [guess_from_the_worst, guess_of_the_trousers, guess_in_numbers],
}
