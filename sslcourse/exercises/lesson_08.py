"""Exercises and quiz of lesson 08, the masked language model."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor
from sslcourse.widgets import Question

# ---- derive: what the corrupted sentence shows


def my_shares(n_words):
    untouched = 0.1 + 0.1 / n_words
    wrong = 0.15 * 0.1 * (1 - 1 / n_words)  # of all words
    seen = 1 - 0.15 * 0.8
    return untouched, wrong / seen


UNTOUCHED = {
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
        lambda n: 0.1 + 0.1 / (n - 1) if n > 1 else 0.2
    ),
    "it is of the *selected* places; 0.15 plays no part.": lambda n: 0.15 * (0.1 + 0.1 / n),
    "it is of the *selected* places, and of those 10 % stay: neither 0.15 nor all 20 %.": (
        lambda n: 0.15 * 0.2
    ),
}
SEEN = {
    "that is of all words; leave out those under a mask token, which are not seen.": (
        lambda n: 0.15 * 0.1 * (1 - 1 / n)
    ),
    "that is of the *selected* words; most words that are seen were not selected.": (
        lambda n: 0.1 * (1 - 1 / n)
    ),
    "that is of the selected words that are seen; most words that are seen were not selected.": (
        lambda n: 0.5 * (1 - 1 / n)
    ),
    "a random word may be the true one, and is not wrong then.": lambda n: 0.015 / 0.88,
    "the words left as they are are not wrong: only one in ten of the selected is replaced.": (
        lambda n: 0.15 * 0.2 / 0.88
    ),
    "words that were selected and not masked are seen, too: only 0.15 * 0.8 of all are not.": (
        lambda n: 0.015 * (1 - 1 / n) / 0.85
    ),
    "that is the probability that it is *right*.": lambda n: 1 - 0.015 * (1 - 1 / n) / 0.88,
    "a probability is a number between 0 and 1 here, not per cent.": lambda n: 1.5 * (1 - 1 / n) / 0.88,
}
SIZES = (43, 2, 30_522)


def _same(values: list[float], others: list[float]) -> bool:
    return all(abs(a - b) < 1e-6 for a, b in zip(values, others, strict=True))


def judge_shares(answer) -> None:
    """Raise Wrong unless answer(n_words) gives both probabilities."""
    given = []
    for n in SIZES:
        pair = answer(n)
        if not isinstance(pair, tuple | list | Tensor) or len(pair) != 2:
            raise Wrong("return two numbers: the share of the selected places, and that of the words seen.")
        given.append([as_tensor(number, (), "each of the two").item() for number in pair])
    for part, (which, known) in enumerate([("first", UNTOUCHED), ("second", SEEN)]):
        shares, right = [pair[part] for pair in given], [my_shares(n)[part] for n in SIZES]
        if _same(shares, right):
            continue
        for message, wrong in known.items():
            if _same(shares, [wrong(n) for n in SIZES]):
                raise Wrong(f"the {which} number: {message}")
        raise Wrong(
            f"with {SIZES[0]} words the {which} number should be {right[0]:.4f}, but is {shares[0]:.4f}; with "
            f"{SIZES[1]} words {right[1]:.4f}, but is {shares[1]:.4f}."
        )


UNCHANGED = Exercise(
    name="08.unchanged",
    title="what does a corrupted sentence show?",
    minutes=8,
    difficulty="medium",
    statement=(
        "A random word is any of `n_words`, each with the same probability. Derive with pencil: at what share of the *selected* "
        "places does the corrupted sentence show the true word? And where the encoder *sees* a word, any but a mask token, how "
        "probable is it that this word is wrong? Return both numbers; the counts above are one instance."
    ),
    stub=(
        "def my_shares(n_words):\n"
        '    """Selected places with the true word; seen words that are wrong: two shares."""\n'
        "    ...  # your code: two numbers between 0 and 1"
    ),
    reference=my_shares,
    hints=(
        "There are two ways in which the true word can stand at a selected place. Their shares add up. And which words of a "
        "sentence are not seen at all?",
        "A random word happens to be the true one with probability 1 / n_words. For the second number divide: the share of all "
        "words that are wrong, by the share of all words that are seen.",
    ),
    test=judge_shares,
    wrong={
        "return two numbers": lambda n: my_shares(n)[0],
        **{m: lambda n, wrong=wrong: (wrong(n), my_shares(n)[1]) for m, wrong in UNTOUCHED.items()},
        **{m: lambda n, wrong=wrong: (my_shares(n)[0], wrong(n)) for m, wrong in SEEN.items()},
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
        raise Wrong("padding was selected: `& real`.")
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
    if _is_off(same, my_shares(N_WORDS)[0], n):
        raise Wrong(
            f"{100 * same:.1f} % of the selected show the true word; 10 % stay, and some are drawn again by "
            f"chance, {100 * my_shares(N_WORDS)[0]:.1f} % in all."
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
        "padding was selected": _variant(everywhere=True),
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


# ---- build: attention


def my_attention(queries, keys, values, real):
    scores = queries @ keys.mT / math.sqrt(queries.shape[2])  # (N, T, T), from word i to word j
    scores = scores.masked_fill(~real.unsqueeze(1), -torch.inf)
    return scores.softmax(2) @ values


def _looking(n: int, length: int, width: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, length, (n, 1), generator=generator)
    lengths[0] = length
    queries, keys, values = 1.5 * torch.randn(3, n, length, width, generator=generator)
    return queries, keys, values, torch.arange(length) < lengths


def _attention(scores=None, weights=None, dim=2):
    """my_attention with one mistake: in the scores, in the weights made of them, or in the softmax's direction."""

    def answer(queries, keys, values, real):
        z = queries @ keys.mT / math.sqrt(queries.shape[2])
        if scores is not None:
            z = scores(z, queries, keys)
        z = z.masked_fill(~real.unsqueeze(1), -torch.inf)
        a = z.softmax(dim) if weights is None else weights(z, real)
        return a @ values

    return answer


def _unmasked(queries, keys, values, real):
    return (queries @ keys.mT / math.sqrt(queries.shape[2])).softmax(2) @ values


def _zeroed_scores(queries, keys, values, real):
    scores = queries @ keys.mT / math.sqrt(queries.shape[2])
    return scores.masked_fill(~real.unsqueeze(1), 0.0).softmax(2) @ values


def _masked_rows(queries, keys, values, real):
    scores = queries @ keys.mT / math.sqrt(queries.shape[2])
    return scores.masked_fill(~real.unsqueeze(2), -torch.inf).softmax(2) @ values


def _masked_both(queries, keys, values, real):
    scores = queries @ keys.mT / math.sqrt(queries.shape[2])
    return scores.masked_fill(~(real.unsqueeze(1) & real.unsqueeze(2)), -torch.inf).softmax(2) @ values


def _zeroed_rows(queries, keys, values, real):
    return my_attention(queries, keys, values, real) * real.unsqueeze(2)


ATTENTION = Exercise(
    name="08.attention",
    title="build self-attention",
    minutes=12,
    difficulty="medium",
    statement=(
        "`queries`, `keys` and `values` (N, T, d) belong to N sentences of T places, `real` (N, T) is True where there is a "
        "word and not only filling. Return the weighted means of the equations above, (N, T, d). No place may look at filling: "
        "there every weight is 0, and the weights of the real words sum to 1. (What comes out at the filling itself is "
        "computed like all the rest; nobody uses it.) The encoder is trained through it."
    ),
    stub=(
        "def my_attention(queries, keys, values, real):\n"
        '    """Weighted means (N, T, d) of the values."""\n'
        "    ...  # your code"
    ),
    reference=my_attention,
    hints=(
        "`queries @ keys.mT` holds all dot products of a sentence, (N, T, T). Which of the two dimensions of length T counts the words "
        "that are looked at?",
        "A weight is 0 if its score was minus infinity *before* the softmax. `real.unsqueeze(1)` has a place for each word that "
        "is looked at.",
    ),
    cases=lambda: [_looking(4, 6, 3, seed=0), _looking(2, 5, 8, seed=1), _looking(3, 4, 2, seed=2)],
    differentiable=("queries", "keys", "values"),
    wrong={
        "the dot products are not divided by the root of d.": _attention(
            lambda z, q, k: z * math.sqrt(q.shape[2])
        ),
        "divide by the *root* of d, not by d.": _attention(lambda z, q, k: z / math.sqrt(q.shape[2])),
        "you multiply by the root of d; divide by it.": _attention(lambda z, q, k: z * q.shape[2]),
        "d is the length of a query, not the number of places.": _attention(
            lambda z, q, k: z * math.sqrt(q.shape[2] / q.shape[1])
        ),
        "the softmax runs over the words that look; for each of them the weights must sum to 1.": (
            _attention(weights=lambda z, real: z.softmax(1).nan_to_num(0.0))
        ),
        "the filling is looked at; its weights must be 0.": _unmasked,
        "a score of 0 is no weight of 0: exp(0) is 1. Take minus infinity.": _zeroed_scores,
        "filling got the weight 0 after the softmax, so that the rest no longer sums to 1.": (
            lambda q, k, v, real: ((q @ k.mT / math.sqrt(q.shape[2])).softmax(2) * real.unsqueeze(1)) @ v
        ),
        "you mask the places that *look*; mask those that are looked at.": _masked_rows,
        "places of filling get nan, as they may look at nothing: mask only what is looked at.": _masked_both,
        "where the filling looks you set the result to 0; leave it as it is computed.": _zeroed_rows,
        "queries and keys are exchanged: row i holds the dot products of query i with all keys.": (
            _attention(lambda z, q, k: z.mT)
        ),
        "the weights belong to the values; you took the mean of the keys.": (
            lambda q, k, v, real: my_attention(q, k, k, real)
        ),
        "the softmax is missing: weights are positive and sum to 1.": _attention(
            weights=lambda z, real: z.masked_fill(~real.unsqueeze(1), 0.0)
        ),
        "these are the weights alone; the weighted means of the values are asked for.": (
            lambda q, k, v, real: my_attention(q, k, torch.eye(q.shape[1]).expand(len(q), -1, -1), real)
        ),
    },
)


# ---- predict: what the number of the verb depends on


def my_forecast():
    return "more", "fewer", "more"


def judge_forecast(answer) -> None:
    """Raise Wrong unless answer() says more, fewer, more."""
    given = answer()
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise Wrong('return three words, each "more" or "fewer".')
    if strange := [word for word in given if str(word).strip().lower() not in ("more", "fewer")]:
        raise Wrong(f'{strange[0]!r} is neither "more" nor "fewer".')
    subject, between, blind = (str(word).strip().lower() == "more" for word in given)
    if not subject:
        raise Wrong(
            "the subject: only it says which number the verb must have, and the model is close to the floor, so it must use it."
        )
    if between:
        raise Wrong(
            "the noun between: in the grammar it says nothing about the verb's number. Does a look have to leave a trace?"
        )
    if not blind:
        raise Wrong(
            "the blind verb: there are two layers. What can a word that the verb looks at in layer 2 have seen in layer 1?"
        )


BLIND = Exercise(
    name="08.blind",
    title="which words does the verb need?",
    minutes=4,
    difficulty="medium",
    statement=(
        'Predict: in "more" or "fewer" than half of the sentences, does the verb change its number when you alter (1) the subject, '
        "(2) the noun between, (3) the subject, while the verb cannot look at it in either layer?"
    ),
    stub="def my_forecast():\n    return ...  # your forecast: three words",
    reference=my_forecast,
    hints=(
        "Which of the two nouns decides in the grammar? And how near to the floor did the model come in section 6?",
        "For (3): draw two layers of words as dots, and forbid the lines from the subject to the verb. Is there another path?",
    ),
    test=judge_forecast,
    wrong={
        "three words": lambda: "more",
        "is neither": lambda: ("more", "few", "more"),
        "the subject: only it says": lambda: ("fewer", "more", "fewer"),
        "Does a look have to leave a trace": lambda: ("more", "more", "fewer"),
        "there are two layers": lambda: ("more", "fewer", "fewer"),
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
        "This loss is put together from two common bugs. Fix it: the mean cross-entropy at the selected "
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

EXERCISES = [UNCHANGED, MASKS, ORDER, ATTENTION, BLIND, LOSS]

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
