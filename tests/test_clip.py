"""CLIP: its loss against loops and PyTorch, who gets a gradient, and what the stored trainings say."""

import math

import pytest
import torch
from image_text import SEEDS, SETTINGS, GrammarReader, point
from torch import nn
from torch.nn import functional as F

from sslcourse.data import (
    CAPTION_WORDS,
    encode_captions,
    exchanged_captions,
    object_scenes,
    shape_captions,
    shapes,
    sweep,
)
from sslcourse.encoders import PhraseEncoder, TextEncoder
from sslcourse.evaluate import preferred, prompt_embeddings, recall_at, zero_shot
from sslcourse.losses import clip_loss
from sslcourse.methods import CLIP
from sslcourse.training import finish, train_adamw


def vectors(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def pair():
    return vectors(5, 3), vectors(5, 3, seed=1)


# The loss


def clip_loss_by_loops(images, texts, temperature, same=None, wrong=()):
    """The pseudocode of Figure 3, number by number."""

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    images, texts, n, total = images.tolist(), texts.tolist(), len(images), 0.0
    for i in range(n):
        own = math.exp(cosine(images[i], texts[i]) / temperature)
        kept = [j for j in range(n) if j == i or same is None or not same[i][j]]
        row = sum(math.exp(cosine(images[i], texts[j]) / temperature) for j in kept)
        row += sum(math.exp(cosine(images[i], w) / temperature) for w in wrong)
        kept = [j for j in range(n) if j == i or same is None or not same[j][i]]
        column = sum(math.exp(cosine(images[j], texts[i]) / temperature) for j in kept)
        total -= (math.log(own / row) + math.log(own / column)) / 2
    return total / n


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
def test_the_loss_is_that_of_loops(pair, temperature):
    expected = clip_loss_by_loops(*pair, temperature)
    assert clip_loss(*pair, temperature).item() == pytest.approx(expected, abs=1e-10)


def test_the_loss_is_the_mean_of_two_cross_entropies(pair):
    images, texts = (F.normalize(z, dim=1) for z in pair)
    own = torch.arange(5)
    rows = F.cross_entropy(images @ texts.T / 0.1, own)
    columns = F.cross_entropy(texts @ images.T / 0.1, own)
    assert clip_loss(*pair, 0.1).item() == pytest.approx((rows + columns).item() / 2, abs=1e-12)
    assert abs(rows - columns) > 0.1


def test_images_and_texts_may_change_places(pair):
    images, texts = pair
    assert clip_loss(images, texts, 0.1).item() == pytest.approx(clip_loss(texts, images, 0.1).item())


def test_the_lengths_of_embeddings_do_not_count(pair):
    images, texts = pair
    assert clip_loss(7 * images, texts / 3, 0.1).item() == pytest.approx(clip_loss(*pair, 0.1).item())


@pytest.mark.parametrize("n", [2, 10, 64])
def test_equal_embeddings_give_the_logarithm_of_the_number_of_pairs(n):
    assert clip_loss(torch.ones(n, 4), torch.ones(n, 4), 0.07).item() == pytest.approx(math.log(n), abs=1e-5)


def test_orthogonal_pairs_have_the_loss_of_their_closed_form():
    z = torch.eye(6, dtype=torch.float64)
    assert clip_loss(z, z, 0.5).item() == pytest.approx(math.log(1 + 5 * math.exp(-2)))


def test_gradients_agree_with_finite_differences_for_all_inputs():
    images, texts, wrong = (
        vectors(*s, seed=i).requires_grad_() for i, s in enumerate([(4, 3), (4, 3), (2, 3)])
    )
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    same = torch.zeros(4, 4, dtype=torch.bool)
    same[0, 2] = same[2, 0] = True
    assert torch.autograd.gradcheck(
        lambda i, t, s, w: clip_loss(i, t, s, same, w), (images, texts, temperature, wrong)
    )


def test_captions_that_fit_as_well_are_left_out_and_wrong_ones_added(pair):
    same = torch.zeros(5, 5, dtype=torch.bool)
    same[1, 3] = same[4, 0] = same[2, 2] = True
    wrong = vectors(3, 3, seed=2)
    expected = clip_loss_by_loops(*pair, 0.2, same.tolist(), wrong.tolist())
    assert clip_loss(*pair, 0.2, same, wrong).item() == pytest.approx(expected, abs=1e-10)


def test_without_duplicates_the_loss_can_reach_zero_and_with_them_it_cannot():
    z = torch.eye(3, dtype=torch.float64)[[0, 0, 1, 2]]
    same = z @ z.T > 0.5
    assert clip_loss(z, z, 0.01).item() == pytest.approx(math.log(2) / 2)  # two of four have a double
    assert clip_loss(z, z, 0.01, same).item() == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_widened(pair, dtype):
    images, texts = (z.to(dtype) for z in pair)
    loss = clip_loss(images, texts, 0.01)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(clip_loss(images.double(), texts.double(), 0.01).item(), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (torch.ones(3, 2), torch.ones(1, 2), 0.1),
            r"image_embeddings \(3, 2\) and text_embeddings \(1, 2\)",
        ),
        ((torch.ones(3, 2), torch.ones(3, 2), 0.0), "temperature must be positive, got 0.0"),
        ((torch.ones(1, 2), torch.ones(1, 2), 0.1), "one alone has no negatives; got 1"),
        ((torch.ones(3, 2), torch.ones(3, 2), 0.1, torch.ones(3, 3)), "boolean .* got torch.float32"),
        ((torch.ones(3, 2), torch.ones(3, 2), 0.1, torch.ones(3, 1).bool()), r"\(N, N\) = \(3, 3\)"),
    ],
)
def test_what_would_compute_something_else_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        clip_loss(*arguments)


# The method


@pytest.fixture
def batch():
    pictures = shapes(16)
    return pictures.images, encode_captions(shape_captions(pictures))


@pytest.fixture
def clip():
    torch.manual_seed(0)
    return CLIP()


def test_embeddings_are_unit_vectors_of_one_space(clip, batch):
    for z in (clip.embed_images(batch[0]), clip.embed_texts(batch[1])):
        assert z.shape == (16, 64)
        assert torch.allclose(z.norm(dim=1), torch.ones(16), atol=1e-5)


def test_both_encoders_and_the_temperature_learn(clip, batch):
    clip.loss(batch).backward()
    assert all(
        p.grad is not None and p.grad.any()
        for p in clip.parameters()
        if p is not clip.text_encoder.embedding.weight
    )
    assert clip.log_scale.grad != 0


def test_the_scale_is_never_above_100_and_can_come_back(clip, batch):
    with torch.no_grad():
        clip.log_scale.fill_(9.0)
    clip.loss(batch).backward()
    assert clip.temperature.item() == pytest.approx(0.01)
    assert clip.log_scale.grad != 0  # a clamp inside the graph would stop it for good


def test_the_gradient_of_the_log_scale_is_temperature_times_that_of_the_temperature(batch):
    images, texts = vectors(6, 3), vectors(6, 3, seed=1)
    log_scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    clip_loss(images, texts, torch.exp(-log_scale)).backward()
    temperature = torch.exp(-log_scale.detach()).requires_grad_()
    clip_loss(images, texts, temperature).backward()
    assert log_scale.grad.item() == pytest.approx(-(temperature * temperature.grad).item())


def test_words_that_fill_a_row_up_do_not_count_in_the_mean(clip):
    bag = CLIP(text_encoder=nn.Embedding(len(CAPTION_WORDS), 64))
    short = encode_captions("a red circle")
    assert torch.allclose(bag.embed_texts(short), bag.embed_texts(short[:, :3]), atol=1e-6)


def test_a_bag_of_words_cannot_tell_exchanged_colours_and_a_transformer_can(clip):
    two = encode_captions(["a red circle and a blue square", "a blue circle and a red square"])
    bag = CLIP(text_encoder=nn.Embedding(len(CAPTION_WORDS), 64))
    for model, differs in ((bag, False), (clip, True)):
        one, other = model.embed_texts(two)
        assert (not torch.allclose(one, other, atol=1e-5)) == differs


def test_a_caption_without_a_word_is_refused(clip):
    with pytest.raises(ValueError, match="without a word"):
        clip.embed_texts(encode_captions(["a red circle", ""]))


def test_duplicates_and_wrong_captions_change_the_loss_as_clip_loss_says(clip):
    pictures = object_scenes(12, kinds=["one", "pair"])
    tokens = encode_captions(pictures.captions)
    tokens[1] = tokens[0]
    wrong = encode_captions(exchanged_captions(pictures))
    clip.eval()
    clip.leave_out_duplicates = True
    images, texts = clip.embed_images(pictures.images), clip.embed_texts(tokens)
    same = torch.zeros(12, 12, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    false = clip.embed_texts(wrong[wrong[:, 0] != 0])
    assert len(false) == len(pictures.of_kind("pair").things)
    expected = clip_loss(images, texts, 0.07, same, false)
    assert clip.loss((pictures.images, tokens, wrong)).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_few_pairs_can_be_learned_by_heart(batch):
    torch.manual_seed(0)
    model = CLIP(text_encoder=TextEncoder(len(CAPTION_WORDS), 17, depth=1))
    history = finish(
        train_adamw(model.loss, model.parameters(), [(batch[0][:6], batch[1][:6])] * 20, 1, lr=5e-3)
    )
    assert history.loss[-1] < 0.3 < history.loss[0]


# The measures


class FixedEmbeddings(nn.Module):
    """Embeds images as they are, and captions by a table."""

    def __init__(self, table):
        super().__init__()
        self.table = {tuple(encode_captions(caption)[0].tolist()): z for caption, z in table.items()}

    def forward(self, images):
        return F.normalize(images.flatten(1), dim=1)

    def embed_texts(self, tokens):
        return torch.stack([F.normalize(self.table[tuple(row)], dim=0) for row in tokens.tolist()])


@pytest.fixture
def plane():
    directions = {"red": (1.0, 0.0), "blue": (0.0, 1.0), "green": (1.0, 1.0), "small": (-1.0, 0.0)}
    return FixedEmbeddings({name: torch.tensor(z) for name, z in directions.items()})


def test_an_ensemble_is_the_mean_direction_of_unit_vectors(plane):
    z = prompt_embeddings(plane, ["red", ["red", "blue"], ["red", "red", "green"]])
    assert torch.allclose(z[0], torch.tensor([1.0, 0.0]))
    assert torch.allclose(z[1], torch.full((2,), math.sqrt(0.5)))
    mean = torch.tensor([2 + math.sqrt(0.5), math.sqrt(0.5)])
    assert torch.allclose(z[2], mean / mean.norm())


class NoisyTexts(nn.Module):
    """Embeds captions as torch.ones, in training mode with dropout; sees what it is given."""

    def __init__(self, device):
        super().__init__()
        self.scale, self.dropout = nn.Parameter(torch.ones((), device=device)), nn.Dropout(0.5)

    def embed_texts(self, tokens):
        self.seen = tokens.device
        return self.dropout(torch.ones(len(tokens), 8, device=tokens.device))


def test_prompts_are_embedded_in_evaluation_mode_and_the_model_keeps_its_own():
    model = NoisyTexts("cpu")
    assert torch.equal(prompt_embeddings(model, ["red"]), F.normalize(torch.ones(1, 8), dim=1))
    assert model.training and model.dropout.training


def test_prompts_go_where_the_model_is():
    model = NoisyTexts("meta")
    assert prompt_embeddings(model, ["red", "blue"]).device == model.seen == torch.device("meta")


def test_zero_shot_gives_cosines_with_the_prompts(plane):
    images = torch.tensor([[3.0, 0.0], [1.0, 1.0]]).reshape(2, 1, 1, 2)
    expected = torch.tensor([[1.0, 0.0, -1.0], [math.sqrt(0.5), math.sqrt(0.5), -math.sqrt(0.5)]])
    assert torch.allclose(zero_shot(plane, images, ["red", "blue", "small"]), expected, atol=1e-6)


def test_a_tie_counts_half(plane):
    images = torch.tensor([[1.0, 0.1], [0.1, 1.0], [1.0, 1.0]]).reshape(3, 1, 1, 2)
    assert preferred(plane, images, ["red"] * 3, ["blue"] * 3) == pytest.approx((1 + 0 + 0.5) / 3)


def test_recall_is_that_of_sorting_by_hand():
    similarity = torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.3, 0.4]])
    hits = torch.tensor([[False, False, True], [True, True, False]])
    assert [recall_at(similarity, hits, k) for k in (1, 2, 3)] == [0.0, 1.0, 1.0]


def test_recall_grows_with_k_and_is_one_at_the_end_if_each_query_has_a_hit():
    similarity, hits = vectors(4000, 20), torch.eye(20, dtype=torch.bool).repeat(200, 1)
    values = [recall_at(similarity, hits, k) for k in range(1, 21)]
    assert values == sorted(values) and values[-1] == 1
    assert values[4] == pytest.approx(5 / 20, abs=0.03)  # chance


@pytest.mark.parametrize(
    ("hits", "k", "message"),
    [
        (torch.ones(2, 3), 1, "hits must be boolean"),
        (torch.ones(3, 2) > 0, 1, r"\(2, 3\)"),
        (torch.ones(2, 3) > 0, 4, "between 1 and 3, got 4"),
    ],
)
def test_recall_refuses_what_cannot_be_counted(hits, k, message):
    with pytest.raises(ValueError, match=message):
        recall_at(torch.zeros(2, 3), hits, k)


def test_a_phrase_is_seen_wherever_it_stands_and_no_further_than_its_reach():
    torch.manual_seed(0)
    encoder = PhraseEncoder(len(CAPTION_WORDS))
    one = encode_captions("a red circle and a blue square that is here and here and here")
    other = one.clone()
    other[0, 12] = CAPTION_WORDS.index("star")
    differs = (encoder(one) != encoder(other)).any(2)[0]
    assert differs.nonzero().flatten().tolist() == [9, 10, 11, 12, 13, 14, 15]
    shifted = F.pad(one, (2, 0))[:, : one.shape[1]]
    assert torch.allclose(encoder(one)[:, 3:10], encoder(shifted)[:, 5:12], atol=1e-6)


# The stored trainings


def test_the_stored_trainings_have_all_settings_and_seeds():
    points = sweep("captions")
    expected = {name: setting.seeds for name, setting in SETTINGS.items()}
    expected |= {f"supervised, {n} labels": SEEDS for n in (10, 100)}
    assert {name: tuple(p["seed"] for p in each) for name, each in points.items()} == expected


@pytest.mark.usefixtures("one_thread")
def test_a_stored_training_can_be_made_again():
    again = point("bag of words", seed=0)
    stored = sweep("captions")["bag of words"][0]
    for measure in ("seen", "held_out", "binding", "counting", "negation"):
        assert again[measure] == pytest.approx(stored[measure], abs=0.03)


def test_the_reader_that_knows_the_grammar_tells_exchanged_colours_and_not_the_wording():
    torch.manual_seed(0)
    reader = CLIP(text_encoder=GrammarReader())
    a, b, c = reader.embed_texts(
        encode_captions(
            [
                "a red circle and a blue square",
                "a blue square and a red circle",
                "a blue circle and a red square",
            ]
        )
    )
    assert torch.allclose(a, b, atol=1e-5) and not torch.allclose(a, c, atol=1e-2)
