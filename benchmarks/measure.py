"""Medians of contenders measured in turn, so that a busy machine slows all of them."""

import statistics
import time
from collections.abc import Callable


def table(title: str, contenders: dict[str, Callable[[], object]], repeats: int) -> list[str]:
    """A row a contender: median milliseconds, ratio to the first. One round before is not measured."""
    seconds = {name: [] for name in contenders}
    for repeat in range(repeats + 1):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ours = next(iter(medians.values()))
    return [
        f"{title:26} {name:42} {1000 * median:9.1f} ms {median / ours:7.1f} x"
        for name, median in medians.items()
    ]
