"""Sinkhorn's codes against loops and lightly, and what ruins them (T17); SwAV as the paper has it."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from sslcourse.losses import sinkhorn, swapped_prediction_loss
from sslcourse.methods import SwAV
from sslcourse.torchvision_compat import import_torchvision
from sslcourse.training import finish, train_adamw


def cosines(n=8, k=5, seed=0):
    """Cosines of random unit vectors with random prototypes."""
    generator = torch.Generator().manual_seed(seed)
    z, prototypes = (torch.randn(m, 4, generator=generator) for m in (n, k))
    return nn.functional.normalize(z, dim=1) @ nn.functional.normalize(prototypes, dim=1).T


def sinkhorn_by_loops(scores, epsilon, iterations):
    """Algorithm of SwAV's Appendix A, number by number."""
    n, k = scores.shape
    q = [[math.exp(s / epsilon) for s in row] for row in scores.tolist()]
    for _ in range(iterations):
        for j in range(k):
            column = sum(q[i][j] for i in range(n))
            for i in range(n):
                q[i][j] *= n / k / column
        for i in range(n):
            row = sum(q[i])
            q[i] = [value / row for value in q[i]]
    return torch.tensor(q)


@pytest.fixture(scope="module")
def theirs():
    import_torchvision()  # lightly imports it, beside any build of torch
    from lightly.loss import swav_loss

    return swav_loss


# Codes


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_codes_are_those_of_loops(epsilon, iterations):
    codes = sinkhorn(cosines(), epsilon, iterations)
    assert torch.allclose(codes, sinkhorn_by_loops(cosines(), epsilon, iterations), atol=1e-5)


@pytest.mark.parametrize("iterations", [1, 3, 10])
def test_codes_are_those_of_lightly(iterations, theirs):
    scores = cosines(64, 30)
    expected = theirs.sinkhorn(scores, iterations=iterations, epsilon=0.05)
    assert torch.allclose(sinkhorn(scores, 0.05, iterations), expected, atol=1e-5)


@pytest.mark.parametrize("epsilon", [0.02, 0.05, 1.0])
def test_rows_sum_to_one_and_columns_nearly_to_n_over_k(epsilon):
    scores, gaps = cosines(256, 30), []
    for iterations in (1, 3, 10, 1000):
        codes = sinkhorn(scores, epsilon, iterations)
        assert (codes.sum(1) - 1).abs().max() < 1e-5
        gaps.append((codes.sum(0) / (256 / 30) - 1).abs().mean())
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(gaps))
    assert gaps[1] < 0.4 and gaps[3] < 0.01


def test_codes_are_the_scaled_exponentials_that_the_paper_says():
    scores = cosines().double()
    codes = sinkhorn(scores, 0.2, 500).double()
    ratios = codes.log() - scores / 0.2  # log u_i + log v_j: every mixed difference is 0
    mixed = ratios[1:, 1:] - ratios[:1, 1:] - ratios[1:, :1] + ratios[:1, :1]
    assert mixed.abs().max() < 1e-4


def test_codes_are_the_best_balanced_assignment_when_epsilon_is_small():
    scores = cosines(6, 3, seed=4)
    codes = sinkhorn(scores, 0.01, 2000)
    best = max(
        (sum(scores[i, j].item() for i, j in enumerate(labels)) for labels in balanced([], 6, 3)),
    )
    assert (codes * scores).sum().item() == pytest.approx(best, abs=0.02)


def balanced(chosen, n, k):
    """All ways of giving n images to k prototypes in equal parts."""
    if len(chosen) == n:
        yield chosen
        return
    for j in range(k):
        if chosen.count(j) < n // k:
            yield from balanced([*chosen, j], n, k)


def test_a_large_epsilon_makes_codes_uniform():
    assert torch.allclose(sinkhorn(cosines(), 1000.0), torch.full((8, 5), 0.2), atol=1e-3)


@pytest.mark.parametrize("epsilon", [0.001, 0.005, 0.0113])
def test_a_small_epsilon_does_not_overflow(epsilon, theirs):
    codes = sinkhorn(torch.cat([torch.ones(4, 1), cosines(4, 4)], dim=1), epsilon)
    assert codes.isfinite().all()
    assert torch.allclose(codes.sum(1), torch.ones(4))
    plain = theirs.sinkhorn(torch.ones(4, 5), epsilon=0.01)
    assert plain.isnan().any()  # exp(100) is inf in float32


def test_collapsed_features_still_spread_over_the_prototypes():
    same = cosines(1, 30).repeat(256, 1) + 1e-3 * cosines(256, 30, seed=1)
    assert len(same.argmax(1).unique()) == 1
    assert len(sinkhorn(same, 0.05, 3).argmax(1).unique()) > 20


def test_codes_carry_no_gradient():
    assert not sinkhorn(cosines().requires_grad_()).requires_grad


def test_double_precision_stays():
    codes = sinkhorn(cosines().double(), iterations=500)
    assert codes.dtype == torch.float64
    assert (codes.sum(0) - 8 / 5).abs().max() < 1e-10
    assert sinkhorn(cosines().half()).dtype == torch.float32


def test_sinkhorn_refuses_what_it_cannot_balance():
    with pytest.raises(ValueError, match=r"scores must be \(N, K\).*got \(3,\) and 3"):
        sinkhorn(torch.zeros(3))
    with pytest.raises(ValueError, match=r"iterations at least 1, got .* and 0"):
        sinkhorn(cosines(), iterations=0)
    with pytest.raises(ValueError, match="epsilon must be positive, got 0"):
        sinkhorn(cosines(), epsilon=0)


# The loss


def swapped_by_loops(scores_a, scores_b, codes_a, codes_b, temperature):
    total = 0.0
    for s_a, s_b, q_a, q_b in zip(*(t.tolist() for t in (scores_a, scores_b, codes_a, codes_b)), strict=True):
        for code, scores in ((q_a, s_b), (q_b, s_a)):
            below = sum(math.exp(s / temperature) for s in scores)
            total -= sum(
                q * math.log(math.exp(s / temperature) / below) for q, s in zip(code, scores, strict=True)
            )
    return total / (2 * len(scores_a))


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_loss_is_its_equation_in_loops(temperature):
    a, b = cosines(), cosines(seed=1)
    given = a, b, sinkhorn(a), sinkhorn(b), temperature
    assert swapped_prediction_loss(*given).item() == pytest.approx(swapped_by_loops(*given), rel=1e-5)


def test_the_loss_and_its_gradient_are_those_of_lightly(theirs):
    ours, other = ([cosines(64, 30, seed).requires_grad_() for seed in (0, 1)] for _ in range(2))
    loss = swapped_prediction_loss(*ours, *map(sinkhorn, ours), 0.1)
    expected = theirs.SwaVLoss()(other, [])
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert all(torch.allclose(a.grad, b.grad, atol=1e-6) for a, b in zip(ours, other, strict=True))


def test_uniform_predictions_cost_the_logarithm_of_k():
    codes = sinkhorn(cosines())
    loss = swapped_prediction_loss(torch.zeros(8, 5), torch.zeros(8, 5), codes, codes, 0.1)
    assert loss.item() == pytest.approx(math.log(5), rel=1e-5)


def test_the_codes_of_a_view_are_predicted_from_the_other_view():
    a, codes = cosines(), torch.eye(5)[torch.arange(8) % 5]
    right = 10 * codes  # scores that predict the codes
    assert swapped_prediction_loss(right, a, a.softmax(1), codes, 0.1) < swapped_prediction_loss(
        right, a, codes, a.softmax(1), 0.1
    )


def test_the_loss_refuses_codes_of_another_shape():
    with pytest.raises(ValueError, match=r"scores_a \(8, 5\) and codes_b \(8, 4\)"):
        swapped_prediction_loss(cosines(), cosines(), cosines(), cosines(8, 4), 0.1)


# The method


def linear_swav(**settings):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
    settings = {"prototypes": 5, "projections": 6} | settings
    return SwAV(network, nn.Identity(), augment=lambda images: images, **settings)


@pytest.fixture
def pictures():
    return torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_scores_are_cosines_with_prototypes_of_length_one(pictures):
    model = linear_swav()
    with torch.no_grad():
        model.prototypes.mul_(3)
    model.loss(pictures)
    assert torch.allclose(model.prototypes.norm(dim=1), torch.ones(5))
    assert model(pictures).abs().max() <= 1 + 1e-6


@pytest.mark.parametrize("frozen_steps", [0, 30])
@torch.no_grad()
def test_scores_are_cosines_after_the_optimizer_has_changed_the_prototypes(pictures, frozen_steps):
    model = linear_swav(frozen_steps=frozen_steps)
    model.prototypes.mul_(torch.linspace(0.9, 1.3, 5).unsqueeze(1))
    z = model.encoder(pictures)
    expected = nn.functional.cosine_similarity(z.unsqueeze(1), model.prototypes, dim=2)
    torch.testing.assert_close(model(pictures), expected)


def test_prototypes_rest_at_first_and_learn_then(pictures):
    model = linear_swav(frozen_steps=2)
    moved = []
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(4):
        before = model.prototypes.detach().clone()
        optimizer.zero_grad()
        model.loss(pictures).backward()
        optimizer.step()
        moved.append(not torch.equal(before, model.prototypes))
    assert moved == [False, False, True, True]


def test_only_the_predictions_carry_a_gradient(pictures):
    model = linear_swav(frozen_steps=0)
    codes = []

    def assign(scores):
        codes.append(scores)
        return sinkhorn(scores)

    model.assign = assign
    model.loss(pictures).backward()
    assert not any(scores.requires_grad for scores in codes)
    assert all(p.grad is not None for p in model.parameters())


def test_without_equal_parts_all_images_get_one_prototype():
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(256, 1, 4, 4, generator=generator)

    def train_with(**settings):
        model = linear_swav(frozen_steps=0, **settings)
        model.augment = lambda x: x + 0.05 * torch.randn(x.shape, generator=generator)
        history = finish(train_adamw(model.loss, model.parameters(), [pictures], 200, lr=0.02))
        return history.loss[-1], len(model(pictures).argmax(1).unique())

    loss, used = train_with()
    assert loss > 0.1 and used == 5
    loss, used = train_with(assign=lambda scores: (scores / 0.05).softmax(1))
    assert loss < 0.01 and used == 1
