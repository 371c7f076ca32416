"""The command line: python -m sslcourse.pretrain METHOD, alone or under torchrun."""

import argparse
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from sslcourse import weights
from sslcourse.networks import NETWORKS
from sslcourse.pretrain import checkpoint
from sslcourse.pretrain.distributed import join, rank, started_by_torchrun, world
from sslcourse.pretrain.evaluate import beside_controls, tell
from sslcourse.pretrain.journal import Journal
from sslcourse.pretrain.recipes import RECIPES
from sslcourse.pretrain.run import Run, Settings
from sslcourse.pretrain.sources import NAMES, Pictures, pictures


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m sslcourse.pretrain",
        description="Pretrain an encoder by a method of the lessons; docs/beyond_a_lesson.md is the guide.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    usual = Settings._field_defaults
    made.add_argument("method", choices=RECIPES)
    made.add_argument("--data", default="fashion", help=f"{', '.join(NAMES)}, or a folder of images")
    made.add_argument("--encoder", default="conv", choices=NETWORKS)
    made.add_argument("--epochs", type=int, default=usual["epochs"])
    made.add_argument(
        "--batch-size",
        type=int,
        default=usual["batch_size"],
        help="of all processes together",
    )
    made.add_argument("--lr", type=float, default=usual["lr"], help="highest rate of AdamW")
    made.add_argument("--weight-decay", type=float, default=usual["weight_decay"])
    made.add_argument("--images", type=int, dest="n", metavar="N", help="only the first N of the data")
    made.add_argument("--image-size", type=int, default=usual["image_size"], help="of a folder's images")
    made.add_argument("--seed", type=int, default=usual["seed"])
    made.add_argument("--bfloat16", action="store_true", help="networks in half precision, losses in single")
    for name, value in usual["views"].items():
        made.add_argument(
            f"--{name}",
            type=float,
            default=value,
            help="of the views, as Augmentation takes it",
        )
    made.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="NAME=VALUE",
        help="what the method takes besides",
    )
    made.add_argument("--into", type=Path, help="folder of the run; runs/METHOD-DATA-ENCODER by default")
    made.add_argument("--resume", action="store_true", help="go on from the checkpoint in that folder")
    made.add_argument("--save-every", type=int, metavar="STEPS", help="one epoch by default")
    made.add_argument("--log-every", type=int, default=50, metavar="STEPS")
    made.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    made.add_argument("--datasets", default="datasets", help="folder of whole data sets and decoded images")
    return made


def settings_of(options: argparse.Namespace) -> Settings:
    """What decides the result, without what does not: where it runs, and how often it is saved."""
    views = {name: getattr(options, name) for name in Settings._field_defaults["views"]}
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


def pretrain(options: argparse.Namespace, settings: Settings, data: Pictures, device: torch.device) -> None:
    """Train from the beginning or from the checkpoint, then evaluate and write the encoder."""
    folder = folder_of(options)
    step = checkpoint.step_in(folder)
    if not options.resume and (folder / checkpoint.CARD).exists():
        raise ValueError(
            f"{folder} holds a run already, at step {step}: go on with --resume, or choose another folder "
            "by --into. Nothing was changed"
        )
    run = Run(settings, data, device)
    if options.resume:
        run.restore(folder)
    folder.mkdir(parents=True, exist_ok=True)
    follow(run, folder, options)
    if rank() == 0:
        finish(run, folder, data)


def folder_of(options: argparse.Namespace) -> Path:
    return options.into or Path("runs") / f"{options.method}-{Path(options.data).name}-{options.encoder}"


def follow(run: Run, folder: Path, options: argparse.Namespace) -> None:
    """Take the steps that are left, writing the log and checkpoints."""
    journal = Journal(folder, run.steps, run.step, run.settings.batch_size) if rank() == 0 else None
    save_every = options.save_every or run.steps // run.settings.epochs
    for progress in run.train():
        last = progress.step == run.steps
        if journal and (last or progress.step % options.log_every == 0):
            rate = run.optimizer.param_groups[0]["lr"]
            journal.tell(progress.step, {"loss": progress.loss, "lr": rate, **run.measures()})
        if last or progress.step % save_every == 0:
            run.save(folder)
    if journal:
        journal.close()


def finish(run: Run, folder: Path, data: Pictures) -> None:
    """Write the encoder with its card, and its figures beside those of the network before training."""
    made = {
        "name": run.settings.encoder,
        "channels": data.train.shape[-3],
        "image_size": data.train.shape[-1],
    }
    measured = beside_controls(run.encoder, made, run.settings.seed, data, run.device)
    tell(measured)
    card = {"network": made, "run": run.card(), "steps": run.step, "torch": torch.__version__}
    weights.write(folder, run.encoder, card | {"figures": measured})
    print(f'In a notebook: sslcourse.weights.load("{folder}")')


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        settings, device = settings_of(options), device_of(options.device)
        data = pictures(options.data, options.n, options.image_size, options.datasets)
        if started_by_torchrun():
            join(device)
        pretrain(options, settings, data, device)
    except (ValueError, OSError, FloatingPointError) as error:
        return _failed(str(error))
    except RuntimeError as error:
        if world() == 1:
            raise
        return _failed(f"the processes have lost each other ({error}). {_going_on(options, arguments)}")
    except KeyboardInterrupt:
        return _failed(f"interrupted. {_going_on(options, arguments)}")
    if distributed.is_initialized():
        distributed.destroy_process_group()
    return 0


def _failed(why: str) -> int:
    who = f"process {rank()}: " if world() > 1 else ""
    print(f"{who}error: {why}", file=sys.stderr, flush=True)
    return 1


def _going_on(options: argparse.Namespace, arguments: list[str] | None) -> str:
    folder = folder_of(options)
    step = checkpoint.step_in(folder)
    if step is None:
        return f"There is no checkpoint in {folder} yet"
    again = shlex.join([*(sys.argv[1:] if arguments is None else arguments)])
    return f"The checkpoint of step {step} is whole: go on with the same command and --resume ({again})"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as torchrun and cluster managers end a run
    sys.exit(main())
