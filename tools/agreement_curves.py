"""Measure what lesson 08 has no time for: how many labels a pretrained encoder of words saves; mask rates.

    python tools/agreement_curves.py    # 20 minutes on one core

The task is sslcourse.data.agreement_sentences: does the verb have the number of its subject? Steps and rate
of every network are chosen on validation sentences, for each number of labels and each method by itself;
test sentences are only counted. Each of the three draws of labels has a pretraining of its own.
"""

import copy
from collections.abc import Callable
from functools import partial

import torch
from sweep import store
from torch import Tensor

from sslcourse.data import GRAMMAR, AgreementSet, Batches, agreement_sentences, labelled_subset, text
from sslcourse.encoders import TextEncoder
from sslcourse.evaluate import linear_probe, train_for
from sslcourse.methods import MaskedLanguageModel, SentenceClassifier
from sslcourse.training import finish, train_adamw

SEEDS = (0, 1, 2)  # of the labels' draw and of its pretraining
BUDGETS = (5, 20, 50, 100, 200, 500, 1500)  # labels per class
SETTINGS = ((300, 1e-3), (300, 2e-3), (300, 4e-3), (1000, 2e-3), (1000, 4e-3))  # steps, rate
PASSES = 4
MASK_RATES = (0.05, 0.15, 0.3, 0.5, 0.8)
N_WORDS = len(GRAMMAR.words)
LABELLED, VALIDATION, TEST = (agreement_sentences(n, seed) for n, seed in ((4000, 5), (1000, 6), (2000, 7)))
LONGEST = LABELLED.tokens.shape[1]


def pretrained(seed: int, rate: float = 0.15, passes: int = PASSES) -> MaskedLanguageModel:
    """Trained on 20,000 sentences as in the lesson."""
    torch.manual_seed(seed)
    sentences = text(20_000, seed=0)
    luck = torch.Generator().manual_seed(seed)
    model = MaskedLanguageModel(N_WORDS, LONGEST, rate, generator=luck)
    batches = Batches(sentences.tokens, sentences.real, batch_size=64, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, passes))
    return model.eval()


def from_scratch(seed: int) -> TextEncoder:
    torch.manual_seed(100 + seed)
    return TextEncoder(N_WORDS + 1, LONGEST)


@torch.no_grad()
def nats_above_the_floor(model: MaskedLanguageModel) -> float:
    """Mean KL of the exact probabilities of a hidden word and the model's, in 500 validation sentences."""
    sentences = text(500, seed=2)
    log_q = model.hidden_word_logits(sentences.tokens).double().log_softmax(2)[sentences.real]
    p = GRAMMAR.hidden_word_probabilities(sentences.tokens)[sentences.real]
    return round((torch.xlogy(p, p) - p * log_q).sum(1).mean().item(), 4)


@torch.no_grad()
def surprises(model: MaskedLanguageModel, tokens: Tensor, real: Tensor) -> Tensor:
    """Mean and largest surprise of the words of each sentence, each hidden in turn, (N, 2)."""
    log_q = model.hidden_word_logits(tokens).log_softmax(2)
    nats = -log_q.gather(2, tokens.unsqueeze(2)).squeeze(2) * real
    return torch.stack([nats.sum(1) / real.sum(1), nats.max(1).values], dim=1)


def trained(encoder: TextEncoder, n: int, seed: int, steps: int, lr: float) -> SentenceClassifier:
    """All weights of a copy of the encoder, trained with n labels a class."""
    torch.manual_seed(seed)
    model, rows = (
        SentenceClassifier(copy.deepcopy(encoder).train()),
        labelled_subset(LABELLED.labels, n, seed),
    )
    batches = Batches(*(part[rows] for part in LABELLED), batch_size=min(32, len(rows)), seed=seed)
    train_for(steps, model, batches, lr)
    return model.eval()


@torch.no_grad()
def accuracy(model: SentenceClassifier, judged: AgreementSet) -> float:
    return (model(judged.tokens, judged.real).argmax(1) == judged.labels).double().mean().item()


def network_points(encoders: list[TextEncoder], n: int) -> list[dict[str, float]]:
    """The setting that is best on validation, over all draws, and its test accuracy draw by draw."""
    models = {setting: [trained(encoders[seed], n, seed, *setting) for seed in SEEDS] for setting in SETTINGS}
    best = max(SETTINGS, key=lambda setting: sum(accuracy(m, VALIDATION) for m in models[setting]))
    steps, lr = best
    return [
        {"per_class": n, "draw": seed, "accuracy": round(accuracy(m, TEST), 4), "steps": steps, "lr": lr}
        for seed, m in zip(SEEDS, models[best], strict=True)
    ]


def probe_points(features: list[tuple[Tensor, Tensor]], n: int) -> list[dict[str, float]]:
    """A linear layer on features of the labelled and of the test sentences, a pair for each seed."""
    points = []
    for seed, (known, unseen) in zip(SEEDS, features, strict=True):
        rows = labelled_subset(LABELLED.labels, n, seed)
        share = linear_probe(known[rows], LABELLED.labels[rows], unseen, TEST.labels)
        points.append({"per_class": n, "draw": seed, "accuracy": round(share, 4)})
    return points


def features_of(compute: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        known, unseen = (compute(part.tokens, part.real) for part in (LABELLED, TEST))
    return known, unseen


def curves(models: list[MaskedLanguageModel]) -> dict[str, list[dict[str, float]]]:
    """Name of a method -> a point for each number of labels and draw."""
    methods = {
        "fine-tuned": (network_points, [model.encoder for model in models]),
        "from scratch": (network_points, [from_scratch(seed) for seed in SEEDS]),
        "frozen probe": (probe_points, [features_of(SentenceClassifier(m.encoder).features) for m in models]),
        "surprises": (probe_points, [features_of(partial(surprises, model)) for model in models]),
    }
    points = {}
    for name, (measure, starts) in methods.items():
        points[name] = []
        for n in BUDGETS:
            points[name] += measure(starts, n)
            print(name, *points[name][-len(SEEDS) :], sep="\n", flush=True)
    return points


def mask_rate_point(rate: float, seed: int) -> dict[str, float]:
    """Three passes with this share of words selected, judged with one hidden word."""
    return {"seed": seed, "kl": nats_above_the_floor(pretrained(seed, rate, passes=3))}


def main() -> None:
    torch.set_num_threads(1)
    command = "python tools/agreement_curves.py"
    store("agreement", command, curves([pretrained(seed) for seed in SEEDS]))
    rates = {f"{rate:.0%}": [mask_rate_point(rate, seed) for seed in SEEDS] for rate in MASK_RATES}
    print(rates)
    store("mask_rate", command, rates)


if __name__ == "__main__":
    main()
