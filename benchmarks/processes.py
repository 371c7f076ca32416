"""Images a second of python -m sslcourse.pretrain simclr on one process and on two, a thread each.

On CPUs, by gloo; whole steps with views, loss and optimizer, and the log's measures of collapse. Not shown:
GPUs; several machines; the time of starting.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

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
    with tempfile.TemporaryDirectory() as folder:
        run = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(processes),
        ]
        run += ["-m", "sslcourse.pretrain", "simclr", "--encoder", encoder, "--images", str(images)]
        run += [
            "--batch-size",
            str(batch_size),
            "--epochs",
            "2",
            "--device",
            "cpu",
            "--into",
            folder + "/run",
        ]
        subprocess.run(run, check=True, capture_output=True)
        log = (Path(folder) / "run" / "log.jsonl").read_text().splitlines()
    return json.loads(log[-1])["images_per_second"]
