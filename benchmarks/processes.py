"""Images a second of python -m sslcourse.pretrain simclr on one process and on two, a thread each.

On CPUs, by gloo; whole steps with views, loss and optimizer, and the log's measures of collapse. Not shown:
GPUs; several machines; the time of starting.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sslcourse.pretrain.journal import log_lines

CASES = {"conv, 28 x 28": ("conv", 2048, 256), "resnet18, 28 x 28": ("resnet18", 256, 64)}
PROCESSES = (1, 2)


def compare() -> list[str]:
    return [line for name, case in CASES.items() for line in lines(name, *case)]


def lines(name: str, encoder: str, images: int, batch_size: int) -> list[str]:
    speeds = [images_per_second(encoder, images, batch_size, processes) for processes in PROCESSES]
    return [
        f"{'processes: ' + name:30} {f'{processes}, batch of {batch_size} together':42} "
        f"{speed:9.0f} images/s {speed / speeds[0]:7.2f} x"
        for processes, speed in zip(PROCESSES, speeds, strict=True)
    ]


def images_per_second(encoder: str, images: int, batch_size: int, processes: int) -> float:
    """What the last line of the log says, of two passes over the images."""
    command = (
        f"-m torch.distributed.run --standalone --nproc-per-node {processes} -m sslcourse.pretrain simclr "
        f"--encoder {encoder} --images {images} --batch-size {batch_size} --epochs 2 --device cpu --into run"
    )
    with tempfile.TemporaryDirectory() as folder:
        words, one_thread = [sys.executable, *command.split()], os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(words, cwd=folder, env=one_thread, check=True, capture_output=True)
        return log_lines(Path(folder) / "run")[-1]["images_per_second"]
