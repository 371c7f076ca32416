"""NT-Xent, alignment and uniformity against loops, closed forms and lightly; SimCLR as the paper has it."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images
from sslcourse.exercises import lesson_09
from sslcourse.heads import projection_head
from sslcourse.losses import alignment, info_nce_loss, nt_xent_loss, uniformity
from sslcourse.methods import SimCLR
from sslcourse.torchvision_compat import import_torchvision
from sslcourse.training import finish, train_adamw


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def two_views(n=6, size=5):
    z_a = normal(n, size)
    return z_a, z_a + 0.5 * normal(n, size, seed=1)


def nt_xent_by_loops(z_a, z_b, temperature):
    """Eq. 1 of the SimCLR paper, term by term."""
    z = [row / row.square().sum().sqrt() for row in [*z_a, *z_b]]
    n, total = len(z_a), 0.0
    for i in range(2 * n):
        exponentials = [math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n)]
        total -= math.log(exponentials[(i + n) % (2 * n)] / (sum(exponentials) - exponentials[i]))
    return total / (2 * n)


# NT-Xent: oracles and closed forms


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_nt_xent_is_its_equation_in_loops(n, temperature):
    z_a, z_b = two_views(n)
    by_loops = nt_xent_by_loops(z_a, z_b, temperature)
    assert nt_xent_loss(z_a, z_b, temperature).item() == pytest.approx(by_loops, abs=1e-9)


@pytest.fixture(scope="module")
def lightly_loss():
    import_torchvision()  # lightly imports it, beside any build of torch
    from lightly.loss import NTXentLoss

    return NTXentLoss


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_nt_xent_and_its_gradient_are_those_of_lightly(temperature, lightly_loss):
    ours, theirs = (torch.stack(two_views(16, 8)).float().requires_grad_() for _ in range(2))
    loss = nt_xent_loss(*ours, temperature)
    other = lightly_loss(temperature=temperature)(*theirs)
    loss.backward()
    other.backward()
    assert loss.item() == pytest.approx(other.item(), rel=1e-5)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


@pytest.mark.parametrize(("n", "temperature"), [(8, 0.5), (5, 0.2), (32, 0.07)])
def test_nt_xent_of_aligned_orthonormal_rows_is_its_closed_form(n, temperature):
    aligned = torch.eye(n, 40)
    closed_form = math.log(1 + (2 * n - 2) * math.exp(-1 / temperature))
    assert nt_xent_loss(aligned, aligned, temperature).item() == pytest.approx(closed_form, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_nt_xent_of_equal_rows_is_the_log_of_the_number_of_candidates(temperature):
    same = torch.ones(8, 3)
    assert nt_xent_loss(same, same, temperature).item() == pytest.approx(math.log(15), abs=1e-4)


def test_the_worked_example_of_one_anchor():
    """As in the lesson; the source prints 0.622 for the second, which is the 0.621 of exact arithmetic."""
    cosines = [F.cosine_similarity(torch.tensor([1.0, 0.0]), torch.tensor(v), dim=0).item() for v in
               ([0.9, 0.1], [-0.8, 0.6], [0.7, 0.3])]  # fmt: skip
    easy, hard = (math.log(1 + math.exp((c - cosines[0]) / 0.5)) for c in cosines[1:])
    assert easy == pytest.approx(0.0273, abs=5e-5)
    assert hard == pytest.approx(0.621, abs=5e-4)


# NT-Xent: invariances


def test_nt_xent_ignores_the_lengths_of_projections():
    z_a, z_b = two_views()
    stretch = torch.linspace(0.1, 10, 6, dtype=torch.float64).reshape(-1, 1)
    assert torch.allclose(nt_xent_loss(stretch * z_a, 3 * z_b, 0.5), nt_xent_loss(z_a, z_b, 0.5))


def test_nt_xent_is_the_same_with_the_views_exchanged():
    z_a, z_b = two_views()
    assert torch.allclose(nt_xent_loss(z_b, z_a, 0.5), nt_xent_loss(z_a, z_b, 0.5))


def test_nt_xent_is_the_same_when_pairs_change_places_and_higher_when_partners_do():
    z_a, z_b = two_views()
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    loss = nt_xent_loss(z_a, z_b, 0.5)
    assert torch.allclose(nt_xent_loss(z_a[order], z_b[order], 0.5), loss)
    assert nt_xent_loss(z_a, z_b[order], 0.5) > loss + 0.1


def test_nt_xent_is_the_same_when_all_projections_turn_together():
    z_a, z_b = two_views()
    turn = torch.linalg.qr(normal(5, 5, seed=2)).Q
    assert torch.allclose(nt_xent_loss(z_a @ turn, z_b @ turn, 0.5), nt_xent_loss(z_a, z_b, 0.5))


# NT-Xent: gradients


def test_the_gradient_of_nt_xent_is_that_of_finite_differences():
    z_a, z_b = (z.requires_grad_() for z in two_views(4, 3))
    assert torch.autograd.gradcheck(lambda a, b: nt_xent_loss(a, b, 0.3), (z_a, z_b))


def test_at_a_low_temperature_the_gradient_is_as_exact_in_single_precision():
    """Subtracting exp(1 / temperature) instead of masking fails here."""
    gradients = []
    for dtype in (torch.float32, torch.float64):
        z = torch.stack(two_views(16, 8)).to(dtype).requires_grad_()
        nt_xent_loss(*z, temperature=0.07).backward()
        gradients.append(z.grad.double())
    assert (gradients[0] - gradients[1]).norm() < 1e-3 * gradients[1].norm()


def test_a_step_against_the_gradient_brings_partners_together_and_others_apart():
    z = torch.stack(two_views()).requires_grad_()
    nt_xent_loss(*z, temperature=0.5).backward()
    moved = (z - 0.1 * z.grad).detach()
    assert nt_xent_loss(*moved, temperature=0.5) < nt_xent_loss(*z, temperature=0.5)
    assert alignment(*moved) < alignment(*z)


def test_nt_xent_leaves_the_projections_as_they_are():
    z_a, z_b = two_views()
    kept = z_a.clone(), z_b.clone()
    nt_xent_loss(z_a, z_b, 0.5)
    assert torch.equal(z_a, kept[0]) and torch.equal(z_b, kept[1])


# Versions that are wrong, as the lesson's exercise knows them: which inputs give them away


@pytest.mark.parametrize(
    ("wrong", "aligned_value", "collapsed_value"),
    [
        (lesson_09.self_kept, 1.3596, 2.7726),
        (lesson_09.diagonal_zero, 1.1086, 2.7170),
        (lesson_09.neighbouring_rows, 3.0629, 2.7081),
        (lesson_09.unshifted, 1.9379, 2.7081),
        (lesson_09.labels_zero, 2.9379, 2.7081),
        (lesson_09.not_normalised, 0.0, 2.7081),
        (lesson_09.normalised_columns, None, 2.7081),
        (lesson_09.positive_left_out, 0.6391, 2.6391),
        (lesson_09.temperature_twice, 0.2283, 2.7081),
        (lesson_09.across_views, 0.6665, 2.0794),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_wrong_versions_have_other_values_on_aligned_rows_though_not_on_equal_ones(
    wrong, aligned_value, collapsed_value
):
    scale = 10 if wrong is lesson_09.not_normalised else 1
    aligned, collapsed = scale * torch.eye(8, 32), torch.ones(8, 32)
    right = nt_xent_loss(aligned, aligned, 0.5).item()
    assert right == pytest.approx(1.0629, abs=1e-4)
    value = wrong(aligned, aligned, 0.5).item()
    assert abs(value - right) > 0.04
    if aligned_value is not None:
        assert value == pytest.approx(aligned_value, abs=1e-4)
    assert wrong(collapsed, collapsed, 0.5).item() == pytest.approx(collapsed_value, abs=1e-4)


# Errors


def test_nt_xent_refuses_views_of_different_shapes():
    with pytest.raises(ValueError, match=r"z_a \(4, 3\) and z_b \(5, 3\) must have the same shape"):
        nt_xent_loss(torch.zeros(4, 3), torch.zeros(5, 3), 0.5)


@pytest.mark.parametrize("temperature", [0, -0.5])
def test_nt_xent_refuses_a_temperature_that_is_not_positive(temperature):
    with pytest.raises(ValueError, match="temperature must be positive"):
        nt_xent_loss(torch.ones(4, 3), torch.ones(4, 3), temperature)


# Alignment and uniformity


def test_alignment_and_uniformity_are_their_equations_in_loops():
    z_a, z_b = two_views()
    unit_a, unit_b = ([row / row.norm() for row in z] for z in (z_a, z_b))
    distances = [float((a - b).square().sum()) for a, b in zip(unit_a, unit_b, strict=True)]
    assert alignment(z_a, z_b).item() == pytest.approx(sum(distances) / 6)
    terms = [
        math.exp(-2 * float((unit_a[i] - unit_a[j]).square().sum()))
        for i in range(6)
        for j in range(6)
        if i != j
    ]
    assert uniformity(z_a).item() == pytest.approx(math.log(sum(terms) / 30))


@pytest.mark.parametrize(("size", "value"), [(2, -1.575), (16, -3.513), (64, -3.874), (128, -3.937)])
def test_uniformity_of_random_directions_is_the_known_value(size, value):
    assert uniformity(normal(2000, size)).item() == pytest.approx(value, abs=0.01)


def test_uniformity_of_a_full_circle_is_its_closed_form():
    angles = torch.linspace(0, 2 * math.pi, 2001, dtype=torch.float64)[:-1]
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    closed_form = -4 + torch.special.i0(torch.tensor(4.0, dtype=torch.float64)).log().item()
    assert uniformity(circle).item() == pytest.approx(closed_form, abs=0.005)


def test_collapsed_projections_have_alignment_and_uniformity_zero():
    same = torch.ones(10, 4)
    assert alignment(same, 2 * same).item() == pytest.approx(0, abs=1e-6)
    assert uniformity(same).item() == pytest.approx(0, abs=1e-5)


def test_alignment_of_opposite_directions_is_four():
    assert alignment(torch.ones(3, 2), -torch.ones(3, 2)).item() == pytest.approx(4)


def test_the_gradients_of_alignment_and_uniformity_are_those_of_finite_differences():
    z_a, z_b = (z.requires_grad_() for z in two_views(4, 3))
    assert torch.autograd.gradcheck(alignment, (z_a, z_b))
    assert torch.autograd.gradcheck(uniformity, (z_a,))


def test_uniformity_needs_two_points():
    with pytest.raises(ValueError, match="give two or more points, got 1"):
        uniformity(torch.ones(1, 4))


def test_alignment_refuses_unequal_numbers_of_views():
    with pytest.raises(ValueError, match="must have the same shape"):
        alignment(torch.ones(4, 2), torch.ones(3, 2))


# SimCLR


class Recorder(nn.Module):
    """An encoder that remembers what it was given."""

    def forward(self, views):
        self.seen = views
        return views.flatten(1)


def test_simclr_sees_both_views_of_every_image_at_once_and_compares_them():
    batch = images(n=8).images
    model = SimCLR(Recorder(), nn.Identity(), Augmentation(seed=5), temperature=0.5)
    loss = model.loss(batch)
    augment = Augmentation(seed=5)
    view_a, view_b = augment(batch), augment(batch)
    assert torch.equal(model.encoder.seen, torch.cat([view_a, view_b]))
    assert loss.item() == pytest.approx(nt_xent_loss(view_a.flatten(1), view_b.flatten(1), 0.5).item())


def test_the_loss_of_simclr_reaches_every_weight():
    torch.manual_seed(0)
    model = SimCLR()
    model.loss(images(n=16).images).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert sum(p.grad.abs().sum() > 0 for p in model.parameters()) == len(list(model.parameters()))


def test_a_short_training_makes_the_loss_of_simclr_smaller():
    torch.manual_seed(0)
    model = SimCLR()
    history = finish(
        train_adamw(model.loss, model.parameters(), Batches(images(n=960).images, batch_size=32), 1)
    )
    assert sum(history.loss[-5:]) < sum(history.loss[:5]) - 1


def test_a_projection_head_goes_from_features_to_projections_with_one_hidden_layer():
    head = projection_head(features=10, hidden=20, projections=3)
    assert head(torch.zeros(4, 10)).shape == (4, 3)
    assert [(m.in_features, m.out_features) for m in head if isinstance(m, nn.Linear)] == [(10, 20), (20, 3)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("temperature", [1e-4, 0.2])
def test_half_precision_gives_the_loss_of_the_same_numbers_in_float32(dtype, temperature):
    z_a, z_b = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    z_a[0] = 0
    expected = nt_xent_loss(z_a.float(), z_b.float(), temperature)
    assert nt_xent_loss(z_a, z_b, temperature) == expected and expected.isfinite()
    assert info_nce_loss(z_a, z_b, z_b, temperature).isfinite()
    assert alignment(z_a, z_b).isfinite() and uniformity(z_a).isfinite()


@pytest.mark.parametrize("temperature", [0, -0.1, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_and_finite_is_refused(temperature):
    z = torch.randn(3, 2)
    for loss in (lambda: nt_xent_loss(z, z, temperature), lambda: info_nce_loss(z, z, z, temperature)):
        with pytest.raises(ValueError, match="temperature must be positive"):
            loss()


def test_a_temperature_may_be_a_tensor_that_learns():
    z, temperature = torch.randn(3, 2), torch.tensor(0.5, requires_grad=True)
    nt_xent_loss(z, z.flip(0), temperature).backward()
    assert temperature.grad.isfinite()


def test_one_image_alone_is_refused():
    with pytest.raises(ValueError, match="one alone has no negatives; got 1"):
        nt_xent_loss(torch.ones(1, 2), torch.ones(1, 2), 0.5)
