"""What can be asked of the command, and the settings and the device that it comes to."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch

from sslcourse.networks import ENCODERS
from sslcourse.pretrain.processes import started_by_torchrun
from sslcourse.pretrain.recipes import RECIPES
from sslcourse.pretrain.run import VIEWS, Settings
from sslcourse.pretrain.sources import DATA_NAMES


def make_parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m sslcourse.pretrain",
        description="Pretrain an encoder by a method of the lessons; docs/beyond_a_lesson.md is the guide.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    usual, add = Settings._field_defaults, made.add_argument
    add("method", choices=RECIPES)
    add_data_options(made)
    add("--encoder", default=usual["encoder"], choices=ENCODERS)
    add("--epochs", type=_positive, default=usual["epochs"])
    add("--batch-size", type=_positive, default=usual["batch_size"], help="of all processes together")
    add("--lr", type=float, default=usual["lr"], help="highest rate of AdamW")
    add("--weight-decay", type=float, default=usual["weight_decay"], help="of AdamW")
    add("--seed", type=int, default=usual["seed"], help="of weights, order and views")
    add("--bfloat16", action="store_true", help="networks in half precision, losses in single")
    views = made.add_argument_group("views", "as Augmentation and ColourChange take them")
    for name, value in VIEWS.items():
        views.add_argument(f"--{name}", type=float, default=value, help=" ")
    add("--set", nargs="*", default=[], metavar="NAME=VALUE", help="what the method takes besides")
    add("--into", type=Path, help="folder of the run, runs/METHOD-DATA-ENCODER if none is given")
    add("--resume", action="store_true", help="go on from the checkpoint in that folder")
    add("--save-every", type=_positive, metavar="STEPS", help="an epoch if none is given")
    add("--log-every", type=_positive, default=50, metavar="STEPS", help=" ")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    return made


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Which images: what load_pictures() takes."""
    usual, add = Settings._field_defaults, parser.add_argument
    add("--data", default=usual["data"], help=f"{', '.join(DATA_NAMES)}, or a folder of images")
    add("--images", type=_positive, dest="n", metavar="N", help="only the first N of the data")
    add("--image-size", type=_positive, default=usual["image_size"], help="of a folder's images")
    add("--datasets", default="datasets", help="folder of whole data sets and decoded images")


def _positive(text: str) -> int:
    """A whole number of at least 1."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def settings_of(options: argparse.Namespace) -> Settings:
    """What decides the result, without what does not: where it runs, and how often it is saved."""
    views = {name: getattr(options, name) for name in VIEWS}
    named = {name: getattr(options, name) for name in Settings._fields if hasattr(options, name)}
    return Settings(**named, views=views, options=dict(map(_option, options.set)))


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        raise ValueError(f"--set takes NAME=VALUE with a number or true or false, got {text!r}") from None


def device_of(name: str) -> torch.device:
    """The device by its name; auto takes a GPU if there is one, and a GPU for each process of a machine."""
    if name == "auto":
        found = "mps" if torch.backends.mps.is_available() and not started_by_torchrun() else "cpu"
        name = "cuda" if torch.cuda.is_available() else found
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"--device {name}: torch finds no GPU here; --device auto takes what there is")
        device = torch.device("cuda", device.index or int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    return device


def folder_of(options: argparse.Namespace) -> Path:
    """Where the run is kept."""
    return options.into or Path("runs") / f"{options.method}-{Path(options.data).name}-{options.encoder}"
