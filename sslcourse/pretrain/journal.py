"""What a training tells while it runs: on the screen, as JSON lines in a file, to TensorBoard if there."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from sslcourse.data.embedded import write_whole

LOG = "log.jsonl"


class Journal:
    """The log of a run's folder; on going on from a checkpoint, lines of later steps are taken out.

    steps: of the whole training; done: those done before.
    """

    def __init__(self, folder: Path, steps: int, done: int, batch_size: int):
        self.path, self.batch_size = folder / LOG, batch_size
        self.steps, self.done = steps, done
        kept = [line for line in log_lines(folder) if line["step"] <= done] if done else []
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self.start, self.board = time.monotonic(), _tensorboard(folder)

    def tell(self, step: int, measured: dict[str, float]) -> None:
        """One line for this step."""
        seconds = time.monotonic() - self.start
        speed = (step - self.done) / max(seconds, 1e-9)  # steps a second, of this session
        self._write({"step": step, **measured, "images_per_second": round(speed * self.batch_size, 1)})
        if self.board is not None:
            for name, value in measured.items():
                self.board.add_scalar(name, value, step)
        shown = "  ".join(f"{name} {value:.4g}" for name, value in measured.items())
        pace = f"{speed * self.batch_size:,.0f} images/s  {_duration((self.steps - step) / speed)} left"
        _show(f"step {step:,} of {self.steps:,}  {shown}  {pace}")

    def _write(self, line: dict[str, float]) -> None:
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            advice = "make room, and go on from the last checkpoint with --resume"
            raise OSError(error.errno, f"{error.strerror}: {advice}", str(self.path)) from error

    def close(self) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)
        if self.board is not None:
            self.board.close()


def log_lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log, without a last one that was cut off."""
    path, found = folder / LOG, []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(text))
        except ValueError:
            break
    return found


def _show(text: str) -> None:
    """In a terminal each line takes the place of the one before."""
    start, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{start}{text}", end=end, file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))
