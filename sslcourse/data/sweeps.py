"""Trainings that a lesson compares but has no time for: stored results, made by tools/sweep.py."""

import json
from pathlib import Path

from sslcourse.data.embedded import checksums, verified

FOLDER = Path(__file__).parent / "sweeps"


def sweep(name: str) -> dict[str, list[dict[str, float]]]:
    """Setting -> one point for each seed; the file's "command" makes them again.

    A point holds the seed; the loss, averaged over the last tenth of the steps; on 2,000 validation images
    the accuracies "knn" and "probe" (10 labels a class), "alignment" and "uniformity". In "label_efficiency"
    (tools/label_curves.py), "clips_probe", "clips_supervised", "clips_fine_tuning", "clips_relevant" and
    "clips_head" (tools/clip_curves.py), and "mae_fine_tuning" (tools/mae_curves.py) it holds "per_class",
    "draw", "accuracy", and how it was trained; in "agreement" (tools/agreement_curves.py) also the "steps"
    and "lr" of a network that were best on validation; in "mask_rate" the seed and "kl", nats above the
    floor; in "mae_ratio" the share that is hidden, "ratio", and "probe" on test frames of clips; in
    "attention" and "attention_longer" (tools/attention.py) "knn", and the "auroc" and "iou" of an attention
    map; in "captions" (tools/image_text.py) the shares of right answers, "seen" and "held_out" in zero-shot
    classification, "binding", "counting" and "negation"; in "speech" (tools/speech_curves.py) the number of
    "labels", utterances, "draw", "setting", and shares of "phones" and "words" told right, by "seen" voices
    too, and so in "speech_pretraining", always with ten labels; in "speech_diversity" the last figures of
    a training and its perplexity every ten steps; in
    "vae_epochs" (tools/latent_space.py) "distortion" and "rate" in nats, "precision" and "recall"; in
    "disentanglement" and "disentanglement_shapes" (the same file) the MIG of every factor and their mean; in
    "left_out" (tools/left_out.py) the AUROC of three detectors; in "discrete_targets" (tools/beit_curves.py)
    "probe", the shares of the variance of "x", "y", "size" and "brightness" that a linear regression
    explains, and of some ways "fine_tuned" with its "rate".
    tools/compare_methods.py says what a point of "comparison" holds, tools/curation.py what one of
    "rare_group", "near_duplicates" and "turned".
    """
    known = [Path(file).stem for file in checksums(FOLDER)]
    if name not in known:
        raise ValueError(f"unknown sweep {name!r}; choose one of {', '.join(known)}")
    return json.loads(verified(FOLDER / f"{name}.json"))["points"]
