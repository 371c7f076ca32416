"""Entropy, KL, perplexity, mutual information and its bound, each against something independent."""

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch.distributions import Categorical
from torch.distributions import kl_divergence as torch_kl
from torch.nn import functional as F

from sslcourse.evaluate import gaussian_mutual_information, mutual_information, perplexity
from sslcourse.losses import cross_entropy, entropy, info_nce_bound, kl_divergence
from sslcourse.methods import Bigram, ContrastiveCritic
from sslcourse.training import finish, train


def distributions(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(-1)


def gaussian_pairs(n, rho, seed):
    x, noise = torch.randn(2, n, 1, generator=torch.Generator().manual_seed(seed))
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def best_scores(x, y, rho):
    """log p(y | x) - log p(y) from torch.distributions, for every x with every y."""
    given_x = torch.distributions.Normal(rho * x, math.sqrt(1 - rho**2))
    return given_x.log_prob(y.mT) - torch.distributions.Normal(0, 1).log_prob(y.mT)


# ---- entropy and its relatives


def test_entropy_is_that_of_torch_distributions():
    p = distributions(4, 3, 5)
    assert torch.allclose(entropy(p), Categorical(probs=p).entropy())


def test_entropy_of_a_certain_outcome_is_zero_and_of_the_uniform_one_log_k():
    assert entropy(torch.tensor([0.0, 1.0, 0.0])) == 0
    assert entropy(torch.full((7,), 1 / 7)).item() == pytest.approx(math.log(7))


def test_cross_entropy_is_its_sum_in_loops():
    p, q = distributions(3, 4), distributions(3, 4, seed=1)
    expected = [
        -sum(a * math.log(b) for a, b in zip(*rows, strict=True))
        for rows in zip(p.tolist(), q.tolist(), strict=True)
    ]
    assert cross_entropy(p, q).tolist() == pytest.approx(expected)


def test_cross_entropy_of_right_answers_is_torchs_of_the_logits():
    logits, right = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    ours = cross_entropy(F.one_hot(right, 4).float(), logits.softmax(1)).mean()
    assert ours.item() == pytest.approx(F.cross_entropy(logits, right).item(), rel=1e-6)


def test_kl_is_that_of_torch_distributions_and_never_negative():
    p, q = distributions(50, 6), distributions(50, 6, seed=1)
    assert torch.allclose(kl_divergence(p, q), torch_kl(Categorical(probs=p), Categorical(probs=q)))
    assert (kl_divergence(p, q) > 0).all()
    assert kl_divergence(p, p).abs().max() < 1e-12


def test_what_q_rules_out_costs_infinitely_much_only_if_p_allows_it():
    certain, fair = torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5])
    assert kl_divergence(fair, certain) == math.inf
    assert kl_divergence(certain, fair).item() == pytest.approx(math.log(2))


def test_the_gradient_of_the_cross_entropy_in_the_logits_is_q_minus_p():
    p = distributions(5)
    logits = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    cross_entropy(p, logits.softmax(0)).backward()
    assert torch.allclose(logits.grad, torch.full((5,), 0.2, dtype=torch.float64) - p)


def test_perplexity_is_the_inverse_geometric_mean():
    given = torch.tensor([0.5, 0.25, 0.1])
    assert perplexity(given).item() == pytest.approx((0.5 * 0.25 * 0.1) ** (-1 / 3))
    assert perplexity(torch.full((9,), 1 / 43)).item() == pytest.approx(43, rel=1e-5)


def test_softmax_taken_twice_keeps_the_loss_above_its_floor():
    perfect = (50 * F.one_hot(torch.arange(10), 10).float()).softmax(1)
    assert F.cross_entropy(perfect, torch.arange(10)).item() == pytest.approx(math.log(1 + 9 / math.e))


# ---- mutual information


def test_mutual_information_of_counts_is_that_of_scikit_learn():
    counts = torch.tensor([[10, 3, 2], [1, 8, 9]])
    expected = mutual_info_score(None, None, contingency=counts.numpy())
    assert mutual_information(counts.double() / counts.sum()).item() == pytest.approx(expected)


def test_mutual_information_is_the_entropy_that_the_other_takes_away():
    joint = distributions(12).reshape(3, 4)
    x, y = joint.sum(1), joint.sum(0)
    remaining = sum(x[i] * entropy(joint[i] / x[i]) for i in range(3))
    assert mutual_information(joint).item() == pytest.approx((entropy(y) - remaining).item())
    assert mutual_information(joint.T).item() == pytest.approx(mutual_information(joint).item())


def test_mutual_information_of_independent_numbers_is_zero_and_of_equal_ones_their_entropy():
    p = distributions(4)
    assert mutual_information(torch.outer(p, p)).item() == pytest.approx(0, abs=1e-12)
    assert mutual_information(torch.diag(p)).item() == pytest.approx(entropy(p).item())


def test_a_batch_of_tables_gives_one_information_each():
    joint = distributions(2, 12).reshape(2, 3, 4)
    both = mutual_information(joint)
    assert both.tolist() == pytest.approx([mutual_information(table).item() for table in joint])


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.5, 0.99])
def test_gaussian_mutual_information_is_the_mean_log_density_ratio(rho):
    x, y = gaussian_pairs(400_000, rho, seed=0)
    ratio = best_scores(x.reshape(-1, 1, 1), y.reshape(-1, 1, 1), rho)  # each x with its own y
    error = ratio.std().item() / math.sqrt(len(x))
    assert gaussian_mutual_information(torch.tensor(rho)).item() == pytest.approx(
        ratio.mean().item(), abs=4 * error + 1e-6
    )


# ---- InfoNCE


def info_nce_by_loops(scores):
    """CPC's Eq. 4 and 5, term by term."""
    n = len(scores)
    loss = 0.0
    for i in range(n):
        partner = math.exp(scores[i][i])
        loss -= math.log(partner / sum(math.exp(scores[i][j]) for j in range(n))) / n
    return math.log(n) - loss


def test_info_nce_is_its_equation_in_loops():
    scores = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert info_nce_bound(scores).item() == pytest.approx(info_nce_by_loops(scores.tolist()))


def test_info_nce_of_equal_scores_is_zero_and_of_perfect_ones_log_n():
    assert info_nce_bound(torch.ones(6, 6)).item() == pytest.approx(0, abs=1e-6)
    assert info_nce_bound(100 * torch.eye(6)).item() == pytest.approx(math.log(6))


def test_no_scores_whatever_pass_log_n():
    scores = 20 * torch.randn(500, 4, 4, generator=torch.Generator().manual_seed(0)) + 30 * torch.eye(4)
    assert info_nce_bound(scores).max() <= math.log(4) + 1e-6


def test_what_a_row_has_in_common_does_not_matter():
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(info_nce_bound(scores), info_nce_bound(scores + 7 * torch.arange(4).reshape(4, 1)))


def test_info_nce_of_batches_is_one_bound_each():
    scores = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(info_nce_bound(scores), torch.stack([info_nce_bound(batch) for batch in scores]))


@pytest.mark.parametrize(("rho", "n"), [(0.5, 8), (0.9, 4), (0.9, 32), (0.99, 4)])
def test_the_mean_bound_with_the_best_critic_is_below_the_information_and_above_a_worse_critics(rho, n):
    x, y = (side.reshape(-1, n, 1) for side in gaussian_pairs(64_000, rho, seed=1))
    best = info_nce_bound(best_scores(x, y, rho))
    error = best.std() / math.sqrt(len(best))
    assert best.mean() < gaussian_mutual_information(torch.tensor(rho)) + 2 * error
    assert best.mean() < math.log(n)
    for worse in (best_scores(x, y, rho / 2), 2 * best_scores(x, y, rho)):
        assert info_nce_bound(worse).mean() < best.mean()


def test_for_two_candidates_the_mean_bound_is_its_integral():
    # with N = 2 the loss is softplus(s_12 - s_11): two independent pairs, four normal numbers, on a grid
    rho, grid = 0.9, torch.linspace(-5, 5, 61, dtype=torch.float64)
    weight = (-(grid**2) / 2).exp() / (-(grid**2) / 2).exp().sum()
    x, e, stranger = grid.reshape(-1, 1, 1), grid.reshape(1, -1, 1), grid.reshape(1, 1, -1)
    y = rho * x + math.sqrt(1 - rho**2) * e

    def score(y):
        return (rho * x * y - rho**2 * (x**2 + y**2) / 2) / (1 - rho**2)

    mass = weight.reshape(-1, 1, 1) * weight.reshape(1, -1, 1) * weight.reshape(1, 1, -1)
    exact = math.log(2) - (mass * F.softplus(score(stranger) - score(y))).sum().item()
    drawn = info_nce_bound(best_scores(*(s.reshape(-1, 2, 1) for s in gaussian_pairs(200_000, rho, 0)), rho))
    assert drawn.mean().item() == pytest.approx(exact, abs=4 * drawn.std().item() / math.sqrt(len(drawn)))


def test_a_learned_critic_comes_near_the_best_one_and_not_above_it():
    torch.manual_seed(0)
    critic = ContrastiveCritic()
    batches = [gaussian_pairs(64, 0.9, seed) for seed in range(400)]
    finish(train(critic.loss, batches, torch.optim.Adam(critic.parameters(), lr=5e-3), epochs=2))
    x, y = (side.reshape(-1, 64, 1) for side in gaussian_pairs(64_000, 0.9, seed=1000))
    with torch.no_grad():
        gap = (info_nce_bound(best_scores(x, y, 0.9)) - info_nce_bound(critic(x, y))).mean()
    assert 0 < gap < 0.03


# ---- the bigram


def test_a_bigram_table_is_the_smoothed_share_of_each_pair():
    previous, following = torch.tensor([0, 0, 0, 1]), torch.tensor([1, 1, 2, 0])
    table = Bigram(3).fit(previous, following).probability
    expected = [[1 / 6, 3 / 6, 2 / 6], [2 / 4, 1 / 4, 1 / 4], [1 / 3, 1 / 3, 1 / 3]]
    assert torch.allclose(table, torch.tensor(expected))


def test_a_bigram_answers_with_the_rows_of_its_table():
    bigram = Bigram(3, smoothing=0.5).fit(torch.tensor([0, 1]), torch.tensor([1, 2]))
    assert torch.equal(bigram(torch.tensor([2, 0])), bigram.probability[[2, 0]])


def test_no_other_table_fits_the_counted_text_better_than_the_counts():
    words = torch.randint(4, (500,), generator=torch.Generator().manual_seed(0))
    table = Bigram(4, smoothing=1e-9).fit(words[:-1], words[1:]).probability
    least = perplexity(table[words[:-1], words[1:]])
    for seed in range(5):
        other = (table + 0.3 * distributions(4, 4, seed=seed)) / 1.3
        assert perplexity(other[words[:-1], words[1:]]) > least


@pytest.mark.parametrize("smoothing", [0, -1.0])
def test_a_bigram_without_smoothing_is_refused(smoothing):
    with pytest.raises(ValueError, match="smoothing must be positive"):
        Bigram(3, smoothing=smoothing)
