"""The masked autoencoder, held against the paper's own order of steps, and wrong versions of it."""

import math

import mae_curves
import mae_ratio
import pytest
import torch
from ipywidgets import ToggleButton
from PIL import Image
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sslcourse.data import sweep
from sslcourse.encoders import VisionTransformer, sine_positions, transformer, transformer_flops
from sslcourse.losses import masked_reconstruction_loss
from sslcourse.masking import normalize_patches, patchify, random_mask, unpatchify
from sslcourse.methods import MAE
from sslcourse.widgets import explore, patch_grid


@pytest.fixture
def mae():
    torch.manual_seed(0)
    model = MAE(VisionTransformer(7, 32, 2), width=16)
    with torch.no_grad():
        model.mask_token.normal_()  # so that a slip in its use is seen
    return model


@pytest.fixture
def images():
    return torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask():
    return random_mask(6, 16, 0.75, torch.Generator().manual_seed(2))


def predictions_by_shuffling(mae, images, order, n_visible, unshuffle=True):
    """MAE as the paper writes it: permute, keep the first, append mask tokens, permute back.

    order: (N, L), the visible patches first, in any order.
    """
    encoder, n = mae.encoder, len(images)
    tokens = patchify(images, 7) @ encoder.embed.weight.flatten(1).T + encoder.embed.bias
    tokens = tokens + encoder.positions
    kept = order[:, :n_visible, None].expand(-1, -1, tokens.shape[2])
    latent = mae.to_decoder(encoder.layers(tokens.gather(1, kept)))
    whole = torch.cat([latent, mae.mask_token.expand(n, 16 - n_visible, -1)], dim=1)
    if unshuffle:
        back = order.argsort(1)[:, :, None].expand(-1, -1, whole.shape[2])
        whole = whole.gather(1, back)
    return mae.to_pixels(mae.decoder(whole + mae.positions))


def shuffled(mask, seed):
    """An order of the patches, (N, L), in which the visible ones come first."""
    noise = torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed))
    return (noise + mask).argsort(1)


@pytest.mark.parametrize("seed", [0, 1])
@torch.no_grad()
def test_predictions_are_those_of_the_papers_shuffled_form_in_whatever_order(mae, images, mask, seed):  # T21
    expected = predictions_by_shuffling(mae, images, shuffled(mask, seed), 4)
    torch.testing.assert_close(mae(images, mask), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_tokens_that_are_never_unshuffled_are_found(mae, images, mask):
    wrong = [
        predictions_by_shuffling(mae, images, shuffled(mask, seed), 4, unshuffle=False) for seed in (0, 1)
    ]
    assert (wrong[0] - wrong[1]).abs().max() > 0.01


@pytest.mark.parametrize(("ratio", "visible"), [(0.25, 12), (0.5, 8), (0.75, 4)])
def test_the_encoder_sees_as_many_tokens_as_there_are_visible_patches(mae, images, ratio, visible):  # T20
    lengths = []
    mae.encoder.layers.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[1]))
    mae.encode(images, random_mask(6, 16, ratio))
    assert lengths == [visible]


@torch.no_grad()
def test_what_is_hidden_changes_the_prediction_by_exactly_nothing(mae, images, mask):  # T20
    pixels = torch.where(mask.unsqueeze(2), torch.rand(6, 16, 49), patchify(images, 7))
    assert torch.equal(mae(unpatchify(pixels, 7), mask), mae(images, mask))


def spread_over_hidden_places(predictions, mask):
    """Standard deviation of the predictions over the hidden patches of one image, largest pixel."""
    return predictions[0][mask[0]].std(0).max().item()


@torch.no_grad()
def test_the_decoder_knows_where_each_patch_belongs(mae, images, mask):  # T22
    assert spread_over_hidden_places(mae(images, mask), mask) > 0.01
    mae.positions.zero_()
    assert spread_over_hidden_places(mae(images, mask), mask) < 1e-6


class CirculatedMAE(nn.Module):
    """A version that circulates: makes decoder blocks and positions, uses neither; batch_first is missing."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 32, 7, stride=7)
        self.positions = nn.Parameter(torch.randn(1, 16, 32))
        self.encoder_blocks = nn.ModuleList([nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0)])
        self.to_decoder = nn.Linear(32, 16)
        self.mask_token = nn.Parameter(torch.randn(1, 1, 16))
        self.decoder_positions = nn.Parameter(torch.randn(1, 16, 16))
        self.decoder_blocks = nn.ModuleList([nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0)])
        self.to_pixels = nn.Linear(16, 49)

    def forward(self, images, mask):
        order = mask.int().argsort(dim=1, stable=True)
        tokens = self.embed(images).flatten(2).transpose(1, 2) + self.positions
        tokens = tokens.gather(1, order[:, :4, None].expand(-1, -1, 32))
        for block in self.encoder_blocks:
            tokens = block(tokens)
        hidden = self.mask_token.repeat(len(images), 12, 1)
        tokens = torch.cat([self.to_decoder(tokens), hidden], dim=1)
        tokens = tokens.gather(1, order.argsort(1)[:, :, None].expand(-1, -1, 16))
        return self.to_pixels(tokens)


@pytest.fixture
def circulated():
    torch.manual_seed(0)
    return CirculatedMAE()


def influence_of_the_second_image(model, images, mask):
    changed = images.clone()
    changed[1] = 1 - changed[1]
    return (model(changed, mask)[0] - model(images, mask)[0]).abs().max().item()


@torch.no_grad()
def test_the_circulated_version_predicts_one_patch_for_all_hidden_places(circulated, images, mask):
    predictions = circulated(images, mask)
    assert spread_over_hidden_places(predictions, mask) < 1e-6
    assert predictions[mask].std(0).max() < 1e-6  # and for all images


def test_the_decoder_of_the_circulated_version_never_learns(circulated, images, mask):
    masked_reconstruction_loss(circulated(images, mask), patchify(images, 7), mask).backward()
    idle = {name.split(".")[0] for name, p in circulated.named_parameters() if p.grad is None}
    assert idle == {"decoder_positions", "decoder_blocks"}
    no_use = [p for p in circulated.encoder_blocks.parameters() if p.grad is not None and p.grad.any()]
    assert no_use == []  # the hidden patches hear nothing of the encoder


def test_every_parameter_of_ours_learns(mae, images, mask):
    masked_reconstruction_loss(mae(images, mask), patchify(images, 7), mask).backward()
    assert all(p.grad.any() for p in mae.parameters())


@torch.no_grad()
def test_without_batch_first_images_look_at_each_other(mae, circulated, images, mask):
    assert influence_of_the_second_image(mae, images, mask) == 0
    order = mask.int().argsort(dim=1, stable=True)[:, :4, None].expand(-1, -1, 32)

    def encode(images, _):
        tokens = (circulated.embed(images).flatten(2).transpose(1, 2) + circulated.positions).gather(1, order)
        return circulated.encoder_blocks[0](tokens)

    assert influence_of_the_second_image(encode, images, mask) > 0.01


@torch.no_grad()
def test_a_reconstruction_keeps_the_visible_pixels(mae, images, mask):
    drawn = patchify(mae.reconstruct(images, mask), 7)
    assert torch.equal(drawn[~mask], patchify(images, 7)[~mask])
    assert torch.equal(drawn[mask], mae(images, mask)[mask])


@torch.no_grad()
def test_predictions_of_normalised_pixels_are_drawn_as_pixels(images, mask, monkeypatch):
    model = MAE(VisionTransformer(7, 32, 2), normalize=True)
    monkeypatch.setattr(MAE, "forward", lambda model, images, mask: model.target(images))  # all right
    torch.testing.assert_close(model.reconstruct(images, mask), images)


@pytest.mark.parametrize("n_hidden", [0, 1, 15, 16])
@pytest.mark.parametrize("mode", ["train", "eval"])
@torch.no_grad()
def test_any_number_of_patches_may_be_hidden(mae, images, n_hidden, mode):
    mask = (torch.arange(16) < n_hidden).expand(6, 16)
    assert getattr(mae, mode)().reconstruct(images, mask).isfinite().all()


def test_the_loss_hides_anew_at_every_call_and_repeats_with_its_generator(images):
    def losses():
        torch.manual_seed(0)
        model = MAE(VisionTransformer(7, 32, 2), generator=torch.Generator().manual_seed(3))
        return [model.loss(images).item() for _ in range(2)]

    assert losses() == losses()
    assert losses()[0] != losses()[1]


def test_the_target_may_be_normalised_patches(images):
    model = MAE(VisionTransformer(7, 32, 2), normalize=True)
    assert torch.equal(model.target(images), normalize_patches(patchify(images, 7)))


def test_a_second_of_training_finds_what_plain_images_have_in_common():
    gray = torch.rand(128, 1, 1, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 1, 28, 28)
    torch.manual_seed(0)
    model = MAE(VisionTransformer(7, 32, 2), width=32, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = model.loss(gray)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < gray.var() / 4


# The encoder


@torch.no_grad()
def test_the_representation_is_the_mean_of_the_tokens(mae, images):
    everything = torch.zeros(6, 16, dtype=torch.bool)
    assert torch.equal(mae.encoder(images), mae.encoder.tokens(images).mean(1))
    torch.testing.assert_close(mae.encoder.tokens(images, everything), mae.encoder.tokens(images))


@torch.no_grad()
def test_attention_is_that_of_queries_and_keys_written_out(mae, images):
    encoder = mae.encoder
    first, last, _ = encoder.layers
    tokens = last.norm1(first(encoder._embedded(images)))
    query, key, _ = (tokens @ last.self_attn.in_proj_weight.T + last.self_attn.in_proj_bias).chunk(3, dim=2)
    expected = torch.zeros(6, 16)
    for head in range(4):
        part = slice(8 * head, 8 * head + 8)
        scores = query[:, :, part] @ key[:, :, part].transpose(1, 2) / 8**0.5
        expected += scores.softmax(2).mean(1) / 4
    torch.testing.assert_close(encoder.attention(images), expected)
    torch.testing.assert_close(encoder.attention(images).sum(1), torch.ones(6))


@pytest.mark.parametrize("n_tokens", [1, 4, 12, 16])
def test_our_count_of_operations_is_that_of_torch(n_tokens):
    layers = transformer(32, 3, 4)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        layers(torch.rand(1, n_tokens, 32))
    assert counter.get_total_flops() == transformer_flops(n_tokens, 32, 3)


def test_layers_start_with_different_weights():
    first, second, _ = transformer(32, 2, 4)
    assert not torch.equal(first.linear1.weight, second.linear1.weight)


def test_patches_that_do_not_fill_the_image_are_refused():
    with pytest.raises(ValueError, match="patches of 5 pixels do not fill"):
        VisionTransformer(patch_size=5)


@pytest.mark.parametrize("side", [32, 30])
def test_images_of_another_size_are_refused(mae, side):
    with pytest.raises(ValueError, match=f"takes images of 28 x 28 pixels, got {side} x {side}"):
        mae.encoder(torch.zeros(2, 1, side, side))


def test_positions_are_waves_of_row_and_column_written_out():
    places = sine_positions(3, 8)
    for row in range(3):
        for column in range(3):
            expected = []
            for place in (row, column):
                angles = [place * math.pi / 2, place * math.pi / 20]
                expected += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            assert places[3 * row + column].tolist() == pytest.approx(expected, abs=1e-6)


def test_the_product_of_two_positions_depends_only_on_the_rows_and_columns_between_them():
    places = sine_positions(7, 64).reshape(7, 7, 64)
    one, other = places[:4, :5], places[3:, 2:]  # three rows and two columns apart
    products = (one * other).sum(2)
    torch.testing.assert_close(products, products[:1, :1].expand(4, 5), atol=1e-4, rtol=0)
    assert (places @ places[3, 3]).flatten().argmax() == 24


def test_positions_of_an_odd_width_are_refused():
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        sine_positions(3, 6)


# What fine-tuning gains


def test_the_stored_runs_are_complete_and_trained_as_was_best_on_validation():
    stored = sweep("mae_fine_tuning")
    n, steps = mae_curves.CHOOSE_AT
    for name in mae_curves.STARTS:
        tried = stored[f"{name}, validation"]
        assert [(p["per_class"], p["steps"], p["rate"]) for p in tried] == [
            (n, steps, rate) for rate in mae_curves.RATES
        ]
        best = max(tried, key=lambda point: point["accuracy"])["rate"]
        runs, places = stored[name], mae_curves.PLACES
        places = places | mae_curves.LONGER if name in mae_curves.CONTROLS else places
        expected = [(*place, draw) for place, draws in places.items() for draw in draws]
        assert {point["rate"] for point in runs} == {best}
        assert [(p["per_class"], p["steps"], p["draw"]) for p in runs] == expected


def test_stored_runs_can_be_made_again(one_thread):
    for name, number in [("pixels", 1), ("ViT after MAE", 0)]:
        point = sweep("mae_fine_tuning")[name][number]
        again = mae_curves.accuracy(name, *(point[key] for key in ("per_class", "draw", "steps", "rate")))
        assert again == pytest.approx(point["accuracy"], abs=0.02)


# The share that is hidden


def test_each_share_is_stored_for_each_start_and_one_can_be_made_again(one_thread):
    stored = sweep("mae_ratio")
    assert list(stored) == list(mae_ratio.SETTINGS)
    assert all([p["seed"] for p in points] == list(mae_ratio.SEEDS) for points in stored.values())
    one = stored["90 %"][0]
    assert mae_ratio.probe(*mae_ratio.SETTINGS["90 %"], one["seed"]) == pytest.approx(one["probe"], abs=0.02)


# The patch clicker


@pytest.fixture
def clicks():
    return []


@pytest.fixture
def panel(clicks):
    def draw(hidden):
        clicks.append(hidden)
        return Image.new("L", (4, 4), color=len(hidden)), f"hidden: {hidden}"

    return explore(draw, hidden=patch_grid("patches", 2, (0,)))


def buttons(widget):
    own = [widget] if isinstance(widget, ToggleButton) else []
    return own + [button for child in getattr(widget, "children", ()) for button in buttons(child)]


def test_pressing_a_button_hides_its_patch_and_pressing_again_shows_it(panel, clicks):
    buttons(panel.widget)[3].value = True
    assert panel.text == "hidden: (0, 3)"
    buttons(panel.widget)[0].value = False
    assert clicks == [(0,), (0, 3), (3,)]


def test_setting_the_hidden_patches_moves_the_buttons_and_draws_once(panel, clicks):
    panel.set(hidden=(2, 1, 1))
    assert [button.value for button in buttons(panel.widget)] == [False, True, True, False]
    assert clicks == [(0,), (1, 2)]


def test_each_button_says_where_it_is_and_what_it_does(panel):
    assert [button.tooltip for button in buttons(panel.widget)] == [
        "row 1, column 1: hidden", "row 1, column 2: seen", "row 2, column 1: seen", "row 2, column 2: seen",
    ]  # fmt: skip
    assert [button.description for button in buttons(panel.widget)] == ["hidden", "seen", "seen", "seen"]


def test_a_patch_that_does_not_exist_is_refused(panel, clicks):
    with pytest.raises(ValueError, match="patches are numbered 0 to 3"):
        panel.set(hidden=(4,))
    assert clicks == [(0,)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda mask: mask.long(),
        lambda mask: mask[0],
        lambda mask: mask.logical_and(torch.arange(len(mask)).reshape(-1, 1) > 0),
    ],
    ids=["whole numbers", "one row", "rows that hide different numbers"],
)
def test_the_encoder_refuses_a_mask_with_which_it_would_see_other_patches(mae, images, mask, wrong):
    with pytest.raises(ValueError, match=r"mask must be boolean .* hide the same number"):
        mae(images, wrong(mask))
