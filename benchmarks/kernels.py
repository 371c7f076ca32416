"""Learners' kernels on one machine, one thread each: how they slow each other, and what they hold.

Up to eight kernels at once, each as a lesson's: SimCLR of lesson 09 trained for 40 steps of 64 images, and a
slider that denoises 32 images. Memory is a kernel's share (Linux: proportional set size), in which what all
kernels read alike counts once. Kernels listen to this machine only and end with the run.

Not shown: memory and time of JupyterLab, of a hub and of the network; kernels whose learners read, which
cost memory and no processor; lessons that hold more than this one.
"""

import os
from pathlib import Path
from statistics import fmean, median

from jupyter_client.manager import start_new_kernel

from benchmarks.measure import row

COUNTS = (1, 2, 4, 8)
LIMIT = 300  # seconds that an answer may take
SETUP = """
from itertools import islice
from statistics import median
from time import perf_counter

from benchmarks.slider import draw_rows, ours
from sslcourse.data import Batches, images
from sslcourse.methods import SimCLR
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson

start_lesson()
batches, model, move = Batches(images("fashion").images, batch_size=64), SimCLR(), ours(draw_rows)


def seconds(work):
    start = perf_counter()
    work()
    return perf_counter() - start


def training(steps):
    progress = train_adamw(model.loss, model.parameters(), batches, epochs=1)
    return seconds(lambda: list(islice(progress, steps)))


def slider(moves):
    return median(seconds(move) for _ in range(moves))
"""


class Kernel:
    """A kernel that has run a lesson's imports, a few steps of training and a few moves of a slider."""

    def __init__(self, threads: int = 1):
        environment = {"SSLCOURSE_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        self.manager, self.client = start_new_kernel(env=os.environ | environment)
        self.ask("training(5) + slider(5)", after=SETUP)
        self.answer()

    def ask(self, expression: str, after: str = "") -> None:
        """Begin to compute; `answer` waits for the end."""
        self.request = self.client.execute(after, user_expressions={"answer": expression})

    def answer(self) -> float:
        """The number that was asked for; raises RuntimeError with what the kernel said if it failed."""
        reply = self.client.get_shell_msg(timeout=LIMIT)
        while reply["parent_header"]["msg_id"] != self.request:
            reply = self.client.get_shell_msg(timeout=LIMIT)
        content = reply["content"]
        told = content.get("user_expressions", {}).get("answer", content)
        if told["status"] != "ok":
            raise RuntimeError(f"{told['ename']}: {told['evalue']}")
        return float(told["data"]["text/plain"])

    def megabytes(self) -> float:
        """Share of the memory, nan where the system does not tell."""
        told = Path(f"/proc/{self.manager.provisioner.pid}/smaps_rollup")
        if not told.exists():
            return float("nan")
        (line,) = (line for line in told.read_text().splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) / 1024

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def trainings_at_once(kernels: list[Kernel]) -> float:
    """Median seconds of 40 steps."""
    for kernel in kernels:
        kernel.ask("training(40)")
    return median([kernel.answer() for kernel in kernels])


def slider_beside(kernels: list[Kernel]) -> float:
    """Median seconds of a move in the first kernel while the others train."""
    mover, *others = kernels
    for kernel in others:
        kernel.ask("training(40)")
    mover.ask("slider(20)")
    seconds = mover.answer()
    for kernel in others:
        kernel.answer()
    return seconds


def compare() -> list[str]:
    trainings, sliders, memory, kernels, wide = {}, {}, {}, [], []
    try:
        for count in COUNTS:
            kernels += [Kernel() for _ in range(count - len(kernels))]
            name = f"{count} at once"
            trainings[name], sliders[name] = trainings_at_once(kernels), slider_beside(kernels)
            memory[name] = fmean(kernel.megabytes() for kernel in kernels)
        wide += [Kernel(threads=2) for _ in range(2)]
        name = "2 at once, two threads each"
        trainings[name] = trainings_at_once(wide)
        memory[name] = fmean(kernel.megabytes() for kernel in wide)
    finally:
        for kernel in kernels + wide:
            kernel.end()
    return [
        *(row("kernels: all train, 40 steps", name, trainings, memory[name]) for name in trainings),
        *(row("kernels: one slider, rest train", name, sliders, memory[name]) for name in sliders),
    ]
