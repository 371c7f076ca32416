"""Dictionary look-up with a queue: the loss against loops, the order of events (T6), the shuffle (T8)."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.encoders import conv_encoder
from sslcourse.losses import info_nce_bound, info_nce_loss
from sslcourse.methods import MoCo


def vectors(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def info_nce_by_loops(query, positive_key, negative_keys, temperature):
    """Eq. 1 of the MoCo paper, term by term."""

    def similarity(a, b):
        return sum(a * b) / math.sqrt(sum(a * a) * sum(b * b))

    total = 0.0
    for q, positive in zip(query.numpy(), positive_key.numpy(), strict=True):
        own = math.exp(similarity(q, positive) / temperature)
        others = sum(math.exp(similarity(q, k) / temperature) for k in negative_keys.numpy())
        total -= math.log(own / (own + others))
    return total / len(query)


# The loss


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_info_nce_loss_is_its_equation_in_loops(temperature):
    given = vectors(5, 3), vectors(5, 3, seed=1), vectors(7, 3, seed=2)
    expected = info_nce_by_loops(*given, temperature)
    assert info_nce_loss(*given, temperature).item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("k", [1, 10, 4096])
def test_with_equal_keys_the_loss_is_the_logarithm_of_k_plus_one(k):
    same = torch.ones(3, 4)
    assert info_nce_loss(vectors(3, 4).float(), same, torch.ones(k, 4), 0.2).item() == pytest.approx(
        math.log(k + 1), rel=1e-5
    )


def test_without_negatives_there_is_nothing_to_confuse():
    assert info_nce_loss(vectors(3, 4), vectors(3, 4, seed=1), torch.zeros(0, 4).double(), 0.2) == 0


@pytest.mark.parametrize(("k", "temperature"), [(8, 0.5), (30, 0.07)])
def test_with_aligned_positives_and_orthogonal_negatives_the_closed_form_holds(k, temperature):
    basis = torch.eye(k + 1)
    loss = info_nce_loss(basis[:1], basis[:1], basis[1:], temperature).item()
    assert loss == pytest.approx(math.log(1 + k * math.exp(-1 / temperature)), abs=1e-4)


def test_with_the_other_keys_of_the_batch_as_negatives_it_is_the_in_batch_loss():
    query, key, temperature = vectors(6, 4), vectors(6, 4, seed=1), 0.3
    rows = [
        info_nce_loss(query[[i]], key[[i]], key[[j for j in range(6) if j != i]], temperature)
        for i in range(6)
    ]
    scores = F.normalize(query, dim=1) @ F.normalize(key, dim=1).T / temperature
    assert torch.stack(rows).mean().item() == pytest.approx(math.log(6) - info_nce_bound(scores).item())
    assert torch.stack(rows).mean().item() == pytest.approx(F.cross_entropy(scores, torch.arange(6)).item())


def test_lengths_of_vectors_and_the_order_of_negatives_do_not_matter():
    query, key, negatives = vectors(5, 3), vectors(5, 3, seed=1), vectors(7, 3, seed=2)
    loss = info_nce_loss(query, key, negatives, 0.2).item()
    assert info_nce_loss(3 * query, key / 2, 5 * negatives.flip(0), 0.2).item() == pytest.approx(loss)


def test_pairing_queries_with_the_keys_of_others_raises_the_loss():
    query, negatives = vectors(5, 8), vectors(20, 8, seed=2)
    assert info_nce_loss(query, query, negatives, 0.2) < info_nce_loss(
        query, query.roll(1, 0), negatives, 0.2
    )


def test_gradients_of_the_loss_are_those_of_finite_differences():
    given = [v.requires_grad_() for v in (vectors(3, 4), vectors(3, 4, seed=1), vectors(5, 4, seed=2))]
    assert torch.autograd.gradcheck(lambda *v: info_nce_loss(*v, 0.3), given)


def test_the_gradient_pulls_to_the_key_and_pushes_each_negative_by_its_probability():
    query, key = (F.normalize(v, dim=1) for v in (vectors(1, 3), vectors(1, 3, seed=1)))
    negatives = F.normalize(vectors(4, 3, seed=2), dim=1)
    query.requires_grad_()
    info_nce_loss(query, key, negatives, 0.5).backward()
    p = torch.softmax(query @ torch.cat([key, negatives]).T / 0.5, dim=1).detach()
    pull = ((p[:, :1] - 1) * key + p[:, 1:] @ negatives) / 0.5
    q = query.detach()
    tangent = pull - (pull @ q.T) * q  # what moves along the sphere
    assert torch.allclose(query.grad, tangent, atol=1e-10)


def test_info_nce_loss_refuses_a_key_too_few_and_a_temperature_of_zero():
    with pytest.raises(ValueError, match=r"query \(3, 2\) and positive_key \(2, 2\)"):
        info_nce_loss(torch.ones(3, 2), torch.ones(2, 2), torch.ones(4, 2), 0.2)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        info_nce_loss(torch.ones(3, 2), torch.ones(3, 2), torch.ones(4, 2), 0)


# The method, with a network whose keys can be computed by hand, and with the real one


def linear_moco(**settings):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    return MoCo(
        network, nn.Identity(), augment=lambda images: images, queue_size=10, projections=3, **settings
    )


@pytest.fixture
def pictures():
    return torch.rand(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def real():
    torch.manual_seed(0)
    return MoCo(queue_size=64)


@pytest.fixture
def clothes():
    return torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_matched_pairs_meet_a_floor_of_log_two_only_if_the_key_is_in_the_queue_already():
    generator = torch.Generator().manual_seed(0)
    key, queue = torch.randn(64, 32, generator=generator), torch.randn(1024, 32, generator=generator)
    assert info_nce_loss(key, key, queue, 0.07) < math.log(2) - 0.05
    assert info_nce_loss(key, key, torch.cat([key, queue])[:1024], 0.07) > math.log(2)


def test_the_loss_is_computed_before_the_keys_enter_the_queue(pictures):
    model = linear_moco()
    queue = model.queue.clone()
    loss = model.loss(pictures)
    keys = F.normalize(model.key_encoder(pictures), dim=1)
    assert torch.equal(loss, info_nce_loss(model(pictures), keys, queue, model.temperature))
    assert torch.allclose(model.queue[:4], keys)


def test_the_queue_is_first_in_first_out_with_the_newest_first(pictures):
    model = linear_moco(momentum=1.0)
    start = model.queue.clone()
    batches = [pictures + step for step in range(3)]
    for batch in batches:
        model.loss(batch)
    second, third = (F.normalize(model.key_encoder(batch), dim=1) for batch in batches[1:])
    first = F.normalize(model.key_encoder(batches[0]), dim=1)
    assert torch.allclose(model.queue, torch.cat([third, second, first])[:10])
    model = linear_moco(momentum=1.0)
    model.loss(pictures)
    assert torch.equal(model.queue[4:], start[:6])


def test_a_batch_larger_than_the_queue_fills_it(pictures):
    model = linear_moco()
    model.loss(pictures.repeat(3, 1, 1, 1))
    assert model.queue.shape == (10, 3)


def test_the_queue_holds_unit_vectors_from_the_first_step_on(real, clothes):
    for _ in range(3):
        assert torch.allclose(real.queue.norm(dim=1), torch.ones(64), atol=1e-6)
        assert not real.queue.requires_grad
        real.loss(clothes)


def test_no_gradient_reaches_the_key_encoder(real, clothes):
    real.loss(clothes).backward()
    online = [*real.encoder.parameters(), *real.head.parameters()]
    follower = [*real.key_encoder.parameters(), *real.key_head.parameters()]
    assert all(p.grad is None and not p.requires_grad for p in follower)
    assert all(p.grad is not None for p in online)
    learned = [p for p in real.parameters() if p.requires_grad]
    assert {id(p) for p in learned} == {id(p) for p in online}


def test_two_losses_may_be_added_before_going_backward(real, clothes):
    (real.loss(clothes) + real.loss(clothes)).backward()  # a queue written in place would raise here


def test_the_key_encoder_moves_before_it_encodes(pictures):
    model = linear_moco(momentum=0.5)
    old = model.key_encoder[1].weight.clone()
    nn.init.constant_(model.encoder[1].weight, 1.0)
    keys = model.keys(pictures)
    assert torch.allclose(model.key_encoder[1].weight, 0.5 * old + 0.5)
    assert torch.allclose(keys, F.normalize(model.key_encoder(pictures), dim=1))


@pytest.mark.parametrize("groups", [1, 2, 3, 4])
def test_shuffled_keys_come_back_in_the_order_of_their_images(pictures, groups):
    model = linear_moco(groups=groups)
    for _ in range(5):
        assert torch.allclose(model.keys(pictures), F.normalize(model.key_encoder(pictures), dim=1))


def test_keys_depend_on_their_own_group_only(real, clothes):
    real.momentum = 1.0
    state = real.generator.get_state()
    order = torch.randperm(16, generator=torch.Generator().set_state(state))
    keys = real.keys(clothes)
    group = order[:4]
    alone = F.normalize(real.key_head(real.key_encoder(clothes[group])), dim=1)
    assert torch.allclose(keys[group], alone, atol=1e-5)


def normalised(layer):
    """An encoder with the given normalisation."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3, 2), layer, nn.GELU(), nn.Flatten(), nn.Linear(8 * 169, 8))


@pytest.mark.parametrize(
    ("network", "leaks"),
    [
        (conv_encoder(), True),
        (normalised(nn.BatchNorm2d(8)), True),
        (normalised(nn.GroupNorm(2, 8)), False),
        (normalised(nn.BatchNorm2d(8)).eval(), False),
    ],
)
@torch.no_grad()
def test_companions_change_an_embedding_only_through_batch_statistics(clothes, network, leaks):
    image, some, others = clothes[:1], clothes[1:8], 0.3 * clothes[8:15]
    a, b = (network(torch.cat([image, companions]))[0] for companions in (some, others))
    assert (a - b).abs().max() > 1e-3 if leaks else torch.allclose(a, b, atol=1e-6)


def test_equal_seeds_give_equal_losses(clothes):
    def losses():
        torch.manual_seed(0)
        model = MoCo(queue_size=64)
        return [model.loss(clothes).item() for _ in range(3)]

    assert losses() == losses()
