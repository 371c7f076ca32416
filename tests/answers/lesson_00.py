"""Answers to the exercise of lesson 00, in styles and with mistakes that the exercise does not list."""

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


RIGHT = {
    "00.line": [
        in_numpy,
        as_a_list,
        in_place,
        in_double_precision,
        with_a_gradient,
        by_keyword,
        as_a_polynomial,
        decorated,
    ]
}
WRONG = {"00.line": [rounded, never_falling, never_negative, first_example_by_heart, as_text, as_a_column]}
