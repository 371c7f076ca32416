"""DINO's loss against loops and lightly, its two collapses, and who gets a gradient (T7, T18)."""

import math

import pytest
import torch
from self_distillation import CONTROLS, RUNS, control, point
from sweep import SEEDS
from torch import nn

from sslcourse.augment import MultiCrop
from sslcourse.data import sweep
from sslcourse.heads import PrototypeHead
from sslcourse.losses import (
    cross_entropy,
    entropy,
    kl_divergence,
    self_distillation_loss,
    teacher_probabilities,
)
from sslcourse.methods import DINO
from sslcourse.momentum import momentum_schedule
from sslcourse.torchvision_compat import import_torchvision
from sslcourse.training import finish, train_adamw


def scores(views=4, n=6, k=5, seed=0):
    return torch.randn(views, n, k, generator=torch.Generator().manual_seed(seed)) / 3


def loss_by_loops(student, teacher, center, temperature, teacher_temperature):
    """Eq. 3 of the paper, term by term; returns the mean and the number of pairs of views."""
    terms, pairs = [], 0
    for t, of_teacher in enumerate(teacher.tolist()):
        for s, of_student in enumerate(student.tolist()):
            if s == t:
                continue
            pairs += 1
            for g_t, g_s in zip(of_teacher, of_student, strict=True):
                sharp = [
                    math.exp((g - c) / teacher_temperature) for g, c in zip(g_t, center.tolist(), strict=True)
                ]
                soft = [math.exp(g / temperature) for g in g_s]
                terms.append(
                    -sum(p / sum(sharp) * math.log(q / sum(soft)) for p, q in zip(sharp, soft, strict=True))
                )
    return sum(terms) / len(terms), pairs


def dino_loss(student, teacher, center, temperature, teacher_temperature):
    return self_distillation_loss(
        student, teacher_probabilities(teacher, center, teacher_temperature), temperature
    )


# The loss


@pytest.mark.parametrize("n_local", [0, 1, 4])
def test_the_loss_is_its_equation_in_loops_over_different_views_only(n_local):
    student, teacher, center = scores(2 + n_local), scores(2, seed=1), scores(1, 1, seed=2)[0, 0]
    expected, pairs = loss_by_loops(student, teacher, center, 0.1, 0.04)
    assert dino_loss(student, teacher, center, 0.1, 0.04).item() == pytest.approx(expected, rel=1e-4)
    assert pairs == 2 * (2 + n_local - 1)


@pytest.mark.parametrize("n_local", [0, 3])
def test_the_loss_its_gradient_and_the_centre_are_those_of_lightly(n_local):
    import_torchvision()  # lightly imports it, beside any build of torch
    from lightly.loss import DINOLoss

    theirs = DINOLoss(output_dim=5, teacher_temp=0.04, warmup_teacher_temp=0.04)
    model, center = DINO(head=PrototypeHead(prototypes=5)), torch.zeros(5)
    for seed in range(3):
        ours, other = (scores(2 + n_local, seed=seed).requires_grad_() for _ in range(2))
        teacher = scores(2, seed=seed + 10)
        loss = dino_loss(ours, teacher, center, 0.1, 0.04)
        expected = theirs(list(teacher), list(other))
        loss.backward()
        expected.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
        assert torch.allclose(ours.grad, other.grad, atol=1e-6)
        model.update_center(teacher)
        center = model.center.clone()
        assert torch.allclose(center, theirs.center.flatten(), atol=1e-7)


def test_a_pair_of_one_view_with_itself_does_not_count():
    student, teacher = scores(2), teacher_probabilities(scores(2, seed=1), torch.zeros(5), 0.04)
    loss = self_distillation_loss(student, teacher, 0.1)
    by_hand = [cross_entropy(teacher[t], (student[s] / 0.1).softmax(-1)).mean() for t, s in [(0, 1), (1, 0)]]
    assert loss.item() == pytest.approx(sum(by_hand).item() / 2, rel=1e-5)


@pytest.mark.parametrize("k", [5, 256, 4096])
def test_uniform_answers_cost_the_logarithm_of_k(k):
    same = torch.full((3, 2, k), 0.3)
    assert dino_loss(same, same[:2], torch.zeros(k), 0.1, 0.04).item() == pytest.approx(math.log(k), rel=1e-4)
    if k == 4096:
        assert math.log(k) == pytest.approx(8.317766)


def test_one_certain_answer_for_all_costs_nothing():
    same = torch.zeros(3, 2, 5)
    same[:, :, 3] = 10
    assert dino_loss(same, same[:2], torch.zeros(5), 0.1, 0.04).item() == pytest.approx(0, abs=1e-6)


def test_the_centre_takes_the_same_for_all_out_of_the_teacher():
    same = torch.zeros(2, 4, 5)
    same[:, :, 3] = 10
    p = teacher_probabilities(same, same.mean((0, 1)), 0.04)
    assert torch.allclose(p, torch.full_like(p, 0.2))


def test_cross_entropy_is_the_teachers_entropy_and_a_divergence():
    teacher = teacher_probabilities(scores(1)[0], torch.zeros(5), 0.04)
    student = (scores(1, seed=1)[0] / 0.1).softmax(-1)
    parts = entropy(teacher) + kl_divergence(teacher, student)
    assert torch.allclose(cross_entropy(teacher, student), parts)


def test_only_the_student_gets_a_gradient():
    student, teacher = scores(3).requires_grad_(), scores(2, seed=1).requires_grad_()
    dino_loss(student, teacher, torch.zeros(5), 0.1, 0.04).backward()
    assert student.grad is not None and teacher.grad is None


@pytest.mark.parametrize("views", [(1, 1), (2, 3)])
def test_the_loss_refuses_views_of_which_nothing_is_left(views):
    with pytest.raises(ValueError, match=r"student_scores \(V, N, K\) and teacher \(G, N, K\)"):
        self_distillation_loss(scores(views[0]), scores(views[1]), 0.1)


# Head, views, schedule


def test_the_head_is_a_bottleneck_of_length_one_and_a_weight_normalised_layer():
    torch.manual_seed(0)
    head, h = PrototypeHead(8, prototypes=5, hidden=7, bottleneck=3), torch.randn(4, 8)
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 5, bias=False))
    with torch.no_grad():
        layer.parametrizations.weight.original0.fill_(1)
        layer.parametrizations.weight.original1.copy_(head.prototypes)
    bottleneck = nn.functional.normalize(head.layers(h), dim=1)
    assert torch.allclose(head(h), layer(bottleneck), atol=1e-6)
    assert head(100 * h).abs().max() <= 1 + 1e-6


def test_a_frozen_head_keeps_its_prototypes_and_gives_the_same_scores():
    head, h = PrototypeHead(8), torch.randn(4, 8)
    frozen = head(h, frozen=True)
    assert torch.equal(frozen, head(h))
    frozen.square().sum().backward()
    assert head.prototypes.grad is None and head.layers[0].weight.grad is not None


def test_multi_crop_gives_two_global_views_and_small_local_ones():
    images = torch.rand(16, 1, 28, 28)
    large, small = MultiCrop(local_views=3, size=12)(images)
    assert large.shape == (2, 16, 1, 28, 28) and small.shape == (3, 16, 1, 12, 12)
    assert len(torch.cat([large.flatten(0, 1).flatten(1)]).unique(dim=0)) == 32
    assert MultiCrop(local_views=0)(images)[1].shape[0] == 0


def test_local_views_show_less_than_global_ones():
    y, x = torch.meshgrid(torch.linspace(0, 1, 28), torch.linspace(0, 1, 28), indexing="ij")
    places = torch.stack([x, y]).repeat(500, 1, 1, 1)  # channels: where a pixel comes from
    large, small = MultiCrop(crop=0.4, local_crop=0.1, flip=0, jitter=0)(places)

    def area(views):  # from one outermost pixel centre to the other, corrected for the half pixels beyond
        steps = (views.shape[-1] - 1) / views.shape[-1]
        width = (views[..., 0, 5, -1] - views[..., 0, 5, 0]) / steps
        height = (views[..., 1, -1, 5] - views[..., 1, 0, 5]) / steps
        return width * height * (27 / 28) ** 2

    assert area(large).min() > 0.33 and 0.9 < area(large).max() < 1.05
    assert 0.07 < area(small).min() < 0.13 and area(small).max() < 0.45


def test_multi_crop_refuses_local_views_larger_than_global_ones():
    with pytest.raises(ValueError, match="need 0 < local_crop <= crop <= 1"):
        MultiCrop(crop=0.3, local_crop=0.4)


def test_the_momentum_rises_from_its_start_to_one_along_a_cosine():
    values = [momentum_schedule(0.98, step, 100) for step in range(101)]
    assert values[0] == pytest.approx(0.98) and values[100] == 1 and values == sorted(values)
    assert values[50] == pytest.approx(0.99)
    assert momentum_schedule(0.98, 200, 100) == 1


# The method


@pytest.fixture
def clothes():
    return torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def real():
    torch.manual_seed(0)
    return DINO(head=PrototypeHead(prototypes=20), frozen_steps=0)


def test_no_gradient_reaches_the_teacher_or_the_centre(real, clothes):
    real.loss(clothes).backward()
    followers = [*real.teacher_encoder.parameters(), *real.teacher_head.parameters()]
    assert all(p.grad is None and not p.requires_grad for p in followers)
    assert all(p.grad is not None for p in (*real.encoder.parameters(), *real.head.parameters()))
    assert not real.center.requires_grad


def test_the_teacher_sees_global_views_only(real, clothes):
    seen = []
    real.teacher_encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    real.loss(clothes)
    assert seen == [(32, 1, 28, 28)]


def test_the_centre_is_used_before_it_is_updated(real, clothes):
    large, small = MultiCrop(seed=1)(clothes)
    real.augment, start = (lambda _: (large, small)), scores(1, 1, 20, seed=3)[0, 0]
    real.center.copy_(start)
    loss = real.loss(clothes)
    teacher = real.teacher_scores(large)
    student = torch.cat([real.scores(large), real.scores(small)])
    assert loss.item() == pytest.approx(dino_loss(student, teacher, start, 0.1, 0.04).item(), rel=1e-4)
    assert torch.allclose(real.center, 0.9 * start + 0.1 * teacher.mean((0, 1)), atol=1e-6)


def test_the_teacher_follows_the_student_by_the_schedule(real, clothes):
    real.step.fill_(150)  # half of the 300 steps: momentum 0.99
    old = real.teacher_head.prototypes.clone()
    with torch.no_grad():
        real.head.prototypes.add_(1)
    real.update_teacher()
    expected = 0.99 * old + 0.01 * real.head.prototypes
    assert torch.allclose(real.teacher_head.prototypes, expected, atol=1e-6)


def test_the_teachers_temperature_warms_up():
    model = DINO(teacher_temperature=(0.04, 0.07), warm_up=10)
    seen = []
    for _ in range(12):
        seen.append(model.temperature_now)
        model.step += 1
    assert seen[0] == 0.04 and seen[5] == pytest.approx(0.055) and seen[10:] == [0.07, 0.07]


def collapse(**settings):
    """The teacher's entropy and the divergence after a short training of a small network."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.BatchNorm1d(32), nn.GELU())
    model = DINO(network, PrototypeHead(32, 20, 32, 8), steps=150, momentum=0.9, frozen_steps=0, **settings)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(128, 1, 4, 4, generator=generator)

    def views(images):
        noisy = images + 0.1 * torch.randn(2, *images.shape, generator=generator)
        return noisy, noisy[:0]

    model.augment = views
    losses = finish(train_adamw(model.loss, model.parameters(), [pictures], 150, lr=5e-3)).loss
    teacher = teacher_probabilities(
        model.teacher_scores(views(pictures)[0]), model.center, model.temperature_now
    )
    return losses[-1], entropy(teacher).mean().item()


def test_without_a_centre_the_entropy_goes_to_zero_and_without_sharpening_to_the_logarithm_of_k():
    loss, spread = collapse()
    assert 0.1 < spread < 0.7 * math.log(20) and loss - spread > 0.05
    loss, spread = collapse(center_momentum=1)
    assert spread < 0.1 and loss < 0.1
    loss, spread = collapse(teacher_temperature=(1.0, 1.0))
    assert spread == pytest.approx(math.log(20), abs=0.02) and loss == pytest.approx(math.log(20), abs=0.02)


# The trainings of lesson 12 with three seeds


def test_the_stored_trainings_have_all_seeds():
    stored = sweep("self_distillation")
    assert list(stored) == [*CONTROLS, *RUNS]
    seeds = {name: [p["seed"] for p in points] for name, points in stored.items()}
    assert seeds == {name: list(SEEDS) for name in stored} | {"pixels": [0]}


def test_a_stored_control_is_measured_again():
    (stored,) = sweep("self_distillation")["pixels"]
    assert control("pixels", 0) == pytest.approx(stored, abs=0.01)


@pytest.mark.usefixtures("one_thread")
def test_a_stored_training_can_be_made_again():
    again, stored = point("DINO, no centring", seed=0), sweep("self_distillation")["DINO, no centring"][0]
    assert again["entropy"] == pytest.approx(stored["entropy"], abs=0.1)
    for measure in ("knn", "probe"):
        assert again[measure] == pytest.approx(stored[measure], abs=0.03)
