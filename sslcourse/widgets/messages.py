"""Let what a learner does with sliders and buttons overtake the cells that wait."""

import contextlib
import contextvars
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IPython import get_ipython

NEEDED = [
    "session",
    "shell_handlers",
    "get_parent",
    "set_parent",
    "_parent_ident",
    "_publish_status",
]
WIDGETS_SEND = {"comm_open", "comm_msg", "comm_close"}


def let_widgets_overtake() -> bool:
    """From now on the kernel hears sliders and buttons while a cell waits in `await run`.

    Without it they queue up behind that cell, and behind all that "Run All" has sent, wherever the front
    end sends them to the main shell: ipykernel 6, and front ends that know no subshells.
    Returns False if this kernel is built in another way than ipykernel 6 and 7: it hears an interrupt only.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    try:
        stream = _main_stream(kernel)
        for name in NEEDED:
            getattr(kernel, name)
        if not isinstance(stream._recv_callback, _Door):
            stream.on_recv(_Door(kernel, stream._recv_callback), copy=False)
    except AttributeError:
        return False
    return True


def _main_stream(kernel: Any) -> Any:
    """Where the messages for the main shell come in, on its own thread."""
    thread = getattr(kernel, "shell_channel_thread", None)  # ipykernel 7
    return (
        kernel.shell_stream
        if thread is None
        else thread.manager._shell_channel_to_main.to_stream
    )


@dataclass
class _Door:
    """Serves messages of widgets at once, and leaves all others, in their order, to the kernel."""

    kernel: Any
    queue: Callable[[list], Any]

    def __call__(self, frames: list) -> Any:
        if not self._is_of_a_widget(frames):
            return self.queue(frames)
        # ipykernel 7 keeps in a context which cell its outputs belong to, ipykernel 6 in the kernel.
        context = getattr(self.kernel, "_shell_context", None) or contextvars.copy_context()
        context.copy().run(self._serve, frames)

    def _read(self, frames: list, content: bool) -> tuple[Any, dict[str, Any]]:
        idents, rest = self.kernel.session.feed_identities(frames, copy=False)
        return idents, self.kernel.session.deserialize(rest, content=content, copy=False)

    def _is_of_a_widget(self, frames: list) -> bool:
        with contextlib.suppress(Exception):  # the kernel complains better
            return self._read(frames, content=False)[1]["header"]["msg_type"] in WIDGETS_SEND
        return False

    def _serve(self, frames: list) -> None:
        """What the kernel does with a message, between two steps of the cell that runs."""
        kernel = self.kernel
        cell = kernel._parent_ident["shell"], kernel.get_parent("shell")
        idents, message = self._read(frames, content=True)
        kernel.set_parent(idents, message, "shell")
        kernel._publish_status("busy", "shell")
        try:
            with _interruptible():
                kernel.shell_handlers[message["header"]["msg_type"]](
                    kernel.shell_stream, idents, message
                )
        except (Exception, KeyboardInterrupt):
            kernel.log.exception("a widget's message could not be handled")
        finally:
            kernel._publish_status("idle", "shell")
            kernel.set_parent(*cell, "shell")


@contextlib.contextmanager
def _interruptible():
    """Let an interrupt break off what a slider does; while a cell runs, the interrupt is for the cell."""
    idle = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if idle:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if idle:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
