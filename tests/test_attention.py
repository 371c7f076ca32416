"""Maps beside masks: scores against loops, and the transformer whose class token looks at patches."""

import pytest
import torch
from attention import LONGER, RUNS, judge
from torch.nn import functional as F

from sslcourse import weights
from sslcourse.data import sweep
from sslcourse.encoders import ClassTokenTransformer
from sslcourse.evaluate import auroc, map_auroc, map_iou, patch_masks


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def maps_and_masks(n=6, patches=20):
    maps = torch.randint(0, 9, (n, patches), generator=seeded()).float()  # with ties
    masks = torch.rand(n, patches, generator=seeded(1)) < 0.3
    masks[:, 0], masks[:, 1] = True, False
    return maps, masks


def test_auroc_of_maps_is_that_of_each_image_alone():
    maps, masks = maps_and_masks()
    alone = [auroc(m[~mask], m[mask]) for m, mask in zip(maps, masks, strict=True)]
    assert map_auroc(maps, masks).tolist() == pytest.approx(alone)


def test_a_mask_finds_itself_and_its_negative_finds_the_ground():
    _, masks = maps_and_masks()
    assert (map_auroc(masks.float(), masks) == 1).all() and (map_iou(masks.float(), masks) == 1).all()
    assert (map_auroc(-masks.float(), masks) == 0).all()
    assert (map_auroc(torch.zeros(6, 20), masks) == 0.5).all()


def test_iou_counts_patches_of_the_objects_size():
    maps = torch.tensor([[5.0, 4, 3, 2, 1, 0]])
    masks = torch.tensor([[True, False, True, True, False, False]])
    assert map_iou(maps, masks).item() == pytest.approx(2 / 4)  # 0, 1, 2 chosen; 0, 2 hit


def test_an_image_without_an_object_has_no_auroc():
    assert map_auroc(torch.rand(1, 4), torch.zeros(1, 4, dtype=torch.bool)).isnan().all()


def test_a_map_and_a_mask_of_different_size_are_refused():
    with pytest.raises(ValueError, match=r"\(N, L\); got \(2, 4\) and \(2, 5\)"):
        map_auroc(torch.zeros(2, 4), torch.zeros(2, 5, dtype=torch.bool))


def test_a_patch_is_object_if_more_than_half_of_it_is_covered():
    masks = torch.zeros(1, 4, 8, dtype=torch.bool)
    masks[0, :2, :2] = True  # a quarter of the first patch
    masks[0, :3, 4:] = True  # three quarters of the second
    assert patch_masks(masks, 4).tolist() == [[False, True]]


# The transformer


@pytest.fixture
def network():
    torch.manual_seed(0)
    return ClassTokenTransformer(width=16, depth=2, heads=4).eval()


def test_attention_of_the_class_token_is_that_of_its_query_with_all_keys(network):
    images = torch.rand(3, 1, 32, 32, generator=seeded())
    first, last, _ = network.layers
    tokens = last.norm1(first(network._embedded(images)))
    query, key, _ = F.linear(tokens, last.self_attn.in_proj_weight, last.self_attn.in_proj_bias).chunk(3, 2)
    expected = torch.empty(3, 4, 64)
    for n in range(3):
        for head in range(4):
            part = slice(4 * head, 4 * head + 4)
            logits = key[n, :, part] @ query[n, 0, part] / 2
            expected[n, head] = logits.softmax(0)[1:]
    assert torch.allclose(network.attention(images), expected, atol=1e-6)


def test_the_representation_is_the_class_token_which_sees_every_patch(network):
    images = torch.rand(2, 1, 32, 32, generator=seeded()).requires_grad_()
    h = network(images)
    assert h.shape == (2, 16)
    h[0, 0].backward()
    assert (images.grad[0].abs() > 0).float().mean() > 0.99 and not images.grad[1].any()


def test_small_views_get_interpolated_positions(network):
    assert network(torch.rand(2, 1, 16, 16)).shape == (2, 16)
    assert network.attention(torch.rand(2, 1, 16, 16)).shape == (2, 4, 16)


def test_moving_patches_changes_the_representation(network):
    images = torch.rand(1, 1, 32, 32, generator=seeded())
    assert not torch.allclose(network(images), network(images.roll(8, 3)), atol=1e-3)


def test_the_stored_attention_has_all_runs():
    stored = sweep("attention")
    assert list(stored) == ["random network", "SimCLR, two frames", *RUNS]
    assert all(0 < p[figure] < 1 for (p,) in stored.values() for figure in ("knn", "auroc", "iou"))
    longer = sweep("attention_longer")
    assert {name: p["steps"] for name, (p,) in longer.items()} == {
        name: r.steps for name, r in LONGER.items()
    }


def test_the_longer_crops_see_as_many_steps_as_the_shipped_transformer():
    assert {run.steps for run in LONGER.values()} == {weights.card("scattered")["steps"]}


def test_the_stored_figures_of_the_shipped_transformer_are_measured_again():
    (stored,) = sweep("attention")["SimCLR, two frames"]
    for name, figure in judge(weights.load("scattered")).items():
        assert figure == pytest.approx(stored[name], abs=0.01), name


@pytest.mark.parametrize("side", [30, 14])
def test_images_that_patches_do_not_fill_are_refused(network, side):
    with pytest.raises(ValueError, match=f"patches of 4 pixels do not fill an image of {side} x {side}"):
        network(torch.zeros(2, 1, side, side))
    with pytest.raises(ValueError, match="do not fill"):
        ClassTokenTransformer(image_size=side)
