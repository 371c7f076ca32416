"""What a pretrained encoder is worth: python -m sslcourse.pretrain.evaluate runs/... --data cifar10."""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from sslcourse import weights
from sslcourse.evaluate import extract_features, knn_accuracy, linear_probe
from sslcourse.networks import build_network
from sslcourse.pretrain.arguments import add_data_options
from sslcourse.pretrain.sources import Pictures, load_pictures

PIXELS = 3072  # values of an image, up to which a probe of them takes seconds
AT_ONCE = 1000  # images: their bytes become floats, and their cosines with all others are kept


def features_from_bytes(encoder: nn.Module, pixels: Tensor, device: torch.device) -> Tensor:
    """Representations (N, features) of bytes (N, C, H, W)."""
    batches = pixels.split(AT_ONCE)
    return torch.cat([extract_features(encoder, b.to(device).float() / 255) for b in batches])


def encoder_figures(encoder: nn.Module, data: Pictures, device: torch.device) -> dict[str, float]:
    """Accuracies on the test images of nearest neighbours and of a linear probe, with all training labels."""
    data = data.frames()
    train, test = (features_from_bytes(encoder, pixels, device) for pixels in (data.train, data.test))
    votes = [
        len(some) * knn_accuracy(train, data.labels, some, labels, min(20, len(train)))
        for some, labels in zip(test.split(AT_ONCE), data.test_labels.split(AT_ONCE), strict=True)
    ]
    return {
        "neighbours": round(sum(votes) / len(test), 4),
        "probe": round(linear_probe(train, data.labels, test, data.test_labels), 4),
    }


def beside_controls(
    encoder: nn.Module,
    made: dict[str, int | str],
    seed: int,
    data: Pictures,
    device: torch.device,
) -> dict[str, dict[str, float]]:
    """encoder_figures() of the encoder, the untrained network, and small pixels; {} without labels."""
    if data.labels is None or data.test is None:
        return {}
    if (made["channels"], made["image_size"]) != data.test.shape[1:3]:
        raise ValueError(
            f"the encoder is for images of {made['channels']} channel(s) and {made['image_size']} pixels, "
            f"and these have {data.test.shape[1]} and {data.test.shape[2]}: give data of that kind"
        )
    torch.manual_seed(seed)
    judged = {"pretrained": encoder, "untrained": build_network(**made).to(device)}
    if data.test[0].numel() <= PIXELS:
        judged["pixels"] = nn.Flatten()
    return {name: encoder_figures(each, data, device) for name, each in judged.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sslcourse.pretrain.evaluate", description=__doc__)
    parser.add_argument("path", help="the folder of a run, or its encoder.safetensors")
    add_data_options(parser)
    options = parser.parse_args(arguments)
    try:
        encoder, card = weights.load(Path(options.path)), weights.card(Path(options.path))
        data = load_pictures(options.data, options.n, options.image_size, options.datasets)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        measured = beside_controls(encoder.to(device), card["network"], card["run"]["seed"], data, device)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print_figures(measured)
    return 0


def print_figures(measured: dict[str, dict[str, float]]) -> None:
    """A line for each encoder; or why there is none."""
    if not measured:
        print("The data have no labelled test images, so nothing is measured.")
    for name, shares in measured.items():
        print(f"{name:12}" + "".join(f"{what} {share:7.1%}   " for what, share in shares.items()))


if __name__ == "__main__":
    sys.exit(main())
