"""Sentences from our own grammar, of which every probability is known."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from sslcourse.data.grammar import Grammar

Row = dict[str, tuple[float, str]]  # word -> (its weight or probability, the next state)

NOUNS = {  # kind -> singular and plural
    "pet": [("cat", "cats"), ("dog", "dogs")],
    "bird": [("crow", "crows"), ("duck", "ducks")],
    "person": [("child", "children"), ("teacher", "teachers")],
}
DOINGS = {  # kind -> what it does: verb in singular and plural, and its weight
    "pet": [("sleeps", "sleep", 6), ("runs", "run", 3), ("sings", "sing", 1)],
    "bird": [("flies", "fly", 6), ("sings", "sing", 3), ("sleeps", "sleep", 1)],
    "person": [("reads", "read", 6), ("runs", "run", 2), ("sings", "sing", 2)],
}
SEEINGS = [("sees", "see", 2), ("likes", "like", 1)]  # verbs with an object
PLACES = ["house", "houses", "tree", "trees"]
ADJECTIVES = ["big", "brown", "small", "young"]
DETERMINERS = {
    "the": (0.5, (0, 1)),
    "a": (0.3, (0,)),
    "two": (0.2, (1,)),
}  # probability; 0 singular, 1 plural
LONGEST = 13  # two young ducks that see the cats like a small dog today .


class TextSet(NamedTuple):
    """Sentences as rows of word numbers.

    tokens: (n, 13) int64; each row is padded with full stops, number 0.
    real: (n, 13), True up to the first full stop, False where the row is padded.
    words: the word of each number.
    """

    tokens: Tensor
    real: Tensor
    words: tuple[str, ...]

    def pairs(self) -> tuple[Tensor, Tensor]:
        """The word before each real word, and that word: two (M,). A full stop comes before a sentence."""
        previous = torch.nn.functional.pad(self.tokens[:, :-1], (1, 0))
        return previous[self.real], self.tokens[self.real]


def text(n: int, seed: int = 0) -> TextSet:
    """n sentences drawn from GRAMMAR; a smaller n gives the first of them.

    Another seed gives other sentences, drawn independently: train on one, test on another.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    tokens = GRAMMAR.sample(n, LONGEST, Generator().manual_seed(seed))
    real = torch.nn.functional.pad(tokens[:, :-1] != 0, (1, 0), value=True)
    return TextSet(tokens, real, GRAMMAR.words)


class AgreementSet(NamedTuple):
    """Sentences whose verb may have the wrong number: "the cats near the tree sleeps ."

    tokens, real: as in TextSet. labels: (n,), 1 where subject and verb agree, 0 where they do not.
    """

    tokens: Tensor
    real: Tensor
    labels: Tensor


def agreement_sentences(n: int, seed: int = 0) -> AgreementSet:
    """The n sentences of text(n, seed), the main verb of about half of them in the other number.

    Nothing but the subject tells which: what stands between may be of either number (the question of Linzen,
    Dupoux and Goldberg, arXiv:1611.01368).
    """
    tokens, real, words = text(n, seed)
    generator = Generator().manual_seed(seed + 1_000_003)  # other numbers than those that drew the sentences
    labels = torch.randint(2, (n,), generator=generator)
    pairs = [(s, p) for verbs in (*DOINGS.values(), SEEINGS) for s, p, _ in verbs]
    other = torch.arange(len(words))  # of each word, the same in the other number if it is a verb
    for singular, plural in pairs:
        s, p = words.index(singular), words.index(plural)
        other[s], other[p] = p, s
    is_verb = other[tokens] != tokens
    last = (is_verb * torch.arange(1, LONGEST + 1)).argmax(1)  # the main verb is the last one
    rows = (labels == 0).nonzero().flatten()
    tokens[rows, last[rows]] = other[tokens[rows, last[rows]]]
    return AgreementSet(tokens, real, labels)


def _rules() -> dict[str, Row]:
    """A subject, sometimes something between, and a verb that agrees with the subject."""
    rules = {
        role: {d: (p, f"{role} {d}") for d, (p, _) in DETERMINERS.items()} for role in ("start", "object")
    }
    for determiner, (_, numbers) in DETERMINERS.items():
        rules |= dict(_noun_phrase(f"start {determiner}", _nouns(numbers, remember=True)))
        rules |= dict(_noun_phrase(f"object {determiner}", _nouns(numbers)))
    for kind in NOUNS:
        for number in (0, 1):
            rules |= dict(_after_subject(kind, number))
    rules["tail"] = {".": (0.7, "end"), "today": (0.2, "last"), "often": (0.1, "last")}
    rules["last"] = {".": (1.0, "end")}
    return rules


def _noun_phrase(state: str, nouns: Row) -> Iterator[tuple[str, Row]]:
    """A noun, or an adjective and a noun."""
    yield state, _share(0.7, nouns) | _share(0.3, {word: (1, f"{state} adjective") for word in ADJECTIVES})
    yield f"{state} adjective", _share(1.0, nouns)


def _after_subject(kind: str, number: int) -> Iterator[tuple[str, Row]]:
    """The states that remember the subject until its verb has come."""
    subject = f"{kind} {number}"
    seeing = {forms[number]: forms[2] for forms in SEEINGS}
    verb = _share(0.7, {forms[number]: (forms[2], "tail") for forms in DOINGS[kind]})
    verb |= _share(0.3, {word: (weight, "object") for word, weight in seeing.items()})
    near = {"near": (0.2, f"{subject} near"), "behind": (0.1, f"{subject} near")}
    yield subject, _share(0.55, verb) | near | {"that": (0.15, f"{subject} that")}
    yield f"{subject} near", {"the": (1.0, f"{subject} near the")}
    yield f"{subject} near the", _share(1.0, {word: (1, f"{subject} verb") for word in PLACES})
    yield f"{subject} that", _share(1.0, {word: (w, f"{subject} that sees") for word, w in seeing.items()})
    yield f"{subject} that sees", {"the": (1.0, f"{subject} that sees the")}
    seen = {word: (1, f"{subject} verb") for word in _nouns((0, 1))}
    yield f"{subject} that sees the", _share(1.0, seen)
    yield f"{subject} verb", verb


def _nouns(numbers: tuple[int, ...], remember: bool = False) -> Row:
    """Nouns of equal weight; a subject's kind and number are remembered in the next state."""
    return {
        forms[number]: (1, f"{kind} {number}" if remember else "tail")
        for kind, nouns in NOUNS.items()
        for forms in nouns
        for number in numbers
    }


def _share(share: float, row: Row) -> Row:
    """The same words with weights that sum to the share."""
    total = sum(weight for weight, _ in row.values())
    return {word: (share * weight / total, state) for word, (weight, state) in row.items()}


GRAMMAR = Grammar(_rules())
