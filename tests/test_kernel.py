"""Stop and sliders while a cell waits for a training, in a kernel without a browser.

SSLCOURSE_KERNEL_PYTHON names the Python whose ipykernel is tried instead of this one's.
"""

import os
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

PYTHON = os.environ.get("SSLCOURSE_KERNEL_PYTHON", sys.executable)
ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 30  # seconds
LESSON = """
import time
from PIL import Image
from sslcourse.training import Progress
from sslcourse.widgets import explore, messages, slider, start_lesson, watch

def steps(n):
    for step in range(1, n + 1):
        time.sleep(0.002)
        yield Progress(step, n, 1 / step, None)

start_lesson()
panel = explore(lambda x: (Image.new("L", (4, 4), x), f"grey {x}"), x=slider("x", 0, 255, 1, 0))
"""
ENDLESS = "run = watch(steps(10**6), 'fit', picture=lambda: Image.new('L', (4, 4)))"
WAIT = "print('waits'); history = await run; print(bool(history.loss))"


class Kernel:
    """A kernel and what a front end without subshells sends to it."""

    def __init__(self, manager):
        self.manager, self.client = manager, manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.heard, self.without_reply = [], set()

    def run(self, code):
        """Send a cell without waiting for it."""
        sent = self.client.execute(code, store_history=False)
        self.without_reply.add(sent)
        return sent

    def move(self, model, **state):
        return self._send(model, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, model):
        return self._send(model, {"method": "custom", "content": {"event": "click"}})

    def _send(self, model, data):
        message = self.client.session.msg("comm_msg", {"comm_id": model, "data": data})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def until(self, done):
        """Listen until a message is what done() looks for."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            self.heard.append(message)
            if done(message):
                return
        raise TimeoutError

    def until_idle(self, *sent):
        for one in sent:
            if not any(is_idle(message, one) for message in self.heard):
                self.until(lambda message, one=one: is_idle(message, one))
            while one in self.without_reply:  # ipykernel 7.3 may lose what is sent before
                reply = self.client.get_shell_msg(timeout=PATIENCE)
                self.without_reply.discard(reply["parent_header"]["msg_id"])

    def result(self, code):
        """Run a cell, return what it prints."""
        sent = self.run(code)
        self.until_idle(sent)
        return self.printed(sent)

    def of(self, sent, kind):
        """What has been heard about a message sent."""
        mine = [m for m in self.heard if m["parent_header"].get("msg_id") == sent]
        return [m["content"] for m in mine if m["msg_type"] == kind]

    def printed(self, sent):
        errors = [f"{error['ename']}: {error['evalue']}" for error in self.of(sent, "error")]
        return "".join([content["text"] for content in self.of(sent, "stream")] + errors)

    def shown(self, model, key):
        """The newest value of a widget that the front end was told."""
        told = [m["content"]["data"] for m in self.heard if m["msg_type"] in ("comm_open", "comm_msg")
                and m["content"]["comm_id"] == model]  # fmt: skip
        return [data["state"][key] for data in told if key in data.get("state", {})][-1]


def tells_a_step(message):
    """Whether a training has told the front end how far it is."""
    return ": step " in str(message["content"].get("data"))


def is_idle(message, sent):
    status = message["content"].get("execution_state")
    return status == "idle" and message["parent_header"].get("msg_id") == sent


@pytest.fixture(scope="module")
def process():
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(argv=[PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    manager.start_kernel(cwd=ROOT, env={"SSLCOURSE_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT)})
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(process):
    kernel = Kernel(process)
    assert kernel.result(LESSON) == ""
    yield kernel
    kernel.client.stop_channels()


@pytest.fixture
def training(kernel):
    """The widgets of a training without end, and a cell that waits for it."""
    kernel.heard.clear()
    widgets = "run._button, run._message, panel._controls['x'], panel._message"
    printed = kernel.result(f"{ENDLESS}\nprint(*(widget.model_id for widget in ({widgets})))")
    stop, words, slider, sentence = printed.split()
    cell = kernel.run(WAIT)
    kernel.until(lambda message: message["content"].get("text") == "waits\n")
    kernel.until(tells_a_step)
    yield SimpleNamespace(stop=stop, words=words, slider=slider, sentence=sentence, cell=cell)
    kernel.result("run.stop(); await run")


def test_stop_is_heard_while_a_cell_waits(kernel, training):
    start = time.monotonic()
    kernel.until_idle(kernel.click(training.stop), training.cell)
    assert time.monotonic() - start < 3
    assert kernel.printed(training.cell) == "waits\nTrue\n"
    assert "stopped, the model is kept" in kernel.shown(training.words, "value")


def test_a_slider_follows_while_a_cell_waits(kernel, training):
    for value in (7, 8, 9):
        kernel.until_idle(kernel.move(training.slider, value=value))
        assert f"grey {value}" in kernel.shown(training.sentence, "value")
    kernel.until_idle(kernel.click(training.stop), training.cell)


def test_a_front_end_hears_that_its_message_was_handled_and_what_became_of_it(kernel, training):
    sent = kernel.move(training.slider, value=20)
    kernel.until_idle(sent)
    assert [status["execution_state"] for status in kernel.of(sent, "status")] == ["busy", "idle"]
    assert training.sentence in [told["comm_id"] for told in kernel.of(sent, "comm_msg")]
    kernel.until_idle(kernel.click(training.stop), training.cell)


def test_cells_in_the_queue_keep_their_order_and_their_outputs(kernel, training):
    queue = [kernel.run(f"print({number})") for number in range(3)]
    kernel.until_idle(kernel.move(training.slider, value=30))
    assert [kernel.printed(cell) for cell in queue] == ["", "", ""]
    kernel.until_idle(kernel.click(training.stop), training.cell, *queue)
    assert kernel.printed(training.cell) == "waits\nTrue\n"
    assert [kernel.printed(cell) for cell in queue] == ["0\n", "1\n", "2\n"]
    inputs = [m["content"]["code"] for m in kernel.heard if m["msg_type"] == "execute_input"]
    assert inputs[-3:] == ["print(0)", "print(1)", "print(2)"]


def test_a_slider_that_was_moved_during_a_long_cell_follows_when_the_next_one_waits(kernel):
    slider = kernel.result("print(panel._controls['x'].model_id)").strip()
    queue = [kernel.run(code) for code in ("time.sleep(0.3)", "await watch(steps(99), 'fit')", "panel.text")]
    kernel.move(slider, value=77)
    kernel.until_idle(*queue)
    assert kernel.of(queue[-1], "execute_result")[0]["data"]["text/plain"] == "'grey 77'"


def test_an_interrupt_is_a_stop_whenever_it_comes(kernel):
    seconds = random.Random(0)
    printed = []
    for number in range(30):
        kernel.heard.clear()
        cell = kernel.run(f"{ENDLESS}\n{WAIT}")
        kernel.until(lambda message: message["content"].get("text") == "waits\n")
        if number % 3:
            kernel.until(tells_a_step)
        time.sleep(seconds.uniform(0, 0.2))
        kernel.manager.interrupt_kernel()
        kernel.until_idle(cell)
        printed.append(kernel.printed(cell))
    assert set(printed[::3]) <= {"waits\nTrue\n", "waits\nFalse\n"}
    assert set(printed[1::3] + printed[2::3]) == {"waits\nTrue\n"}


def test_interrupts_between_two_cells_hurt_nobody(kernel):
    for _ in range(5):
        kernel.manager.interrupt_kernel()
        time.sleep(0.02)
    assert kernel.result("print('here')") == "here\n"


def test_a_kernel_of_another_kind_is_told_how_to_stop_and_can_be_stopped_so(kernel):
    kernel.heard.clear()
    cell = kernel.run(f"""
messages._main_stream, known = lambda kernel: kernel.nothing, messages._main_stream
{ENDLESS}
messages._main_stream = known
print(run.widget.children[2].value)
{WAIT}""")
    kernel.until(lambda message: "waits" in message["content"].get("text", ""))
    kernel.until(tells_a_step)
    kernel.manager.interrupt_kernel()
    kernel.until_idle(cell)
    assert kernel.printed(cell) == "<p>To stop: interrupt the kernel (the square button).</p>\nwaits\nTrue\n"


@pytest.mark.parametrize(("metadata", "expected"), [({"cellId": "a"}, "True\n"), ({}, "False\n")])
def test_a_front_end_is_known_by_the_name_of_the_cell_that_it_sends(kernel, metadata, expected):
    code = "from sslcourse.widgets.still import in_a_front_end; print(in_a_front_end())"
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
    message = kernel.client.session.msg("execute_request", content, metadata=metadata)
    kernel.client.shell_channel.send(message)
    sent = message["header"]["msg_id"]
    kernel.without_reply.add(sent)
    kernel.until_idle(sent)
    assert kernel.printed(sent) == expected
