"""The command line: python -m sslcourse.pretrain METHOD, alone or under torchrun."""

import argparse
import signal
import sys
from pathlib import Path

import torch
from torch import distributed

from sslcourse import weights
from sslcourse.pretrain import checkpoint
from sslcourse.pretrain.arguments import device_of, folder_of, make_parser, settings_of
from sslcourse.pretrain.evaluate import beside_controls, print_figures
from sslcourse.pretrain.journal import Journal
from sslcourse.pretrain.processes import (
    answer_sigterm,
    first_here,
    has_lost_others,
    join_processes,
    process_count,
    process_rank,
    started_by_torchrun,
)
from sslcourse.pretrain.run import Run, Settings
from sslcourse.pretrain.sources import Pictures, load_pictures


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
    follow_run(run, folder, options)
    if process_rank() == 0:
        finish(run, folder, data)


def follow_run(run: Run, folder: Path, options: argparse.Namespace) -> None:
    """Take the steps that are left, writing the log and checkpoints."""
    journal = Journal(folder, run.steps, run.step, run.settings.batch_size) if process_rank() == 0 else None
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
    print_figures(measured)
    card = {"network": made, "run": run.card(), "steps": run.step, "torch": torch.__version__}
    weights.write(folder, run.encoder, card | {"figures": measured})
    print(f'In a notebook: sslcourse.weights.load("{folder}")')


def main(arguments: list[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    try:
        settings, device = settings_of(options), device_of(options.device)
        if started_by_torchrun():
            join_processes(device)
            answer_sigterm(lambda: _interrupted(options))
        data = first_here(
            lambda: load_pictures(options.data, options.n, options.image_size, options.datasets)
        )
        pretrain(options, settings, data, device)
    except (ValueError, OSError, FloatingPointError) as error:
        return _failed(str(error))
    except torch.OutOfMemoryError as error:
        return _failed(f"a smaller --batch-size, or --bfloat16, is needed: {error}")
    except RuntimeError as error:
        if not (process_count() > 1 and has_lost_others(error)):
            raise
        return _failed(f"another process has ended; {_going_on(options)} (cause: {error})")
    except KeyboardInterrupt:
        return _interrupted(options)
    if distributed.is_initialized():
        distributed.barrier()  # the first process may still evaluate, and NCCL wants all to leave together
        distributed.destroy_process_group()
    return 0


def _failed(why: str) -> int:
    who = f"process {process_rank()}: " if process_count() > 1 else ""
    print(f"{who}error: {why}", file=sys.stderr, flush=True)
    return 1


def _interrupted(options: argparse.Namespace) -> int:
    return _failed(f"interrupted; {_going_on(options)}")


def _going_on(options: argparse.Namespace) -> str:
    folder = folder_of(options)
    step = checkpoint.step_in(folder)
    if step is None:
        return f"there is no checkpoint in {folder} yet"
    return f"the checkpoint of step {step} is whole, go on with the same command and --resume"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as cluster managers end a run
    sys.exit(main())
