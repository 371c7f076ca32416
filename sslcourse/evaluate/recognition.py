"""Which phones and words are said, judged from scores of every frame."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

SILENCE = 0


def phone_accuracy(guesses: Tensor, phones: Tensor) -> float:
    """Share of the frames with speech (phones, (N, T), is not 0) whose guess is right."""
    spoken = phones != SILENCE
    return (guesses.to(phones.device) == phones)[spoken].double().mean().item()


def word_scores(log_probability: Tensor, spellings: Sequence[Sequence[int]]) -> Tensor:
    r"""Log-probability of the best way to say each word's phones one after another, (words,).

    .. math:: S_{tj} = \log p_t(j) + \max(S_{t-1, j}, S_{t-1, j-1})

    (Viterbi, 1967.) log_probability: (T, phones) of the frames of one word; spellings: the phones of each
    word of a lexicon. Every phone lasts a frame or more; -inf if there are fewer frames than phones.
    """
    longest = max(map(len, spellings))
    device = log_probability.device
    spelled = torch.tensor(
        [[*word, *[0] * (longest - len(word))] for word in spellings], device=device
    )
    last = torch.tensor([[len(word) - 1] for word in spellings], device=device)
    scores = log_probability[:, spelled]  # (T, words, longest)
    best = torch.full_like(scores[0], -torch.inf)
    best[:, 0] = scores[0, :, 0]
    for frame in scores[1:]:
        moved = F.pad(best[:, :-1], (1, 0), value=-torch.inf)
        best = frame + torch.maximum(best, moved)
    return best.gather(1, last).squeeze(1)


def word_accuracy(
    log_probability: Tensor, words: Tensor, order: Tensor, spellings: Sequence[Sequence[int]]
) -> float:
    """Share of the words that the lexicon's best score tells right, where they begin and end being known.

    log_probability: (N, T, phones). words: (N, T), which word is said. order: (N, T), position of that word
    in the utterance, -1 in silence.
    """
    right = []
    for scores, said, positions in zip(log_probability, words.tolist(), order, strict=True):
        for position in positions[positions >= 0].unique():
            frames = (positions == position).nonzero().flatten()
            guess = int(word_scores(scores[frames], spellings).argmax())
            right.append(guess == said[int(frames[0])])
    return sum(right) / len(right)
