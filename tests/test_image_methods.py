"""What methods that learn from images have in common: parts that are kept, and a loss that only looks."""

import pytest
import torch
from torch import nn

from sslcourse.encoders import conv_encoder
from sslcourse.methods import BYOL, CLIP, DINO, VQVAE, DiscreteVAE, MoCo, SimCLR, SimSiam, SwAV, VICReg

WITH_HEADS = [SimCLR, SimSiam, BYOL, VICReg, SwAV, MoCo]


@pytest.fixture
def clothes():
    return torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("method", "part"),
    [(method, part) for method in WITH_HEADS for part in ("encoder", "head", "augment")]
    + [(method, "predictor") for method in (SimSiam, BYOL)]
    + [(DINO, "encoder"), (DINO, "augment"), (CLIP, "image_encoder"), (CLIP, "text_encoder")],
)
def test_a_part_without_layers_is_kept_though_python_calls_it_false(method, part):
    nothing = nn.Sequential()
    assert not nothing
    assert getattr(method(**{part: nothing}), part) is nothing


@pytest.mark.parametrize("method", [MoCo, BYOL, DINO, SwAV, DiscreteVAE, VQVAE])
@pytest.mark.parametrize("learns", [True, False])
def test_a_loss_changes_the_model_in_training_only(method, learns, clothes):
    torch.manual_seed(0)
    model = method().train(learns)
    with torch.no_grad():  # as an optimizer leaves it
        for p in model.parameters():
            p.add_(0.01)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert model.loss(clothes).isfinite()
    same = all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert same == (not learns or method is VQVAE)


@pytest.mark.parametrize("method", [MoCo, SwAV])
def test_a_head_of_another_width_is_refused_with_the_argument_that_it_needs(method, clothes):
    with pytest.raises(ValueError, match=r"rows of the same length; .* projections=10"):
        method(head=nn.Linear(128, 10)).loss(clothes)
    assert method(head=nn.Linear(128, 10), projections=10).loss(clothes).isfinite()


@pytest.mark.parametrize("n", [2, 3, 7, 10])
def test_moco_takes_batches_that_its_groups_do_not_divide(n, clothes):
    assert MoCo(conv_encoder(width=4), queue_size=8).loss(clothes[:n]).isfinite()
