"""Measure what lesson 16 has no time for: how many labelled utterances pretraining saves; diversity weights.

    python tools/speech_curves.py                # 19 minutes on one core
    python tools/speech_curves.py pretraining    # 11 minutes: only other seeds and lengths of the pretraining

Labels are the phones of utterances by the 12 voices of the pretraining. Steps and rate of each network, and
the layer and the penalty of each probe, are chosen on other utterances by these voices, with the labels of
draw 0; the test are 12 voices never heard, and other utterances by the known ones ("seen"). "pretraining"
takes the settings that were chosen for the carried weights, which are those of seed 0 and 28 passes.
"""

import copy
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import product

import torch
from sweep import store
from torch import Tensor
from weights import RECIPES, SEED, data_of

from sslcourse import weights
from sslcourse.data import Batches, log_mel, speech, spliced, sweep
from sslcourse.encoders import SpeechEncoder
from sslcourse.evaluate import linear_classifier, phone_accuracy, train_for, word_accuracy
from sslcourse.methods import PhoneRecogniser, Wav2Vec2
from sslcourse.training import finish, train_adamw

DRAWS = (0, 1, 2)
BUDGETS = (1, 3, 10, 30, 100)  # labelled utterances
SETTINGS = {  # steps, rate
    "fine-tuned": ((60, 3e-3), (150, 3e-3)),
    "from scratch": ((150, 3e-3), (400, 3e-3)),
}
PENALTIES = (1e-3, 1e-2)
pool, validation = (cache(partial(speech, n, seed)) for n, seed in ((200, 1), (50, 3)))
TEST = {"": cache(partial(speech, 80, seed=2, voices=range(12, 24))), " seen": cache(partial(speech, 50, 4))}
DIVERSITY = (0.0, 0.01, 0.1, 1.0)
STEPS = 200
PRETRAININGS = {2: (0, 1, 2), 7: (0, 1), 28: (0, 1)}  # passes: seeds

Scores = Callable[[Tensor], Tensor]  # of waveforms (N, samples): logits (N, T, phones)


def rows(n: int, draw: int) -> Tensor:
    """Which utterances have labels: those of n are among those of any larger n."""
    return torch.randperm(len(pool().phones), generator=torch.Generator().manual_seed(draw))[:n]


@torch.no_grad()
def judged(scores: Scores) -> dict[str, float]:
    """Shares of frames and of words told right by unseen voices, and by seen ones."""
    spellings = [[pool().phone_names.index(letter) for letter in word] for word in pool().word_names]
    measured = {}
    for name, utterances in TEST.items():
        part = utterances()
        log_p = torch.cat([scores(some) for some in part.waveforms.split(20)]).log_softmax(2)
        measured[f"phones{name}"] = round(phone_accuracy(log_p.argmax(2), part.phones), 4)
        measured[f"words{name}"] = round(word_accuracy(log_p, part.words, part.order, spellings), 4)
    return measured


@torch.no_grad()
def validated(scores: Scores) -> float:
    return phone_accuracy(scores(validation().waveforms).argmax(2), validation().phones)


def points(train: Callable[..., Scores], settings: Iterable[tuple]) -> list[dict[str, float]]:
    """For each number of labels: the setting that is best on validation with draw 0, then all draws."""
    measured = []
    for n in BUDGETS:
        models = {setting: train(n, 0, *setting) for setting in settings}
        best = max(models, key=lambda setting: validated(models[setting]))
        for draw in DRAWS:
            scores = models[best] if draw == 0 else train(n, draw, *best)
            measured.append({"labels": n, "draw": draw, "setting": list(best), **judged(scores)})
    return measured


def network(encoder: SpeechEncoder) -> Callable[..., Scores]:
    """All weights of a copy of the encoder, trained with n labelled utterances."""

    def train(n: int, draw: int, steps: int, lr: float) -> Scores:
        torch.manual_seed(draw)
        model, chosen = PhoneRecogniser(copy.deepcopy(encoder).train()), rows(n, draw)
        batches = Batches(pool().waveforms[chosen], pool().phones[chosen], batch_size=min(16, n), seed=draw)
        train_for(steps, model, batches, lr)
        return model.eval()

    return train


def probe(features: Callable[[Tensor, int], Tensor]) -> Callable[..., Scores]:
    """A linear layer on features(waveforms, layer) of n labelled utterances."""

    def train(n: int, draw: int, layer: int, penalty: float) -> Scores:
        chosen = rows(n, draw)
        with torch.no_grad():
            known = features(pool().waveforms[chosen], layer)
        linear = linear_classifier(known.flatten(0, 1), pool().phones[chosen].flatten(), penalty)
        return lambda waveforms: padded(linear(features(waveforms, layer)))

    return train


def padded(logits: Tensor) -> Tensor:
    """Phones that no label has named are never said: as many logits as there are phones."""
    missing = len(pool().phone_names) - logits.shape[2]
    return torch.nn.functional.pad(logits, (0, missing), value=-30.0)


def of_encoder(encoder: SpeechEncoder) -> Callable[[Tensor, int], Tensor]:
    """Layer 0 are the latents; 1 and 2 the transformer's."""

    def features(waveforms: Tensor, layer: int) -> Tensor:
        latents = encoder.latents(waveforms)
        return encoder.context(latents, depth=layer) if layer else latents

    return features


def curves() -> dict[str, list[dict[str, float]]]:
    """Name of a method -> a point for each number of labels and draw."""
    pretrained = weights.load("speech").encoder
    torch.manual_seed(100)
    fresh = SpeechEncoder().eval()
    layers = list(product((0, 1, 2), PENALTIES))
    methods = {
        "fine-tuned": (network(pretrained), SETTINGS["fine-tuned"]),
        "pretrained probe": (probe(of_encoder(pretrained)), layers),
        "log-mel": (probe(lambda x, k: spliced(log_mel(x), k)), list(product((0, 2, 4), PENALTIES))),
        "from scratch": (network(fresh), SETTINGS["from scratch"]),
        "random encoder": (probe(of_encoder(fresh)), layers),
    }
    measured = {}
    for name, method in methods.items():
        measured[name] = points(*method)
        print(name, *measured[name], sep="\n", flush=True)
    return measured


def diversity_point(weight: float) -> dict[str, float]:
    """200 steps on 640 utterances; the last figures, averaged over 20 steps."""
    torch.manual_seed(0)
    luck = torch.Generator().manual_seed(0)
    model = Wav2Vec2(diversity=weight, steps=150, generator=luck)
    batches = Batches(speech(640).waveforms, batch_size=16)
    training = train_adamw(model.loss, model.parameters(), batches, 5, lr=3e-3)
    finish(training)
    measured = {
        name: round(sum(step[name] for step in model.history[-20:]) / 20, 3) for name in model.history[0]
    }
    path = {f"perplexity {k}": round(model.history[k - 1]["perplexity"], 2) for k in range(10, STEPS + 1, 10)}
    return {"seed": 0, **measured, **path}


def pretrained_for(passes: int, seed: int) -> SpeechEncoder:
    """What tools/weights.py trains, for other numbers of passes and with other seeds."""
    recipe = RECIPES["speech"]
    if (passes, seed) == (recipe.epochs, SEED):
        return weights.load("speech").encoder
    torch.manual_seed(seed)
    model = Wav2Vec2(steps=5000 * passes // recipe.epochs)
    batches = Batches(data_of("speech"), batch_size=recipe.batch_size, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, passes, recipe.lr))
    return model.encoder.eval()


def pretraining() -> dict[str, list[dict[str, float]]]:
    """Way and number of passes -> a point for each seed and draw, with ten labelled utterances."""
    measured = {}
    for passes, seeds in PRETRAININGS.items():
        for seed in seeds:
            encoder = pretrained_for(passes, seed)
            ways = {"fine-tuned": network(encoder), "pretrained probe": probe(of_encoder(encoder))}
            for name, train in ways.items():
                setting = next(p["setting"] for p in sweep("speech")[name] if p["labels"] == 10)
                for draw in DRAWS:
                    point = {"seed": seed, "draw": draw, **judged(train(10, draw, *setting))}
                    measured.setdefault(f"{name}, {passes} passes", []).append(point)
                    print(name, passes, point, flush=True)
    return measured


def main(parts: list[str]) -> None:
    torch.set_num_threads(1)
    if parts != ["pretraining"]:
        command = "python tools/speech_curves.py"
        store("speech", command, curves())
        weights_of = {f"{weight:g}": [diversity_point(weight)] for weight in DIVERSITY}
        print(weights_of)
        store("speech_diversity", command, weights_of)
    store("speech_pretraining", "python tools/speech_curves.py pretraining", pretraining())


if __name__ == "__main__":
    main(sys.argv[1:])
