"""The network that follows: its closed form, and what it must leave alone (T7)."""

import pytest
import torch
from torch import nn

from sslcourse.momentum import half_life, momentum_copy, update_momentum


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.GELU(), nn.Flatten(), nn.Linear(12, 2))


def weights(module):
    return [p.detach().clone() for p in module.parameters()]


def test_one_update_is_its_equation_number_by_number():
    target, online = network(0), network(1)
    before = weights(target)
    update_momentum(target, online, 0.9)
    for old, new, now in zip(before, online.parameters(), target.parameters(), strict=True):
        for a, b, c in zip(
            old.flatten().tolist(), new.flatten().tolist(), now.flatten().tolist(), strict=True
        ):
            assert c == pytest.approx(0.9 * a + 0.1 * b, abs=1e-7)


@pytest.mark.parametrize("momentum", [0.5, 0.9, 0.996])
def test_after_k_updates_towards_a_network_at_rest_the_closed_form_holds(momentum):
    target, online = network(0).double(), network(1).double()
    before = weights(target)
    for _ in range(25):
        update_momentum(target, online, momentum)
    left = momentum**25
    for old, new, now in zip(before, online.parameters(), target.parameters(), strict=True):
        assert torch.allclose(now, left * old + (1 - left) * new, atol=1e-12)


def test_behind_a_moving_network_the_target_is_the_weighted_mean_of_where_it_was():
    target, online = nn.Linear(1, 1, bias=False).double(), nn.Linear(1, 1, bias=False).double()
    path = torch.randn(30, generator=torch.Generator().manual_seed(0)).tolist()
    start = target.weight.item()
    for place in path:
        nn.init.constant_(online.weight, place)
        update_momentum(target, online, 0.8)
    mean = sum(0.2 * 0.8 ** (29 - step) * place for step, place in enumerate(path))
    assert target.weight.item() == pytest.approx(0.8**30 * start + mean)


def test_momentum_zero_copies_exactly_and_momentum_one_never_moves():
    target, online = network(0), network(1)
    before = weights(target)
    update_momentum(target, online, 1)
    assert all(torch.equal(a, b) for a, b in zip(before, target.parameters(), strict=True))
    update_momentum(target, online, 0)
    assert all(torch.equal(a, b) for a, b in zip(online.parameters(), target.parameters(), strict=True))


def test_the_update_is_in_place_and_leaves_the_online_network_alone():
    target, online = network(0), network(1)
    places, before = [p.data_ptr() for p in target.parameters()], weights(online)
    update_momentum(target, online, 0.5)
    assert places == [p.data_ptr() for p in target.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, online.parameters(), strict=True))


def test_the_update_leaves_no_graph_behind():
    target, online = momentum_copy(network(0)), network(1)
    update_momentum(target, online, 0.5)
    assert all(p.grad_fn is None and not p.requires_grad for p in target.parameters())


def test_batch_statistics_are_left_as_they_are():
    target, online = network(0), network(1)
    online(torch.randn(8, 1, 4, 4))
    update_momentum(target, online, 0.5)
    assert torch.equal(target[1].running_mean, torch.zeros(3))


def test_a_momentum_copy_has_the_same_weights_in_memory_of_its_own_and_asks_for_no_gradient():
    online = network(0)
    target = momentum_copy(online)
    for a, b in zip(online.parameters(), target.parameters(), strict=True):
        assert torch.equal(a, b) and a.data_ptr() != b.data_ptr()
        assert a.requires_grad and not b.requires_grad


@pytest.mark.parametrize("momentum", [-0.1, 1.1])
def test_momentum_outside_zero_to_one_is_refused(momentum):
    with pytest.raises(ValueError, match="between 0 and 1"):
        update_momentum(network(0), network(1), momentum)


def test_networks_of_different_size_are_refused():
    with pytest.raises(ValueError, match="zip"):
        update_momentum(nn.Linear(2, 2), nn.Linear(2, 2, bias=False), 0.5)


@pytest.mark.parametrize(
    ("momentum", "steps"), [(0.9, 7), (0.98, 34), (0.99, 69), (0.996, 173), (0.999, 693)]
)
def test_half_of_the_old_weights_is_forgotten_after_the_half_life(momentum, steps):
    assert round(half_life(momentum)) == steps
    assert momentum ** half_life(momentum) == pytest.approx(0.5)


@pytest.mark.parametrize("momentum", [0.0, 1.0])
def test_without_memory_or_without_end_there_is_no_half_life(momentum):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        half_life(momentum)
