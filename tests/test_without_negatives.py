"""SimSiam, BYOL and VICReg: losses against loops, closed forms and lightly; who gets a gradient (T7, T9)."""

import math

import pytest
import torch
from sweep import SEEDS
from torch import nn
from torch.nn import functional as F
from without_negatives import METHODS, SWEEPS, point, predicting_alone

from sslcourse.data import sweep
from sslcourse.evaluate import effective_rank, projection_std
from sslcourse.losses import alignment, negative_cosine_loss, vicreg_loss
from sslcourse.losses.joint_embedding import covariance_term, variance_term
from sslcourse.methods import BYOL, SimSiam, VICReg
from sslcourse.momentum import momentum_schedule
from sslcourse.torchvision_compat import import_torchvision


def vectors(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def lightly_losses():
    import_torchvision()  # lightly imports it, beside any build of torch
    from lightly.loss import NegativeCosineSimilarity, VICRegLoss

    return NegativeCosineSimilarity, VICRegLoss


# The cosine


def negative_cosine_by_loops(prediction, target):
    """Eq. 1 of the SimSiam paper, number by number."""
    total = 0.0
    for p, z in zip(prediction.tolist(), target.tolist(), strict=True):
        dot = sum(a * b for a, b in zip(p, z, strict=True))
        total -= dot / math.sqrt(sum(a * a for a in p) * sum(b * b for b in z))
    return total / len(prediction)


def test_the_negative_cosine_is_its_equation_in_loops():
    p, z = vectors(5, 3), vectors(5, 3, seed=1)
    assert negative_cosine_loss(p, z).item() == pytest.approx(negative_cosine_by_loops(p, z), abs=1e-10)


def test_the_negative_cosine_and_its_gradient_are_those_of_lightly(lightly_losses):
    ours, theirs = [vectors(6, 4).requires_grad_() for _ in range(2)]
    z = vectors(6, 4, seed=1)
    loss, other = negative_cosine_loss(ours, z), lightly_losses[0]()(theirs, z)
    loss.backward(), other.backward()
    assert loss.item() == pytest.approx(other.item(), abs=1e-12)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-12)


@pytest.mark.parametrize(("sign", "loss"), [(1, -1), (-1, 1)])
def test_equal_directions_give_minus_one_and_opposite_ones_one(sign, loss):
    z = vectors(4, 3)
    assert negative_cosine_loss(sign * 5 * z, z).item() == pytest.approx(loss)


def test_byols_loss_is_the_alignment_of_lesson_09_and_twice_one_plus_this_one():
    p, z = vectors(5, 3), vectors(5, 3, seed=1)
    assert (2 + 2 * negative_cosine_loss(p, z)).item() == pytest.approx(alignment(p, z).item())


@pytest.mark.parametrize(("angle", "length"), [(0.3, 1.0), (2.0, 0.5), (1.5, 4.0)])
def test_the_gradient_stands_at_right_angles_to_the_prediction_and_has_length_sine_over_length(angle, length):
    p = (length * torch.tensor([[math.cos(angle), math.sin(angle)]])).requires_grad_()
    negative_cosine_loss(p, torch.tensor([[2.0, 0.0]])).backward()
    assert p.grad.norm().item() == pytest.approx(math.sin(angle) / length, rel=1e-5)
    assert (p.grad * p).sum().item() == pytest.approx(0, abs=1e-6)


def test_shapes_that_would_broadcast_are_refused():
    for loss in (negative_cosine_loss, vicreg_loss):
        with pytest.raises(ValueError, match=r"\(3, 2\) and .* \(1, 2\) must have the same shape"):
            loss(torch.ones(3, 2), torch.ones(1, 2))


# VICReg


def vicreg_by_loops(z_a, z_b, invariance=25.0, variance=25.0, covariance=1.0):
    """Eq. 1, 3, 4, 5 and 6 of the VICReg paper, with the half of the authors' code."""
    n, d = z_a.shape
    squares = [(a - b) ** 2 for a, b in zip(z_a.flatten(), z_b.flatten(), strict=True)]
    total = invariance * sum(squares) / (n * d)
    for z in (z_a, z_b):
        mean = [sum(z[i, j] for i in range(n)) / n for j in range(d)]
        matrix = [
            [sum((z[i, j] - mean[j]) * (z[i, k] - mean[k]) for i in range(n)) / (n - 1) for k in range(d)]
            for j in range(d)
        ]
        total += variance / 2 * sum(max(0, 1 - math.sqrt(matrix[j][j] + 1e-4)) for j in range(d)) / d
        total += covariance * sum(matrix[j][k] ** 2 for j in range(d) for k in range(d) if j != k) / d
    return float(total)


@pytest.mark.parametrize("weights", [{}, {"invariance": 2.0, "variance": 3.0, "covariance": 5.0}])
def test_vicreg_is_its_equations_in_loops(weights):
    z_a, z_b = 0.7 * vectors(6, 3), 0.7 * vectors(6, 3, seed=1)
    assert vicreg_loss(z_a, z_b, **weights).item() == pytest.approx(vicreg_by_loops(z_a, z_b, **weights))


def test_vicreg_and_its_gradient_are_those_of_lightly(lightly_losses):
    ours, theirs = ([(0.8 * vectors(9, 5, seed=s)).requires_grad_() for s in (0, 1)] for _ in range(2))
    loss, other = vicreg_loss(*ours), lightly_losses[1]()(*theirs)
    loss.backward(), other.backward()
    assert loss.item() == pytest.approx(other.item())
    assert all(torch.allclose(a.grad, b.grad, atol=1e-10) for a, b in zip(ours, theirs, strict=True))


def test_collapsed_projections_cost_the_whole_variance_term_and_nothing_else():
    same = torch.ones(8, 4, dtype=torch.float64)
    assert vicreg_loss(same, same).item() == pytest.approx(25 * (1 - math.sqrt(1e-4)))
    assert covariance_term(same) == 0


def test_whitened_projections_that_agree_cost_nothing():
    z = vectors(50, 4)
    z = z - z.mean(0)
    white = z @ torch.linalg.inv(torch.linalg.cholesky(z.T.cov())).T
    assert vicreg_loss(white, white).item() == pytest.approx(0, abs=1e-10)


def test_copied_dimensions_pass_the_variance_term_and_fail_the_covariance_term():
    one = vectors(400, 1)
    copied = (one / one.std()).expand(-1, 5)
    assert variance_term(copied) == 0
    assert covariance_term(copied).item() == pytest.approx(4)  # D - 1


def test_the_variance_term_stops_pushing_at_a_standard_deviation_of_one():
    z = (3 * vectors(20, 4)).requires_grad_()
    variance_term(z).backward()
    assert (z.grad == 0).all()


def test_the_variance_term_has_a_finite_gradient_where_all_is_equal():
    z = torch.ones(5, 3, requires_grad=True)
    variance_term(z).backward()
    assert z.grad.isfinite().all()


def test_vicreg_refuses_a_single_image():
    with pytest.raises(ValueError, match="two images or more, got 1"):
        vicreg_loss(torch.ones(1, 3), torch.ones(1, 3))


def test_gradients_of_vicreg_are_those_of_finite_differences():
    given = [(0.5 * vectors(4, 3, seed=s)).requires_grad_() for s in (0, 1)]
    assert torch.autograd.gradcheck(vicreg_loss, given)


# The measures of collapse


@pytest.mark.parametrize("d", [2, 16, 64])
def test_random_unit_vectors_have_a_projection_std_of_one_in_any_dimension(d):
    assert projection_std(vectors(20_000, d).float()) == pytest.approx(1, abs=0.01)


def test_equal_projections_have_std_zero_and_rank_one_whatever_their_lengths():
    same = torch.arange(1.0, 9).reshape(-1, 1) * torch.tensor([[1.0, -2.0, 3.0]])
    assert projection_std(same) == pytest.approx(0, abs=1e-6)
    assert effective_rank(same) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_k_orthogonal_directions_used_alike_have_rank_k(k):
    assert effective_rank(torch.eye(5)[:k].repeat(4, 1)) == pytest.approx(k, rel=1e-4)


def test_the_effective_rank_is_exp_of_the_entropy_term_by_term():
    z = vectors(10, 4)
    unit = torch.stack([row / row.norm() for row in z])
    values = torch.linalg.eigvalsh(unit.T @ unit).sqrt().tolist()
    shares = [value / sum(values) for value in values]
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert effective_rank(z) == pytest.approx(expected)


def test_the_effective_rank_of_few_directions_is_not_hidden_by_many_dimensions():
    flat = vectors(200, 2) @ vectors(2, 64, seed=1)
    assert 1.5 < effective_rank(flat) <= 2
    assert projection_std(flat) > 0.5  # so the std alone does not see that dimensions repeat each other


@pytest.mark.parametrize("measure", [projection_std, effective_rank])
def test_one_projection_alone_is_refused(measure):
    with pytest.raises(ValueError, match=r"N > 1, got \(1, 4\)"):
        measure(torch.ones(1, 4))


# The methods, with linear networks that can be computed by hand, and with the real ones


def same_image(images):
    return images


@pytest.fixture
def pictures():
    return torch.rand(6, 2, 1, 2, 2, generator=torch.Generator().manual_seed(0))  # pairs


@pytest.fixture
def clothes():
    return torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def linear(method, **settings):
    torch.manual_seed(0)
    encoder, head = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), nn.Linear(3, 3)
    return method(encoder, head, **{"predictor": nn.Linear(3, 3)} | settings, augment=same_image)


def gradients(model, batch):
    model.zero_grad()
    model.loss(batch).backward()
    return [p.grad.clone() for p in model.parameters() if p.requires_grad]


def test_simsiam_is_algorithm_1_of_its_paper(pictures):
    model = linear(SimSiam)
    z_1, z_2 = model(pictures[:, 0]), model(pictures[:, 1])
    p_1, p_2 = model.predictor(z_1), model.predictor(z_2)

    def d(p, z):  # as in the paper's pseudocode
        z = z.detach()
        return -(F.normalize(p, dim=1) * F.normalize(z, dim=1)).sum(dim=1).mean()

    expected = d(p_1, z_2) / 2 + d(p_2, z_1) / 2
    assert model.loss(pictures).item() == pytest.approx(expected.item(), abs=1e-6)
    own = gradients(model, pictures)
    model.zero_grad()
    expected.backward()
    theirs = [p.grad for p in model.parameters()]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(own, theirs, strict=True))


def test_without_a_predictor_the_stop_gradient_only_halves_the_gradient(pictures):
    half, whole = (
        gradients(linear(SimSiam, predictor=nn.Identity(), stop_gradient=stop), pictures)
        for stop in (True, False)
    )
    assert all(torch.allclose(2 * a, b, atol=1e-6) for a, b in zip(half, whole, strict=True))


def test_with_a_predictor_the_stop_gradient_changes_its_direction(pictures):
    a, b = (gradients(linear(SimSiam, stop_gradient=stop), pictures)[0].flatten() for stop in (True, False))
    assert F.cosine_similarity(a, b, dim=0) < 0.99


def test_byol_is_its_equation_with_a_target_that_has_no_predictor(pictures):
    model = linear(BYOL, momentum=1.0)
    nn.init.constant_(model.head.weight, 0.3)  # so that online and target differ
    views = pictures.unbind(1)
    (p_a, p_b), (z_a, z_b) = (
        [F.normalize(f(view), dim=1) for view in views]
        for f in (lambda view: model.predictor(model(view)), model.target)
    )
    squared = ((p_a - z_b) ** 2).sum(1).mean() + ((p_b - z_a) ** 2).sum(1).mean()  # Eq. 2 and 3
    assert (4 + 4 * model.loss(pictures)).item() == pytest.approx(squared.item(), abs=1e-5)


def test_byol_without_memory_in_its_target_is_simsiam(pictures):
    simsiam, byol = linear(SimSiam), linear(BYOL, momentum=0.0)
    assert torch.equal(simsiam.loss(pictures), byol.loss(pictures))
    same = zip(gradients(simsiam, pictures), gradients(byol, pictures), strict=True)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in same)


def test_no_gradient_reaches_the_target_and_no_optimizer_would_get_it(clothes):
    model = BYOL()
    model.loss(clothes).backward()
    assert all(p.grad is None and not p.requires_grad for p in model.target.parameters())
    online = [*model.encoder.parameters(), *model.head.parameters(), *model.predictor.parameters()]
    assert all(p.grad is not None for p in online)
    learned = [p for p in model.parameters() if p.requires_grad]
    assert {id(p) for p in learned} == {id(p) for p in online}


def test_the_target_has_memory_of_its_own_and_no_predictor():
    model = BYOL()
    own = [*model.encoder.parameters(), *model.head.parameters()]
    target = list(model.target.parameters())
    assert all(torch.equal(a, b) for a, b in zip(own, target, strict=True))
    assert not {p.data_ptr() for p in own} & {p.data_ptr() for p in target}


def test_the_target_moves_once_a_loss_as_the_moving_average_says(pictures):
    model = linear(BYOL, momentum=0.9)
    old = model.target[1].weight.clone()
    nn.init.constant_(model.head.weight, 1.0)
    for _ in range(3):
        model.loss(pictures)
    assert torch.allclose(model.target[1].weight, 0.9**3 * old + (1 - 0.9**3), atol=1e-6)


def test_with_a_length_the_momentum_rises_along_the_cosine_to_one(pictures):
    model = linear(BYOL, momentum=0.9, steps=4)
    expected = model.target[1].weight.clone()
    nn.init.constant_(model.head.weight, 1.0)
    for step in range(6):
        model.loss(pictures)
        m = momentum_schedule(0.9, step, 4)
        expected = m * expected + (1 - m)
        assert torch.allclose(model.target[1].weight, expected, atol=1e-6)
    assert m == 1


def test_batch_statistics_of_the_target_are_its_own(clothes):
    model = BYOL(momentum=1.0)
    before = [b.clone() for b in model.target.buffers()]
    model.loss(clothes)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.target.buffers(), strict=True))


def test_vicreg_compares_the_projections_of_both_views(pictures):
    torch.manual_seed(0)
    encoder, head = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), nn.Linear(3, 3)
    model = VICReg(encoder, head, augment=same_image, covariance=7.0)
    z_a, z_b = (model(view) for view in pictures.unbind(1))
    assert torch.equal(model.loss(pictures), vicreg_loss(z_a, z_b, covariance=7.0))


@pytest.mark.parametrize("method", [SimSiam, BYOL, VICReg])
def test_images_are_seen_in_two_views_and_all_that_learns_gets_a_gradient(method, clothes):
    torch.manual_seed(0)
    model = method()
    loss = model.loss(clothes)
    loss.backward()
    assert loss.isfinite() and (method is VICReg or -1 <= loss <= 1)
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert model(clothes).shape == (16, 64)


@pytest.mark.parametrize("method", [SimSiam, BYOL, VICReg])
def test_equal_seeds_give_equal_losses(method, clothes):
    def losses():
        torch.manual_seed(0)
        model = method()
        return [model.loss(clothes).item() for _ in range(3)]

    assert losses() == losses()


# The stored trainings


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_is_stored_with_all_methods_and_seeds(name):
    methods = sweep(name)
    assert [m for m in methods if m in METHODS] == SWEEPS[name][1]
    assert all([p["seed"] for p in methods[m]] == list(SEEDS) for m in SWEEPS[name][1])


@pytest.mark.parametrize("name", SWEEPS)
def test_every_point_holds_figures_that_make_sense(name):
    for one in (p for method, points in sweep(name).items() if method in METHODS for p in points):
        assert one["loss"] >= -1 and 0.1 < one["probe"] < one["knn"] + 0.1 < 1
        assert 0 <= one["std"] < 1.05 and 1 <= one["rank"] <= 64


def test_a_method_trained_for_as_long_is_the_same_point_in_every_sweep():
    for method in ("SimSiam", "BYOL", "BYOL, no predictor"):
        found = [sweep(name)[method] for name, (n, methods) in SWEEPS.items() if n == 2 and method in methods]
        assert len(found) > 1 and all(points == found[0] for points in found)


@pytest.mark.usefixtures("one_thread")
def test_a_stored_collapse_can_be_made_again():
    again = point("two views alone", 2, seed=0)
    stored = sweep("no_negatives")["two views alone"][0]
    assert again["std"] < 0.1 and again["std"] == pytest.approx(stored["std"], abs=0.02)
    assert again["loss"] == pytest.approx(stored["loss"], abs=0.002)
    for measure in ("knn", "probe"):
        assert again[measure] == pytest.approx(stored[measure], abs=0.03)


def test_networks_without_batch_statistics_treat_every_image_by_itself(clothes):
    torch.manual_seed(0)
    parts = predicting_alone()
    network = nn.Sequential(parts["encoder"], parts["head"], parts["predictor"])
    assert torch.allclose(network(clothes)[:1], network(clothes[:1]), atol=1e-5)
