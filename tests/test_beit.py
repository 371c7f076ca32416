"""Tokenisers, block-wise masks and BEiT, held against the papers' loops, and wrong versions of them."""

import math

import beit_curves
import pytest
import torch
from torch.nn import functional as F

from sslcourse.data import Batches, sweep
from sslcourse.encoders import VisionTransformer
from sslcourse.evaluate import code_shares, perplexity
from sslcourse.losses import reconstruction_loss
from sslcourse.masking import block_mask, nearest_visible, patchify
from sslcourse.methods import VQVAE, BEiT, DiscreteVAE, gumbel_choice, gumbel_softmax, kl_to_uniform
from sslcourse.training import finish, train_adamw


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(6, 1, 28, 28, generator=generator(1))


@pytest.fixture
def tokenizer():
    torch.manual_seed(0)
    return DiscreteVAE(8, width=16, generator=generator())


@pytest.fixture
def vq():
    torch.manual_seed(0)
    return VQVAE(8, width=16)


@pytest.fixture
def beit(tokenizer):
    torch.manual_seed(0)
    model = BEiT(VisionTransformer(width=32, depth=2), tokenizer, generator=generator(3))
    with torch.no_grad():
        model.mask_token.normal_()  # so that a slip in its use is seen
    return model


# block-wise masks


def masks_of_the_paper(n, side, ratio, luck):
    """Algorithm 1 of BEiT, image by image; luck(i) gives the next four random numbers of image i."""
    masks = []
    for i in range(n):
        hidden = set()
        while True:
            u_area, u_aspect, u_top, u_left = luck(i)
            smallest = 16 / 196 * side**2
            s = smallest + u_area * (ratio * side**2 - len(hidden) - smallest)  # Rand(16, 0.4 N - |M|)
            r = 0.3 + u_aspect * (1 / 0.3 - 0.3)  # Rand(0.3, 1 / 0.3)
            a = min(side, max(1, round(math.sqrt(s * r))))
            b = min(side, max(1, round(math.sqrt(s / r))))
            top, left = int(u_top * (side - a + 1)), int(u_left * (side - b + 1))
            hidden |= {(i, j) for i in range(top, top + a) for j in range(left, left + b)}
            if len(hidden) > ratio * side**2:
                break
        masks.append([(i, j) in hidden for i in range(side) for j in range(side)])
    return torch.tensor(masks)


@pytest.mark.parametrize(("side", "ratio"), [(7, 0.4), (14, 0.4), (7, 0.75), (4, 0.2)])
def test_block_masks_are_those_of_the_papers_loop(side, ratio):
    source = generator(5)
    drawn = [torch.rand(4, 40, generator=source) for _ in range(60)]
    turns = [0] * 40

    def luck(i):
        turns[i] += 1
        return drawn[turns[i] - 1][:, i].tolist()

    expected = masks_of_the_paper(40, side, ratio, luck)
    assert torch.equal(block_mask(40, side**2, ratio, generator(5)), expected)


def test_block_masks_hide_a_little_more_than_was_asked_for():
    hidden = block_mask(2000, 196, 0.4, generator()).double().mean(1)
    assert hidden.min() > 0.4
    assert hidden.mean() < 0.45


def neighbours_alike(mask, side):
    """Of places beside each other, the share of which both are hidden or both are seen."""
    grid = mask.unflatten(1, (side, side))
    return (grid[:, :, 1:] == grid[:, :, :-1]).double().mean().item()


def test_a_block_mask_hides_neighbours_together():
    blocks = block_mask(500, 196, 0.4, generator())
    coins = torch.rand(500, 196, generator=generator()) < blocks.double().mean()
    assert neighbours_alike(blocks, 14) > 0.8
    assert neighbours_alike(coins, 14) == pytest.approx(0.51, abs=0.02)


def test_block_masks_differ_and_repeat_with_their_generator():
    first, again = (block_mask(50, 49, generator=generator(2)) for _ in range(2))
    assert torch.equal(first, again)
    assert len(first.unique(dim=0)) > 40


@pytest.mark.parametrize(("n_patches", "ratio"), [(48, 0.4), (49, 0.0), (49, 1.0)])
def test_masks_that_cannot_be_made_of_blocks_are_refused(n_patches, ratio):
    with pytest.raises(ValueError, match="square number of patches and a ratio between 0 and 1"):
        block_mask(3, n_patches, ratio)


def test_the_nearest_visible_place_is_that_of_loops():
    mask = torch.rand(8, 25, generator=generator()) < 0.7
    found = nearest_visible(mask)
    for hidden, row in zip(mask.tolist(), found.tolist(), strict=True):
        visible = [place for place in range(25) if not hidden[place]]
        for place, near in enumerate(row):
            distances = [(v // 5 - place // 5) ** 2 + (v % 5 - place % 5) ** 2 for v in visible]
            assert near == visible[distances.index(min(distances))]


def test_a_mask_that_hides_everything_has_no_nearest_visible_place():
    with pytest.raises(ValueError, match="hides not all"):
        nearest_visible(torch.ones(2, 9, dtype=torch.bool))


# gradients through a choice


def test_a_soft_choice_is_that_of_torch():
    logits = torch.randn(500, 6, generator=generator())
    ours = gumbel_softmax(logits, 0.7, generator(1))
    noise = -(-torch.rand(500, 6, generator=generator(1)).clamp(1e-7, 1 - 1e-7).log()).log()
    torch.testing.assert_close(ours, F.softmax((logits + noise) / 0.7, 1))
    torch.manual_seed(0)
    theirs = F.gumbel_softmax(logits[:1].expand(40_000, 6), 0.7)
    drawn = gumbel_softmax(logits[:1].expand(40_000, 6), 0.7, generator(2))
    torch.testing.assert_close(drawn.mean(0), theirs.mean(0), atol=0.01, rtol=0)


VALUES = torch.tensor([1.0, -0.5, 2.0])  # of three codes


def gradients(draw, temperature, power=2, n=200_000):
    """Mean and standard deviation of the gradient of value ** power by the last of three logits."""
    logits = torch.tensor([0.5, 0.0, -0.5]).expand(n, 3).clone().requires_grad_()
    (draw(logits, temperature, generator()) @ VALUES).pow(power).sum().backward()
    return logits.grad[:, 2].mean().item(), logits.grad[:, 2].std().item()


def exact_gradient(power=2):
    logits = torch.tensor([0.5, 0.0, -0.5], requires_grad=True)
    (logits.softmax(0) @ VALUES.pow(power)).backward()
    return logits.grad[2].item()


def test_a_cold_soft_choice_has_the_gradient_of_the_expectation_and_a_large_variance():
    (cold, cold_std), (warm, warm_std) = (gradients(gumbel_softmax, t) for t in (0.05, 2.0))
    assert cold == pytest.approx(exact_gradient(), abs=0.02)
    assert abs(warm - exact_gradient()) > 0.1
    assert cold_std > 3 * warm_std


def test_a_cold_straight_through_choice_is_right_for_squares_and_biased_for_what_is_more_curved():
    # its two ends of a line weigh equally: the trapezoidal rule, which is exact up to squares
    assert gradients(gumbel_choice, 0.05)[0] == pytest.approx(exact_gradient(), abs=0.03)
    assert abs(gradients(gumbel_choice, 0.05, power=4)[0] - exact_gradient(4)) > 0.3


# tokenisers


@torch.no_grad()
def test_a_token_is_the_nearest_code(tokenizer, images):
    latents, tokens = tokenizer.latents(images), tokenizer.tokens(images)
    for image in range(2):
        for place in range(49):
            distances = [(latents[image, place] - code).norm().item() for code in tokenizer.codebook]
            assert distances[tokens[image, place]] == min(distances)


@torch.no_grad()
def test_logits_are_minus_squared_distances(tokenizer, images):
    latents = tokenizer.latents(images)
    expected = -torch.cdist(latents, tokenizer.codebook).square()
    torch.testing.assert_close(tokenizer.logits(latents), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_tokens_stand_in_reading_order(tokenizer):
    image = torch.zeros(1, 1, 28, 28)
    before = tokenizer.draw(tokenizer.codebook[torch.zeros(1, 49, dtype=torch.int64)])
    tokens = torch.zeros(1, 49, dtype=torch.int64)
    tokens[0, 7 * 2 + 5] = 3  # row 2, column 5
    changed = (tokenizer.decode(tokens) != before)[0, 0]
    rows, columns = changed.any(1).nonzero().flatten(), changed.any(0).nonzero().flatten()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 15, 16, 27)
    image[0, 0, 8:12, 20:24] = 1.0
    moved = (tokenizer.latents(image) != tokenizer.latents(torch.zeros_like(image))).any(2)[0]
    assert moved.nonzero().flatten().tolist() == [7 * r + c for r in (1, 2, 3) for c in (4, 5, 6)]


def test_the_loss_of_a_discrete_vae_is_error_and_weighted_divergence(images):
    torch.manual_seed(0)
    model = DiscreteVAE(8, width=16, temperatures=(0.5, 0.5), kl_weight=0.3, generator=generator(4))
    logits = model.logits(model.latents(images))
    choice = gumbel_softmax(logits, 0.5, generator(4))
    error = (model.draw(choice @ model.codebook) - images).square().mean()
    q = torch.distributions.Categorical(logits=logits)
    uniform = torch.distributions.Categorical(logits=torch.zeros_like(logits))
    divergence = torch.distributions.kl_divergence(q, uniform).mean()
    torch.testing.assert_close(model.loss(images), error + 0.3 * divergence)


def test_the_divergence_of_a_sure_choice_is_log_k_with_a_finite_gradient():
    logits = torch.tensor([[0.0, -1e4, -1e4]], requires_grad=True)
    value = kl_to_uniform(logits)
    value.backward()
    assert value.item() == pytest.approx(math.log(3))
    assert logits.grad.isfinite().all()
    assert kl_to_uniform(torch.zeros(2, 4, 5)).item() == pytest.approx(0, abs=1e-6)


def test_the_temperature_falls_as_was_asked_for(images):
    model = DiscreteVAE(8, width=16, temperatures=(1.0, 0.25), steps=2)
    found = []
    for _ in range(4):
        found.append(model.temperature)
        model.loss(images)
    assert found == pytest.approx([1.0, 0.5, 0.25, 0.25])


def test_the_terms_of_a_vq_vae_reach_what_they_should(vq, images):  # T23
    latents = vq.latents(images)
    nearest = vq.tokens(images)
    loss = vq.loss(images)
    encoder_gradient = torch.autograd.grad(loss, vq.encoder[4].weight, retain_graph=True)[0]
    codebook_gradient = torch.autograd.grad(loss, vq.codebook)[0]
    assert encoder_gradient.any()
    codes = vq.codebook.detach().clone().requires_grad_()
    (codes[nearest] - latents.detach()).square().mean().backward()  # the codebook term, and nothing else
    torch.testing.assert_close(codebook_gradient, codes.grad)


def test_the_gradient_of_the_error_is_copied_past_the_choice(vq, images):
    vq.commitment = 0.0
    latents = vq.latents(images)
    codes = vq.codebook[vq.tokens(images)].detach().requires_grad_()
    reconstruction_loss(vq.draw(codes), images).backward()  # what arrives at the codes
    expected = torch.autograd.grad(latents, vq.encoder[4].weight, codes.grad)[0]
    found = torch.autograd.grad(vq.loss(images), vq.encoder[4].weight)[0]
    torch.testing.assert_close(found, expected)


def test_commitment_pulls_the_latents_to_their_codes(vq, images):
    def gradient(commitment):
        vq.commitment = commitment
        return torch.autograd.grad(vq.loss(images), vq.encoder[4].weight)[0]

    latents, codes = vq.latents(images), vq.codebook[vq.tokens(images)].detach()
    expected = torch.autograd.grad((latents - codes).square().mean(), vq.encoder[4].weight)[0]
    torch.testing.assert_close(gradient(0.5) - gradient(0.0), 0.5 * expected, atol=1e-6, rtol=1e-3)


def used(model, images):
    return len(model.tokens(images).unique())


def test_far_codes_are_dead_and_a_start_on_centres_revives_them(vq, images):
    with torch.no_grad():
        vq.codebook[1:] += 100
    assert used(vq, images) == 1
    vq.start_codes(images, generator())
    assert used(vq, images) == 8


def test_dead_codes_are_restarted_and_the_others_stay(vq, images):
    with torch.no_grad():
        vq.codebook[3:] += 100
    before, dead = vq.codebook.clone(), 8 - used(vq, images)
    unused = torch.ones(8, dtype=torch.bool)
    unused[vq.tokens(images).unique()] = False
    assert vq.restart_dead_codes(images, generator()) == dead
    assert torch.equal(vq.codebook[~unused], before[~unused])
    assert used(vq, images) > 8 - dead


def test_more_dead_codes_than_patches_are_refused(vq, images):
    with torch.no_grad():
        vq.codebook[1:] += 100
    with pytest.raises(ValueError, match="7 codes are dead and these images have 4 patches"):
        vq.restart_dead_codes(images[:1, :, :8, :8])


def test_a_vq_vae_refuses_what_only_a_discrete_vae_needs():
    with pytest.raises(TypeError, match="temperatures"):
        VQVAE(temperatures=(1.0, 0.1))


def test_a_codebook_of_one_code_is_refused():
    with pytest.raises(ValueError, match="two codes or more, got 1"):
        DiscreteVAE(1)


# BEiT


@torch.no_grad()
def test_logits_are_those_of_the_whole_sequence_with_mask_tokens(beit, images):
    mask, encoder = beit.mask(6), beit.encoder
    tokens = patchify(images, 4) @ encoder.embed.weight.flatten(1).T + encoder.embed.bias
    for image in range(6):
        for place in range(49):
            if mask[image, place]:
                tokens[image, place] = beit.mask_token
    expected = beit.to_codes(encoder.layers(tokens + encoder.positions))
    torch.testing.assert_close(beit(images, mask), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_encoder_sees_as_many_tokens_as_there_are_patches(beit, images):
    lengths = []
    beit.encoder.layers.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[1]))
    beit(images, beit.mask(6))
    assert lengths == [49]


@torch.no_grad()
def test_without_a_mask_the_encoder_is_the_usual_one(beit, images):
    nothing = torch.zeros(6, 49, dtype=torch.bool)
    assert torch.equal(beit(images, nothing), beit.to_codes(beit.encoder.tokens(images)))


def scribbled(images, mask):
    """Other pixels where the mask hides."""
    hidden = mask.reshape(-1, 1, 7, 7).repeat_interleave(4, 2).repeat_interleave(4, 3)
    return torch.where(hidden, 1 - images, images)


@torch.no_grad()
def test_what_is_hidden_changes_the_logits_by_exactly_nothing(beit, images):
    mask = beit.mask(6)
    assert torch.equal(beit(scribbled(images, mask), mask), beit(images, mask))


def test_the_loss_is_the_cross_entropy_at_hidden_places_only(beit, images):
    mask = block_mask(6, 49, 0.4, generator(3))  # the mask that the loss will draw
    logits, targets = beit(images, mask), beit.tokenizer.tokens(images)
    total = 0.0
    for image in range(6):
        for place in range(49):
            if mask[image, place]:
                total -= logits[image, place].log_softmax(0)[targets[image, place]].item()
    assert beit.loss(images).item() == pytest.approx(total / mask.sum().item(), rel=1e-5)


def test_no_gradient_comes_from_visible_places(beit, images):
    kept = []

    def keep(_module, _inputs, output):
        output.retain_grad()
        kept.append(output)

    beit.to_codes.register_forward_hook(keep)
    mask = block_mask(6, 49, 0.4, generator(3))
    beit.loss(images).backward()
    size = kept[0].grad.abs().sum(2)
    assert (size[~mask] == 0).all()
    assert (size[mask] > 0).all()


def test_the_tokenizer_sees_the_whole_image(beit, images):
    seen = []
    beit.tokenizer.encoder.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    beit.loss(images)
    assert len(seen) == 1
    assert torch.equal(seen[0], images)


def test_training_leaves_the_tokenizer_as_it_was(beit, tokenizer, images):
    before = {name: tensor.clone() for name, tensor in beit.tokenizer.state_dict().items()}
    finish(train_adamw(beit.loss, beit.parameters(), Batches(images, batch_size=3), 2))
    for name, tensor in beit.tokenizer.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(p.requires_grad for p in tokenizer.parameters())  # the one that was given stays trainable


def test_everything_but_the_tokenizer_learns(beit, images):
    beit.loss(images).backward()
    trained = {name for name, p in beit.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained == {name for name, _ in beit.named_parameters() if not name.startswith("tokenizer.")}


@torch.no_grad()
def test_predicted_tokens_keep_what_is_visible(beit, images):
    mask, true = beit.mask(6), beit.tokenizer.tokens(images)
    predicted = beit.predict(images, mask)
    assert torch.equal(predicted[~mask], true[~mask])
    assert torch.equal(predicted[mask], beit(images, mask).argmax(2)[mask])


def test_a_second_of_training_learns_what_plain_images_have_in_common(vq):
    gray = torch.rand(64, 1, 1, 1, generator=generator()).expand(-1, 1, 28, 28).contiguous()
    vq.start_codes(gray, generator())
    torch.manual_seed(0)
    model = BEiT(VisionTransformer(width=32, depth=2), vq, generator=generator())
    history = finish(train_adamw(model.loss, model.parameters(), Batches(gray, batch_size=32), 25, 3e-3))
    tokens = vq.tokens(gray)
    share = tokens.flatten().bincount(minlength=8) / tokens.numel()
    assert history.loss[-1] < torch.special.entr(share).sum() / 2  # half of the token entropy


# which codes are used


def test_shares_of_codes_give_the_perplexity_of_a_whole_pass():
    tokens = torch.tensor([[0, 0, 1], [3, 3, 0]])
    shares = code_shares(tokens, 5)
    assert shares.tolist() == pytest.approx([1 / 2, 1 / 6, 0, 1 / 3, 0])
    entropy = -sum(s * math.log(s) for s in (1 / 2, 1 / 6, 1 / 3))
    assert perplexity(shares[tokens.flatten()]).item() == pytest.approx(math.exp(entropy))


def test_one_batch_cannot_show_more_codes_than_it_has_tokens():
    tokens = torch.randint(512, (200, 49), generator=generator())
    whole, batch = (perplexity(code_shares(part, 512)[part.flatten()]) for part in (tokens, tokens[:1]))
    assert whole > 480
    assert batch <= 49


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(torch.zeros(2, 3), "whole numbers"), (torch.tensor([7]), "5 codes, but a token is number 7")],
)
def test_tokens_that_cannot_be_counted_are_refused(tokens, message):
    with pytest.raises(ValueError, match=message):
        code_shares(tokens, 5)


# BEiT beside MAE


def test_the_stored_runs_are_complete_and_fine_tuned_as_was_best_on_validation():
    points = sweep("discrete_targets")
    passes = {"random ViT": 1} | {name: way[2] for name, way in beit_curves.WAYS.items()}
    for name in passes:
        seeds = beit_curves.SEEDS[1] if name == "random ViT" else beit_curves.seeds_of(name)
        assert [point["seed"] for point in points[name]] == list(seeds)
    for name in beit_curves.CHOSEN:
        tried = points[f"{name}, validation"]
        assert [point["rate"] for point in tried] == list(beit_curves.RATES)
        best = max(tried, key=lambda point: point["fine_tuned"])["rate"]
        longer = [n for n, number in passes.items() if number == 4 and n.split(",")[0] == name]
        assert {point["rate"] for n in [name, *longer] for point in points[n]} == {best}


def test_a_stored_run_can_be_made_again(one_thread):
    torch.manual_seed(1)
    again, stored = beit_curves.measured(VisionTransformer(), 1), sweep("discrete_targets")["random ViT"][1]
    assert again == pytest.approx(stored, abs=0.02)


@pytest.mark.parametrize("name", beit_curves.WAYS)
def test_each_way_trains_its_encoder(name, one_thread):
    frames = torch.rand(64, 1, 28, 28, generator=generator())
    torch.manual_seed(0)
    untrained = VisionTransformer()
    trained = beit_curves.pretrained(name, 0, frames)
    moved = {key for key, p in trained.named_parameters() if not torch.equal(p, untrained.get_parameter(key))}
    assert moved == {key for key, _ in untrained.named_parameters()}
