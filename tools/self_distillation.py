"""Train SwAV and DINO, whole and without an ingredient, with three seeds, as lesson 12 does with one.

    python tools/self_distillation.py    # 4 minutes

Trainings see the first 7,680 training images. Encoders are judged on the last 2,000 training images: "knn",
neighbours among the 7,680, and "probe", linear probes with 10 labels a class, averaged over five draws.
"entropy" and "in_use" are those of answers to 256 of the 2,000, a mean and the number of prototypes that are
somebody's first choice: answers of DINO's teacher, or SwAV's codes as they are without equal parts.
"""

from collections.abc import Callable

import torch
from sweep import SEEDS, rounded, store
from torch import Tensor, nn

from sslcourse.augment import MultiCrop
from sslcourse.data import Batches, images
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import extract_features, knn_accuracy, label_curve, linear_probe
from sslcourse.losses import entropy, teacher_probabilities
from sslcourse.methods import DINO, SwAV
from sslcourse.training import finish, train_adamw

N, HELD_OUT, BATCH = 7_680, 10_000, 64
SWAV_PASSES, DINO_PASSES = 3, 2


def rows_only(scores: Tensor, epsilon: float = 0.05) -> Tensor:
    """Codes without equal parts."""
    return torch.softmax(scores / epsilon, dim=1)


def dino(**settings: object) -> DINO:
    return DINO(augment=MultiCrop(local_views=2), steps=DINO_PASSES * (N // BATCH), **settings)


RUNS: dict[str, tuple[Callable[[], nn.Module], int]] = {  # method, passes
    "SwAV": (SwAV, SWAV_PASSES),
    "SwAV, rows only": (lambda: SwAV(assign=rows_only), SWAV_PASSES),
    "DINO": (dino, DINO_PASSES),
    "DINO, no centring": (lambda: dino(center_momentum=1.0), DINO_PASSES),
    "DINO, temperature 1": (lambda: dino(teacher_temperature=(1.0, 1.0)), DINO_PASSES),
    "DINO, equal temperatures": (lambda: dino(teacher_temperature=(0.1, 0.1)), DINO_PASSES),
}
CONTROLS: dict[str, Callable[[], nn.Module]] = {"pixels": nn.Flatten, "untrained encoder": conv_encoder}


def point(name: str, seed: int) -> dict[str, float]:
    """Train with one seed; then measure."""
    make, passes = RUNS[name]
    torch.manual_seed(seed)
    model = make()
    batches = Batches(images("fashion", "train").images[:N], batch_size=BATCH, seed=seed)
    history = finish(train_adamw(model.loss, model.parameters(), batches, passes))
    answers = answers_of(model.eval())
    return {"seed": seed} | rounded(
        {
            "loss": sum(history.loss[-20:]) / 20,
            **measure(model.encoder),
            "entropy": entropy(answers).mean().item(),
            "in_use": len(answers.argmax(1).unique()),
        }
    )


def control(name: str, seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    return {"seed": seed} | rounded(measure(CONTROLS[name]()))


def measure(encoder: nn.Module) -> dict[str, float]:
    pictures, labels, _ = images("fashion", "train")
    features = extract_features(encoder, pictures)
    held_out = features[HELD_OUT:], labels[HELD_OUT:]
    known = features[:N], labels[:N]

    def probe(rows: Tensor) -> float:
        return linear_probe(features[rows], labels[rows], *held_out)

    probes = label_curve(probe, known[1], [10])
    return {"knn": knn_accuracy(*known, *held_out), "probe": probes.double().mean().item()}


@torch.no_grad()
def answers_of(model: nn.Module) -> Tensor:
    """Codes of SwAV before equal parts are asked for, or answers of DINO's teacher, (256, K)."""
    pictures = images("fashion", "train").images[HELD_OUT : HELD_OUT + 256]
    if isinstance(model, SwAV):
        return rows_only(model(pictures))
    scores = model.teacher_scores(pictures[None])[0]
    return teacher_probabilities(scores, model.center, model.temperature_now)


def main() -> None:
    torch.set_num_threads(1)
    points: dict[str, list[dict[str, float]]] = {"pixels": [control("pixels", 0)]}
    points["untrained encoder"] = [control("untrained encoder", seed) for seed in SEEDS]
    for name in RUNS:
        points[name] = [point(name, seed) for seed in SEEDS]
        print(name, *points[name], sep="\n", flush=True)
    store("self_distillation", "python tools/self_distillation.py", points)


if __name__ == "__main__":
    main()
