"""Measure what lesson 08 has no time for: how many labels a pretrained encoder of words saves; mask rates.

    python tools/agreement_curves.py    # 15 minutes on one core

The task is sslcourse.data.agreement: does the verb have the number of its subject? Steps and learning rate
are chosen on validation sentences, for every number of labels and for each method by itself; test sentences
are only counted. Each of the three draws of labels has a pretraining of its own.
"""

import copy
from itertools import product

import torch
from sweep import store
from torch import Tensor

from sslcourse.data import GRAMMAR, Batches, agreement, labelled_subset, text
from sslcourse.encoders import TextEncoder
from sslcourse.evaluate import train_for
from sslcourse.methods import MaskedLanguageModel, SentenceClassifier
from sslcourse.training import finish, train_adamw

SEEDS = (0, 1, 2)
BUDGETS = (5, 20, 50, 100, 200, 500, 1500)  # labels per class
STEPS, RATES = (300, 1000), (1e-3, 2e-3)
PASSES = 6
MASK_RATES = (0.05, 0.15, 0.3, 0.5, 0.8)
LABELLED, VALIDATION, TEST = agreement(4000, seed=5), agreement(1000, seed=6), agreement(2000, seed=7)


def pretrained(seed: int, rate: float = 0.15, passes: int = PASSES) -> MaskedLanguageModel:
    """Trained on 20,000 sentences as in the lesson."""
    torch.manual_seed(seed)
    sentences = text(20_000, seed=0)
    luck = torch.Generator().manual_seed(seed)
    model = MaskedLanguageModel(len(GRAMMAR.words), sentences.tokens.shape[1], rate, generator=luck)
    batches = Batches(sentences.tokens, sentences.real, batch_size=64, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, passes))
    return model.eval()


@torch.no_grad()
def added_nats(model: MaskedLanguageModel) -> dict[str, float]:
    """Mean cross-entropy of one hidden word of 500 validation sentences, and the KL above the exact floor."""
    sentences = text(500, seed=2)
    log_q = model.hidden_word_logits(sentences.tokens).double().log_softmax(2)[sentences.real]
    p = GRAMMAR.hidden_word_probabilities(sentences.tokens)[sentences.real]
    kl = (torch.xlogy(p, p) - p * log_q).sum(1).mean().item()
    return {"kl": round(kl, 4)}


@torch.no_grad()
def accuracy(model: SentenceClassifier, tokens: Tensor, real: Tensor, labels: Tensor) -> float:
    return (model.eval()(tokens, real).argmax(1) == labels).double().mean().item()


def judge(encoder: TextEncoder, rows: Tensor, steps: int, lr: float, seed: int) -> SentenceClassifier:
    """All weights of a copy of the encoder trained on the labelled sentences in rows."""
    torch.manual_seed(seed)
    model = SentenceClassifier(copy.deepcopy(encoder).train())
    batches = Batches(*(part[rows] for part in LABELLED), batch_size=min(32, len(rows)), seed=seed)
    train_for(steps, model, batches, lr)
    return model


def curve(name: str, encoders: list[TextEncoder]) -> list[dict[str, float]]:
    """For each number of labels the best setting on validation, and its test accuracy draw by draw."""
    points = []
    for n in BUDGETS:
        results = {}
        for steps, lr in product(STEPS, RATES):
            models = [
                judge(encoder, labelled_subset(LABELLED.labels, n, seed), steps, lr, seed)
                for seed, encoder in zip(SEEDS, encoders, strict=True)
            ]
            valid, test = ([accuracy(m, *part) for m in models] for part in (VALIDATION, TEST))
            results[steps, lr] = sum(valid), test
        (steps, lr), (_, test) = max(results.items(), key=lambda item: item[1][0])
        for seed, share in zip(SEEDS, test, strict=True):
            points.append(
                {"per_class": n, "draw": seed, "accuracy": round(share, 4), "steps": steps, "lr": lr}
            )
        print(name, n, steps, lr, [round(share, 3) for share in test], flush=True)
    return points


def main() -> None:
    torch.set_num_threads(1)
    models = [pretrained(seed) for seed in SEEDS]
    print([added_nats(model) for model in models], flush=True)
    scratch = []
    for seed in SEEDS:
        torch.manual_seed(100 + seed)
        scratch.append(TextEncoder(len(GRAMMAR.words) + 1, TEST.tokens.shape[1]))
    command = "python tools/agreement_curves.py"
    points = {"fine-tuned": curve("fine-tuned", [model.encoder for model in models])}
    points |= {"from scratch": curve("from scratch", scratch)}
    store("agreement", command, points)
    rates = {
        f"{rate:.0%}": [{"seed": seed, **added_nats(pretrained(seed, rate, passes=3))} for seed in SEEDS]
        for rate in MASK_RATES
    }
    print(rates)
    store("mask_rate", command, rates)


if __name__ == "__main__":
    main()
