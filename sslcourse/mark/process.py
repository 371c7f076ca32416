"""A process for each exercise, with limits of time, memory and size of files, and without a network."""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from sslcourse.exercises import find
from sslcourse.handed_in import verdict_on

FORK = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PROCESSES = multiprocessing.get_context(FORK)
BYTES = 2**28  # of a file that an answer may write


def mark_one(cells: list[str], name: str, seconds: float, gigabytes: float) -> str:
    """The verdict on one exercise, from a process that is gone afterwards."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    with ours, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = PROCESSES.Process(
            target=_judge, args=(theirs, folder, gigabytes, cells, name)
        )
        process.start()
        theirs.close()
        try:
            if not ours.poll(seconds):
                return f"Stopped: still running after {seconds:g} s."
            return ours.recv_bytes().decode()
        except EOFError:
            process.join()
            return f"Stopped: its process ended before the verdict, code {process.exitcode}."
        finally:
            process.kill()
            process.join()
            with contextlib.suppress(AttributeError, OSError):  # no such groups on Windows
                os.killpg(process.pid, signal.SIGKILL)  # and what the answer has started


def _judge(
    told: Connection, folder: str, gigabytes: float, cells: list[str], name: str
) -> None:
    os.chdir(folder)
    with contextlib.suppress(AttributeError):  # not on Windows
        os.setsid()
    try:
        _limit(gigabytes)
        said = verdict_on(cells, find(name))
    except Exception as error:  # ours: those of the answer are in the verdict
        said = f"Look by hand: the marking itself failed with {error!r}"
    told.send_bytes(said.encode(errors="replace"))


def _limit(gigabytes: float) -> None:
    """No output, no network, no large files and, on Linux, no more than this memory, for this process."""
    import torch

    torch.set_num_threads(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    with contextlib.suppress(ImportError, OSError):  # Windows; macOS
        import resource

        _lower(resource.RLIMIT_FSIZE, BYTES)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + int(gigabytes * 2**30))
    sys.addaudithook(_stay_offline)


def _lower(limit: int, to: int) -> None:
    import resource

    with contextlib.suppress(ValueError):  # it is lower already
        resource.setrlimit(limit, (to, to))


def _stay_offline(event: str, _arguments: tuple) -> None:
    if event.startswith("socket."):
        raise OSError("answers are marked without a network")
