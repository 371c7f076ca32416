"""Information about factors, and the gap between the two best numbers, for codes whose score is known."""

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score

from sslcourse.data import shapes
from sslcourse.evaluate import factor_information, mutual_information_gap


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def factors(n=20_000):
    """A continuous factor, one of five values, and one of two that are not equally frequent."""
    u = torch.rand(n, 3, generator=seeded())
    return torch.stack([u[:, 0], (5 * u[:, 1]).floor(), (u[:, 2] < 0.8).float()], dim=1)


def rotated(columns, degrees):
    a = math.radians(degrees)
    return columns @ torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])


def test_the_information_of_whole_numbers_is_that_of_scikit_learn():
    a = torch.multinomial(torch.tensor([0.5, 0.3, 0.2]), 500, replacement=True, generator=seeded())
    b = (a + torch.randint(2, (500,), generator=seeded(1))) % 4
    ours = factor_information(a.reshape(-1, 1), b.reshape(-1, 1)).item()
    entropy = mutual_info_score(b, b)
    assert ours == pytest.approx(mutual_info_score(a, b) / entropy)


def test_the_information_of_correlated_normals_is_the_closed_form():
    x, noise = torch.randn(2, 200_000, generator=seeded())
    y = 0.8 * x + 0.6 * noise
    told = [
        factor_information(x.reshape(-1, 1), y.reshape(-1, 1), bins).item() * math.log(bins)
        for bins in (5, 20, 60)
    ]
    truth = -math.log(1 - 0.8**2) / 2
    assert told == sorted(told) and told[-1] < truth + 0.005  # bins lose information, more bins less
    assert told[-1] == pytest.approx(truth, abs=0.015)


def test_a_copy_tells_everything_and_an_unrelated_column_next_to_nothing():
    v = factors()
    codes = torch.stack([v[:, 1], torch.rand(len(v), generator=seeded(5))], dim=1)
    told = factor_information(codes, v[:, 1:2])[0]
    assert told[0].item() == pytest.approx(1)
    assert told[1] < 0.01


def test_the_factors_themselves_score_one():
    assert mutual_information_gap(factors(), factors()).min() > 0.98
    s = shapes(20_000, pixels=8)
    assert mutual_information_gap(s.factors, s.factors).min() > 0.98


def test_stretched_permuted_and_mirrored_factors_score_one():
    v = factors()
    codes = torch.stack([-5 * v[:, 2] + 1, v[:, 0].exp(), -(v[:, 1] ** 3)], dim=1)
    assert mutual_information_gap(codes, v).min() > 0.98


def test_information_does_not_change_when_a_code_is_stretched():
    codes = torch.randn(5000, 2, generator=seeded())
    v = (codes[:, :1] + torch.randn(5000, 1, generator=seeded(1))) > 0
    assert torch.allclose(factor_information(codes, v), factor_information(codes.exp() * 3, v), atol=1e-3)


def test_independent_noise_scores_zero():
    noise = torch.randn(20_000, 6, generator=seeded(1))
    assert mutual_information_gap(noise, factors()).max() < 0.01


def test_two_copies_of_every_factor_score_zero():
    v = factors()
    assert mutual_information_gap(torch.cat([v, v], 1), v).abs().max() < 1e-9


def test_a_rotation_of_two_normal_factors_by_45_degrees_scores_zero_and_less_rotation_more():
    v = torch.randn(20_000, 2, generator=seeded())
    scores = [mutual_information_gap(rotated(v, degrees), v).mean().item() for degrees in (0, 5, 20, 45)]
    assert scores[0] > 0.98 and scores[3] < 0.01
    assert scores == sorted(scores, reverse=True)


def test_a_random_rotation_of_many_factors_scores_near_zero():
    v = torch.rand(20_000, 6, generator=seeded())
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=seeded(1))).Q
    assert mutual_information_gap(v @ rotation, v).mean() < 0.15


def test_a_constant_number_of_a_code_tells_nothing():
    v = factors()
    codes = torch.cat([v, torch.full((len(v), 1), 3.0)], dim=1)
    told = factor_information(codes, v)
    assert (told[:, 3] == 0).all()
    assert mutual_information_gap(codes, v).min() > 0.98


def test_a_number_that_tells_half_of_a_factor_scores_a_half():
    v = torch.randint(4, (20_000, 1), generator=seeded())
    codes = torch.cat([v // 2, torch.rand(20_000, 1, generator=seeded(1))], dim=1)  # one bit of two
    assert mutual_information_gap(codes, v).item() == pytest.approx(0.5, abs=0.01)


def test_a_rare_low_value_of_a_factor_is_kept():
    v = (torch.arange(1000) >= 20).float().reshape(-1, 1)  # 0 in 2 % of the rows, 1 in the others
    assert factor_information(v, v).item() == pytest.approx(1)
    assert factor_information(-v, v).item() == pytest.approx(1)


def test_a_factor_without_differences_is_refused():
    with pytest.raises(ValueError, match="same value everywhere"):
        factor_information(torch.rand(10, 2), torch.ones(10, 1))


def test_a_code_of_one_number_has_no_gap():
    with pytest.raises(ValueError, match="2 columns or more"):
        mutual_information_gap(torch.rand(10, 1), torch.rand(10, 1))
