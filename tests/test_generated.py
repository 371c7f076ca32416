"""Measures of generated pictures, KL by dimension, and how both are shown, against loops and closed forms."""

import asyncio
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from sslcourse.evaluate import kl_per_dimension, precision_and_recall
from sslcourse.losses import kl_to_standard_normal
from sslcourse.plots import image_rows, subplots
from sslcourse.training import Progress
from sslcourse.widgets import watch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# KL by dimension


def test_kl_per_dimension_is_that_of_torch_distributions_averaged_over_images():
    mean, log_var = torch.randn(2, 50, 4, generator=seeded())
    theirs = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0)).mean(0)
    assert torch.allclose(kl_per_dimension(mean, log_var), theirs, atol=1e-6)


def test_kl_per_dimension_adds_up_to_the_kl():
    mean, log_var = torch.randn(2, 50, 4, generator=seeded())
    total = kl_to_standard_normal(mean, log_var).mean()
    assert kl_per_dimension(mean, log_var).sum().item() == pytest.approx(total.item(), rel=1e-6)


def test_a_number_that_is_not_used_has_no_kl():
    mean, log_var = torch.zeros(5, 3), torch.zeros(5, 3)
    mean[:, 1] = 2.0
    assert kl_per_dimension(mean, log_var).tolist() == [0, 2, 0]


# Precision and recall


def by_loops(real, generated, k):
    """Kynkäänniemi et al., Eq. 1 and 2, point by point."""

    def share(points, members):
        found = 0
        for point in points:
            for i, member in enumerate(members):
                others = sorted(math.dist(member, other) for j, other in enumerate(members) if j != i)
                if math.dist(point, member) <= others[k - 1]:
                    found += 1
                    break
        return found / len(points)

    return share(generated, real), share(real, generated)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_precision_and_recall_are_those_of_the_loops(neighbours):
    real = torch.randn(40, 2, generator=seeded(), dtype=torch.float64)
    generated = 0.7 * torch.randn(30, 2, generator=seeded(1), dtype=torch.float64) + 0.5
    ours = precision_and_recall(real, generated, neighbours)
    assert ours == pytest.approx(by_loops(real.tolist(), generated.tolist(), neighbours))
    assert 0 < ours[1] < 1


def test_the_same_set_has_full_precision_and_recall():
    points = torch.randn(50, 3, generator=seeded())
    assert precision_and_recall(points, points.clone()) == (1, 1)


def test_pictures_far_away_have_neither():
    points = torch.randn(50, 3, generator=seeded())
    assert precision_and_recall(points, points + 100) == (0, 0)


def test_who_generates_one_of_two_kinds_has_precision_one_and_recall_a_half():
    kinds = torch.randn(2, 100, 2, generator=seeded()) + torch.tensor([0.0, 50.0]).reshape(2, 1, 1)
    assert precision_and_recall(kinds.reshape(-1, 2), kinds[0]) == (1, 0.5)


def test_exchanging_real_and_generated_exchanges_precision_and_recall():
    real, generated = torch.randn(40, 3, generator=seeded()), torch.rand(40, 3, generator=seeded(1))
    assert precision_and_recall(real, generated) == precision_and_recall(generated, real)[::-1]


@pytest.mark.parametrize("neighbours", [0, 10])
def test_more_neighbours_than_there_are_is_refused(neighbours):
    with pytest.raises(ValueError, match="between 1 and 9"):
        precision_and_recall(torch.rand(10, 2), torch.rand(10, 2), neighbours)


# How they are shown


def test_colours_of_an_image_reach_the_picture_beside_a_gray_row():
    colours = torch.tensor([[1.0, 0.0, 0.2], [0.0, 1.0, 0.0]]).reshape(2, 3, 1, 1)
    picture = image_rows({"": colours, "gray": torch.full((1, 1, 1, 1), 0.4)}, scale=1)
    pixels = np.asarray(picture)[:, -6:]
    assert pixels[1, [1, 4]].tolist() == [[255, 0, 51], [0, 255, 0]]
    assert pixels[4, 1].tolist() == [102, 102, 102]


def test_a_training_shows_the_picture_that_it_was_given():
    drawn = []

    def picture():
        drawn.append(1)
        return subplots()[0]

    async def cell():
        training = iter([Progress(1, 2, 1.0, None), Progress(2, 2, 0.5, None)])
        return await watch(training, "fit", picture=picture)

    assert asyncio.run(cell()).loss == [1.0, 0.5]
    assert drawn
