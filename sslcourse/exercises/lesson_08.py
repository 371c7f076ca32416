"""Exercises and quiz of lesson 08, the masked language model."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong
from sslcourse.widgets import Question

# ---- derive: the share that looks untouched


def my_share_unchanged(n_words):
    return 0.1 + 0.1 / n_words


UNCHANGED = Exercise(
    name="08.unchanged",
    title="how many look untouched?",
    minutes=5,
    difficulty="medium",
    statement=(
        "Of the selected words 10 % stay and 10 % are replaced by a random word of the vocabulary. At what "
        "share of the selected places does the corrupted sentence show the *true* word? Derive it with pencil "
        "for a vocabulary of `n_words` words, all drawn with the same probability; the count above is one "
        "instance."
    ),
    stub="def my_share_unchanged(n_words):\n    ...  # your code: a number between 0 and 1",
    reference=my_share_unchanged,
    hints=(
        "There are two ways in which the true word can stand there. Their shares add up.",
        "The second way: it was replaced, and the random word happened to be the same. How likely is that?",
    ),
    cases=lambda: [(43,), (2,), (30_522,)],
    tolerance=1e-7,
    wrong={
        "that is the share left alone on purpose; a random word may be the true one as well.": lambda n: 0.1,
        "only one in ten is replaced, so the lucky draws are a tenth of 1 / n_words.": lambda n: 0.1 + 1 / n,
        "that is every selected word without a mask token, but most random words are other words.": (
            lambda n: 0.2
        ),
        "those are the lucky draws only; the words left alone show the true word, too.": lambda n: 0.1 / n,
        "a share is a number between 0 and 1 here, not per cent.": lambda n: 10 + 10 / n,
        "those are the replaced words that *differ*; the lucky draws are 1 / n_words of the replaced.": (
            lambda n: 0.1 + 0.1 * (1 - 1 / n)
        ),
        "the lucky draws come on top of the words left alone: add, do not subtract.": lambda n: 0.1 - 0.1 / n,
        "the true word may be drawn as well, so each word has the chance 1 / n_words.": (
            lambda n: 0.1 + 0.1 / (n - 1)
        ),
        "the question is about the share of the *selected* places; 0.15 plays no part.": (
            lambda n: 0.15 * (0.1 + 0.1 / n)
        ),
    },
)


# ---- build: the masks


def my_mask_tokens(tokens, real, n_words):
    selected = (torch.rand(tokens.shape) < 0.15) & real
    kind = torch.rand(tokens.shape)
    corrupted = tokens.clone()
    corrupted[selected & (kind < 0.8)] = n_words
    replaced = selected & (kind >= 0.8) & (kind < 0.9)
    corrupted[replaced] = torch.randint(n_words, tokens.shape)[replaced]
    return corrupted, selected


N_WORDS = 20


def _sentences() -> tuple[Tensor, Tensor]:
    """8,000 sentences of 11 words 0 to 19, real up to a length of 3 to 11."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(N_WORDS, (8000, 11), generator=generator)
    length = torch.randint(3, 12, (8000, 1), generator=generator)
    return tokens, torch.arange(11) < length


def _pair(result) -> tuple[Tensor, Tensor]:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Wrong("return two things: `corrupted, selected`.")
    corrupted, selected = (torch.as_tensor(part) for part in result)
    for name, part in (("corrupted", corrupted), ("selected", selected)):
        if part.shape != (8000, 11):
            raise Wrong(f"`{name}` has shape {tuple(part.shape)}; expected {(8000, 11)}, as `tokens`.")
    if corrupted.dtype == torch.bool and selected.dtype != torch.bool:
        raise Wrong("the two results are exchanged: return `corrupted, selected`.")
    if not ((selected == 0) | (selected == 1)).all():
        raise Wrong("`selected` should be True where a word has to be predicted, else False.")
    return corrupted.long(), selected.bool()


def _is_off(share: Tensor, expected: float, n: int) -> bool:
    """More than five standard deviations from what is expected of n independent draws."""
    return abs(share.item() - expected) > 5 * math.sqrt(expected * (1 - expected) / n)


def judge_masks(answer) -> None:
    """Raise Wrong unless answer(tokens, real, n_words) selects 15 % and corrupts them 80/10/10."""
    tokens, real = _sentences()
    given = tokens.clone()
    corrupted, selected = _pair(answer(given, real.clone(), N_WORDS))
    if not torch.equal(given, tokens):
        raise Wrong("`tokens` itself was changed, and it holds the answers: work on `tokens.clone()`.")
    if (selected & ~real).any():
        raise Wrong("places that are only filled up were selected: `& real`.")
    if _is_off(selected.sum() / real.sum(), 0.15, int(real.sum())):
        share = 100 * selected.sum() / real.sum()
        raise Wrong(f"{share:.0f} % of the real words are selected; it should be 15 %.")
    if (corrupted != tokens)[~selected].any():
        raise Wrong("words that were not selected have been changed.")
    before, after = tokens[selected], corrupted[selected]
    masked, n = after == N_WORDS, len(after)
    if not masked.any():
        raise Wrong("no word became the mask token, which has the number `n_words`.")
    if (after > N_WORDS).any() or (after < 0).any():
        raise Wrong("there are words outside 0 to n_words - 1 that are not the mask token.")
    if masked.all():
        raise Wrong(
            "every selected word became the mask token; 10 % should be random, 10 % stay. (Is one random number used "
            "for two decisions? Draw a second one.)"
        )
    if _is_off(masked.double().mean(), 0.8, n):
        raise Wrong(
            f"{100 * masked.double().mean():.0f} % of the selected became the mask token; 80 % should. (A random word "
            "must not replace a mask token: let one random number decide between the three.)"
        )
    if (per_row := selected.sum(1).double()).var() < 0.5 * (0.1275 * real.sum(1)).mean():
        raise Wrong(
            f"each sentence has about {per_row.mean():.1f} selected words; select each word by itself."
        )
    same = (after == before).double().mean()
    if _is_off(same, my_share_unchanged(N_WORDS), n):
        raise Wrong(
            f"{100 * same:.1f} % of the selected show the true word; 10 % stay, and some are drawn again by "
            f"chance, {100 * my_share_unchanged(N_WORDS):.1f} % in all."
        )
    replaced = after[(after != before) & ~masked]
    counts = replaced.bincount(minlength=N_WORDS + 1)[:N_WORDS].double()
    if ((counts - counts.mean()).abs() > 5 * counts.mean().sqrt()).any():
        raise Wrong("random words should be any of the n_words words, each as often, word 0 included.")
    # With a single word, a mask token that is drawn in its place shows.
    alone, chosen = answer(torch.zeros_like(tokens), real.clone(), 1)
    masked = alone[chosen] == 1
    if _is_off(masked.double().mean(), 0.8, len(masked)):
        raise Wrong(
            "the random words include the mask token: draw from 0 to n_words - 1, `torch.randint(n_words, ...)`."
        )
    if any(_is_off(selected[:, t].sum() / real[:, t].sum(), 0.15, int(real[:, t].sum())) for t in range(11)):
        raise Wrong("some places are selected more often than others; each should have the same chance.")
    again = _pair(answer(tokens.clone(), real.clone(), N_WORDS))[1]
    if torch.equal(selected, again):
        raise Wrong("a second call selects the same words: the masks should be drawn anew every time.")


def _variant(
    share=0.15, mask=0.8, stay=0.9, everywhere=False, words=None, once=False, in_place=False, special=0
):
    """my_mask_tokens with one mistake."""

    def answer(tokens, real, n_words):
        generator = torch.Generator().manual_seed(0 if once else int(torch.randint(10**9, ())))
        luck, kind = torch.rand(2, *tokens.shape, generator=generator)
        selected = luck < share
        selected = selected if everywhere else selected & real
        corrupted = tokens if in_place else tokens.clone()
        random_words = torch.randint(*(words or (0, n_words + special)), tokens.shape, generator=generator)
        replaced = selected & (kind >= mask) & (kind < stay)
        corrupted[replaced] = random_words[replaced]
        corrupted[selected & (kind < mask)] = n_words
        return corrupted, selected

    return answer


MASKS = Exercise(
    name="08.mask",
    title="mask words as BERT does",
    minutes=15,
    difficulty="hard",
    statement=(
        "Write the masking yourself: select each *real* word with probability 0.15; of the selected, 80 % become "
        "the mask token (number `n_words`), 10 % a random word, 10 % stay. Return `(corrupted, selected)`, both of "
        "the shape of `tokens`; leave `tokens` as it is. Draw with `torch.rand` and `torch.randint`, anew at "
        "every call."
    ),
    stub=(
        "def my_mask_tokens(tokens, real, n_words):\n"
        '    """tokens, real: (N, T); returns corrupted (N, T) and selected (N, T)."""\n'
        "    ...  # your code"
    ),
    reference=my_mask_tokens,
    hints=(
        "Draw two tables of random numbers: one says which words are selected, one what happens to them.",
        "A second number below 0.8 means mask, between 0.8 and 0.9 a random word, above 0.9 nothing. Write into "
        "a copy with boolean masks.",
    ),
    test=judge_masks,
    wrong={
        "`tokens` itself was changed": _variant(in_place=True),
        "only filled up were selected": _variant(everywhere=True),
        "of the real words are selected; it should be 15 %": _variant(share=0.3),
        "every selected word became the mask token": _variant(mask=1.1),
        "of the selected became the mask token; 80 % should": _variant(mask=0.5),
        "show the true word; 10 % stay": _variant(stay=1.1),
        "word 0 included": _variant(words=(1, N_WORDS)),
        "the random words include the mask token": _variant(special=1),
        "the masks should be drawn anew every time": _variant(once=True),
        "return two things": lambda tokens, real, n: _variant()(tokens, real, n)[0],
        "the two results are exchanged": lambda tokens, real, n: _variant()(tokens, real, n)[::-1],
        "no word became the mask token": _variant(mask=0),
    },
)


# ---- predict: the order of the guesses

RUNGS = (
    "word frequencies", "left neighbour", "left-to-right LSTM", "best from the left", "both neighbours",
    "best from both sides",
)  # fmt: skip


def my_order():
    return [
        "word frequencies",
        "left neighbour",
        "left-to-right LSTM",
        "best from the left",
        "both neighbours",
        "best from both sides",
    ]


def judge_order(answer) -> None:
    """Raise Wrong unless answer() names the six guesses from the largest surprise to the smallest."""
    order = answer()
    if not isinstance(order, list | tuple) or sorted(map(str, order)) != sorted(RUNGS):
        raise Wrong(f"return a list of these six names, each once: {', '.join(RUNGS)}.")
    place = {name: list(order).index(name) for name in RUNGS}
    if place["word frequencies"] == 5:
        raise Wrong("this goes from the smallest surprise to the largest; turn it round.")
    if place["best from both sides"] != 5:
        raise Wrong("nothing can be better than the best from both sides, which knows the most.")
    if place["word frequencies"] != 0:
        raise Wrong("word frequencies look at no other word, and all others know at least one.")
    if place["left-to-right LSTM"] > place["best from the left"]:
        raise Wrong("the LSTM sees what is to the left and nothing else: it cannot beat the best from there.")
    if place["left neighbour"] > place["left-to-right LSTM"]:
        raise Wrong("the LSTM has seen the left neighbour too, and more.")
    raise_if_left_beats_both(place)


def raise_if_left_beats_both(place: dict[str, int]) -> None:
    if place["both neighbours"] < 4:
        raise Wrong(
            "which helps more, all words to the left or one on each side? Think of what follows a determiner, "
            "and of what the word behind it then tells; or run the next cells."
        )


ORDER = Exercise(
    name="08.order",
    title="put the guesses in order",
    minutes=4,
    difficulty="easy",
    statement=(
        "Before you run the next cells: which guess is surprised most by a hidden word, which least? Return the six "
        "names in this order, the largest surprise first."
    ),
    stub=(
        "def my_order():\n"
        "    names = [\n"
        '        "best from both sides", "best from the left", "both neighbours",\n'
        '        "left neighbour", "left-to-right LSTM", "word frequencies",\n'
        "    ]\n"
        "    return sorted(names)  # your order instead"
    ),
    reference=my_order,
    hints=(
        "Who knows more can only be better: compare what each of them sees. That settles all but one question.",
        "The open question is whether one word on each side beats all words to the left. What does the word "
        "behind a gap tell about a verb, about a noun?",
    ),
    test=judge_order,
    wrong={
        "turn it round": lambda: list(RUNGS[::-1]),
        "nothing can be better than the best from both sides": lambda: [*RUNGS[:4], RUNGS[5], RUNGS[4]],
        "word frequencies look at no other word": lambda: [RUNGS[1], RUNGS[0], *RUNGS[2:]],
        "it cannot beat the best from there": lambda: [*RUNGS[:2], RUNGS[3], RUNGS[2], *RUNGS[4:]],
        "the LSTM has seen the left neighbour too": lambda: [RUNGS[0], RUNGS[2], RUNGS[1], *RUNGS[3:]],
        "all words to the left or one on each side": lambda: [
            *RUNGS[:2], RUNGS[4], RUNGS[2], RUNGS[3], RUNGS[5],
        ],
        "each once": lambda: list(RUNGS[:5]),
    },
)  # fmt: skip


# ---- build: the mean of the real words


def my_mean_of_words(hidden, real):
    weight = real.unsqueeze(2)
    return (hidden * weight).sum(1) / weight.sum(1)


def _hidden(n: int, length: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, length + 1, (n, 1), generator=generator)
    lengths[0] = length
    return torch.randn(n, length, width, generator=generator) + 1, torch.arange(length) < lengths


POOL = Exercise(
    name="08.pool",
    title="one vector for a sentence",
    minutes=8,
    difficulty="medium",
    statement=(
        "`hidden` (N, T, D) holds a representation of every word, `real` (N, T) is True where there is a word and "
        "not only filling. Return the mean over the real words of each sentence, (N, D). The classifier is "
        "trained through it."
    ),
    stub="def my_mean_of_words(hidden, real):\n    ...  # your code",
    reference=my_mean_of_words,
    hints=(
        "Set the filling to zero, add up over the words, and divide by the right number.",
        "`real.unsqueeze(2)` has shape (N, T, 1) and multiplies every number of a word; each sentence has its own "
        "count.",
    ),
    cases=lambda: [_hidden(4, 7, 3, seed=0), _hidden(3, 5, 6, seed=1), _hidden(1, 2, 4, seed=2)],
    differentiable=("hidden",),
    wrong={
        "the filling counts as well here; only the real words should.": lambda h, r: h.mean(1),
        "you divide by the length of the row, not by the number of real words.": (
            lambda h, r: (h * r.unsqueeze(2)).mean(1)
        ),
        "this is the sum over the real words; divide by their number.": (
            lambda h, r: (h * r.unsqueeze(2)).sum(1)
        ),
        "each sentence has its own number of words; you divide all by the same.": (
            lambda h, r: (h * r.unsqueeze(2)).sum(1) / r.sum() * len(r)
        ),
        "this is the largest of each number, not the mean.": (
            lambda h, r: h.masked_fill(~r.unsqueeze(2), -torch.inf).max(1).values
        ),
        "this is the first word alone (BERT's class token would stand there).": lambda h, r: h[:, 0],
        "these are the places that are only filling.": (
            lambda h, r: (h * ~r.unsqueeze(2)).sum(1) / (~r).sum(1, keepdim=True)
        ),
    },
)


# ---- spot the bug: which places count


def my_masked_loss(logits, tokens, selected):
    return F.cross_entropy(logits[selected], tokens[selected])


def _predictions(n: int, length: int, n_words: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(n_words, (n, length), generator=generator)
    tokens[0, 0] = tokens[1, 2] = 0
    selected = torch.rand(n, length, generator=generator) < 0.4
    selected[0, 0] = selected[1, 2] = True
    selected[0, 1] = False
    return 2 * torch.randn(n, length, n_words, generator=generator), tokens, selected


def _drop_word_0(logits: Tensor, tokens: Tensor, selected: Tensor) -> Tensor:
    labels = tokens.masked_fill(~selected, 0)
    return F.cross_entropy(logits[labels > 0], labels[labels > 0])


LOSS = Exercise(
    name="08.loss",
    title="spot the bugs in a masked loss",
    minutes=8,
    difficulty="medium",
    statement=(
        "This loss is put together from two widely copied bugs. Mend it: the mean cross-entropy at the selected "
        "places, all of them and no others. `logits` (N, T, words), `tokens` and `selected` (N, T); leave `tokens` "
        "as it is."
    ),
    stub=(
        "def my_masked_loss(logits, tokens, selected):\n"
        "    labels = tokens\n"
        "    labels[~selected] = 0\n"
        "    return F.cross_entropy(logits[labels > 0], labels[labels > 0])"
    ),
    reference=my_masked_loss,
    hints=(
        "What happens to a selected word whose number is 0? And whose numbers does `labels[...] = 0` change?",
        "You have a mask of the places that count already. Index with it, and nothing has to be marked.",
    ),
    cases=lambda: [_predictions(3, 5, 7, seed=0), _predictions(2, 9, 4, seed=1)],
    unchanged=("tokens",),
    differentiable=("logits",),
    wrong={
        "word number 0 is a word: where it was selected, it is left out here.": _drop_word_0,
        "all places count here; only the selected ones should.": (
            lambda z, x, s: F.cross_entropy(z.flatten(0, 1), x.flatten())
        ),
        "these are the places that were *not* selected.": lambda z, x, s: F.cross_entropy(z[~s], x[~s]),
        "this is the sum; take the mean over the selected places.": (
            lambda z, x, s: F.cross_entropy(z[s], x[s], reduction="sum")
        ),
        "you divide by the number of all places, not of the selected ones.": (
            lambda z, x, s: (F.cross_entropy(z.mT, x, reduction="none") * s).mean()
        ),
        "the places that are not selected count as word 0 here.": (
            lambda z, x, s: F.cross_entropy(z.flatten(0, 1), x.masked_fill(~s, 0).flatten())
        ),
        "F.cross_entropy takes logits and applies softmax itself; yours is applied twice.": (
            lambda z, x, s: F.cross_entropy(z[s].softmax(1), x[s])
        ),
        "this is a mean of means over sentences; sentences with more selected words should count more.": (
            lambda z, x, s: torch.stack(
                [F.cross_entropy(z[i][s[i]], x[i][s[i]]) for i in range(len(x)) if s[i].any()]
            ).mean()
        ),
    },
)

EXERCISES = [UNCHANGED, MASKS, ORDER, POOL, LOSS]

QUIZ = [
    Question(
        "Which words give a loss in masked language modelling?",
        right="All selected words, whether masked, replaced or left",
        options={
            "All selected words, whether masked, replaced or left": (
                "Where a word was left or replaced, the model cannot know that; so it has to check every word."
            ),
            "Only those that show the mask token, about 12 % of all": (
                "Then the words left alone and the random words would have no purpose."
            ),
            "All words of the sentence, since the encoder sees both sides": (
                "Most words stand in the input. Copying them is easy, and the loss falls below the floor."
            ),
        },
    ),
    Question(
        "Why are some of the selected words left as they are?",
        right="Later sentences have no mask tokens in them",
        options={
            "Later sentences have no mask tokens in them": (
                "The encoder should say something about words that it sees. If any may be wrong, it has to."
            ),
            "So that the training loss becomes smaller sooner": (
                "It does become a little smaller, but that is not a purpose."
            ),
            "To make up for words that were selected twice": "No word is selected twice: each has one draw.",
        },
    ),
    Question(
        "A masked language model gives each word of a sentence a probability. Is their product that of the sentence?",
        right="No: each is given all other words",
        options={
            "No: each is given all other words": (
                "The chain rule multiplies probabilities given the words *before*. These are given both sides."
            ),
            "Yes: by the chain rule of lesson 07": "The chain rule needs conditions on earlier words only.",
            "Yes, if every word was masked alone": (
                "Masked alone, each factor still knows all the others, so the same words are used twice."
            ),
        },
    ),
    Question(
        "A model's training loss is below the exact floor of the hidden words. What is likely?",
        right="Words that it can see are part of the loss",
        options={
            "Words that it can see are part of the loss": (
                "A mean over easy places can be as low as one likes. On hidden, fresh words nothing beats the floor."
            ),
            "It has found a better grammar than ours": "The floor is the entropy of our grammar: nothing is better.",
            "The batch is so large that chance averages out": "Chance moves it up as often as down.",
        },
    ),
    Question(
        "With 1,500 labels of each kind pretraining saves nothing here. Why is it still worth its time?",
        right="Labels are often fewer, and one encoder serves many tasks",
        options={
            "Labels are often fewer, and one encoder serves many tasks": (
                "The gain is in the middle of the curve; and the pretraining is paid for once."
            ),
            "A pretrained encoder is faster when it is applied later on": "It is the same network, with other weights.",
            "It makes the sentences of the test easier to distinguish": "They are the same sentences for both.",
        },
    ),
    Question(
        "With 5 labels of each kind the two surprises of a pretrained model judge agreement well, fine-tuning does not. Why?",
        right="The task asks what the model was pretrained to say",
        options={
            "The task asks what the model was pretrained to say": (
                "How expected is this word here? Only a threshold is left to learn, and a few labels are enough for that."
            ),
            "Two features always need fewer labels than many do": (
                "The bigram's surprises are two features as well, and far worse: what counts is what the features know."
            ),
            "The linear probe has seen the sentences of the test": (
                "It has seen the labelled sentences only; those of the test are drawn independently."
            ),
        },
    ),
]
