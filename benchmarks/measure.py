"""Medians of contenders measured in turn, so that a busy machine slows all of them; and their memory."""

import os
import resource
import statistics
import time
from collections.abc import Callable


def table(title: str, contenders: dict[str, Callable[[], object]], repeats: int) -> list[str]:
    """A row a contender: median, ratio to the first, memory. The first round is not measured."""
    medians = median_seconds(contenders, repeats)
    return [row(title, name, medians, megabytes(contenders[name])) for name in medians]


def median_seconds(
    contenders: dict[str, Callable[[], object]], repeats: int, warm_up: int = 1
) -> dict[str, float]:
    """Medians of contenders that take turns, after so many rounds that are not measured."""
    seconds = {name: [] for name in contenders}
    for repeat in range(warm_up + repeats):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            if repeat >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def row(title: str, name: str, seconds: dict[str, float], peak: float) -> str:
    ratio = seconds[name] / next(iter(seconds.values()))
    return f"{title:30} {name:42} {1000 * seconds[name]:9.1f} ms {ratio:7.1f} x {peak:7.0f} MB"


def megabytes(work: Callable[[], object]) -> float:
    """What one more call adds to the memory of this process at most, measured in a copy of the process.

    Memory that earlier calls gave back to Python but not to the system is not counted, and neither is that
    of a DataLoader's workers.
    """
    reader, writer = os.pipe()
    if os.fork() == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        work()
        added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        os.write(writer, str(added / 1024).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as pipe:
        return float(pipe.read() or "nan")
