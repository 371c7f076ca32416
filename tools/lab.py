"""A lesson in a real JupyterLab, seen through a real browser: for the browser tests and the screenshot.

with jupyter_lab(folder) as address, chromium() as page:
    lesson = Lesson(page, address, "04_autoencoders.ipynb")
    lesson.run_all()
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Error, Locator, Page, sync_playwright

from sslcourse.export import BROWSERS, QUIET

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
START_SECONDS = 90  # for the server, and for the page
CELL_SECONDS = 120
RUN_ALL_SECONDS = 420  # two quiet cores need about 60
SETTINGS = {  # JupyterLab as it comes, without its question whether it may fetch news
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}
HELPERS = """
window.course = {
  panel: () => window.jupyterapp?.shell.currentWidget,
  kernel: () => course.panel()?.context?.sessionContext.session?.kernel,
  cells: () => course.panel().content.model.sharedModel.cells,
  isReady: () => course.kernel()?.connectionStatus === 'connected' && course.kernel().status === 'idle',
  codeCells: text => course.cells().flatMap(
    (cell, i) => cell.cell_type === 'code' && cell.source.includes(text) ? [i] : []),
  jobs: [],
  start: (command, options) => {
    const job = course.jobs.push(false) - 1;
    jupyterapp.commands.execute(command, options).finally(() => { course.jobs[job] = true; });
    return job;
  },
  setting: (plugin, values) => jupyterapp.serviceManager.settings.save(plugin, JSON.stringify(values)),
  outputs: i => course.cells()[i].outputs.map(output => output.toJSON ? output.toJSON() : output),
  select: i => {
    course.panel().content.activeCellIndex = i;
    return course.panel().content.scrollToItem(i, 'start');
  },
  pixels: async image => {
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL();
  },
};
"""

# Milliseconds from a key to the next picture that is painted, into course.latencies.
MEASURE = """picture => {
  course.latencies = [];
  let pressed = null;
  document.addEventListener('keydown', event => { pressed = event.timeStamp; }, true);
  picture.addEventListener('load', () => requestAnimationFrame(painted => {
    if (pressed !== null) course.latencies.push(painted - pressed);
    pressed = null;
  }));
}"""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Kill all processes that this one has started when the time is up: whoever waits for them then fails."""

    def stop() -> None:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def wait_until(done: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of done(), asked 50 times a second."""
    end = time.monotonic() + seconds
    while not (value := done()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(0.02)
    return value


def copy_notebooks(folder: Path) -> Path:
    """The lessons in folder/notebooks, so that nothing is written into the originals."""
    return shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns("src", ".*"))


@contextlib.contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """Serve the folder on a free port of this machine; gives the address, {} standing for the notebook.

    The server sees none of the user's settings. It and its kernels are gone at the end, whatever happened.
    """
    with tempfile.TemporaryDirectory() as private, socket.socket() as probe:
        settings = Path(private, "config", "labconfig", "default_setting_overrides.json")
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
        probe.bind(("127.0.0.1", 0))
        port, token = probe.getsockname()[1], secrets.token_hex(16)
        probe.close()
        log = Path(private, "server.log")
        with log.open("w") as output:
            server = subprocess.Popen(
                _command(folder, port, token),
                env=_environment(Path(private)), stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}/{{}}?token={token}"
            wait_until(lambda: _answers(server, address.format("api"), log), START_SECONDS, "Lab answers")
            yield address.format("lab/tree/{}") + "&reset"
        finally:
            _end(server)


def _command(folder: Path, port: int, token: str) -> list[str]:
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip


def _environment(private: Path) -> dict[str, str]:
    """Everything that Jupyter reads or writes lies in a private folder; one thread, so that two cores do."""
    names = {
        "HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    folders = {name: str(private / folder) for name, folder in names.items()}
    return {"SSLCOURSE_THREADS": "1", **os.environ, **folders, "JUPYTER_PREFER_ENV_PATH": "1"}


def _answers(server: subprocess.Popen, address: str, log: Path) -> bool:
    if server.poll() is not None:
        raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")
    try:
        return urllib.request.urlopen(address, timeout=2).status == 200
    except OSError:
        return False


def _end(server: subprocess.Popen) -> None:
    """End the server and its kernels: kindly, then firmly. Kernels have process groups of their own."""
    try:
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        processes = []
    server.terminate()
    for process in psutil.wait_procs(processes, timeout=10)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.wait()


@contextlib.contextmanager
def chromium(width: int = 1200, height: int = 900, scale: float = 1) -> Iterator[Page]:
    """A page of the machine's Chromium, without a window; `page.errors` collects JavaScript's errors."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise FileNotFoundError(f"none of {', '.join(BROWSERS)} is on the PATH; try: make chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
        page.add_init_script(HELPERS)
        page.errors = []
        page.on("pageerror", lambda error: is_race(error) or page.errors.append(error.stack or str(error)))
        try:
            yield page
        finally:
            browser.close()


def is_race(error: Error) -> bool:
    """Whether JupyterLab took a node away twice, as it may where a cell leaves the view while it is drawn.

    Nothing but files that the server ships is in the stack. It harms nothing and comes about once in some
    hundred runs (jupyterlab/jupyterlab#15415 shows such a stack).
    """
    frames = re.findall(r"^ +at .+", error.stack or "", flags=re.MULTILINE)
    ships = all(re.search(r"https?://[^/]+(/static/lab/|/lab/extensions/)", frame) for frame in frames)
    return error.name == "NotFoundError" and "'removeChild'" in error.message and bool(frames) and ships


class Lesson:
    """A notebook open in JupyterLab."""

    def __init__(self, page: Page, address: str, notebook: str):
        self.page, self._address = page, address.format(notebook)
        self.open()

    def open(self) -> None:
        """Load the page, or load it again, and wait for the kernel: what is run before that gets lost."""
        milliseconds = 1000 * START_SECONDS
        self.page.goto(self._address, wait_until="domcontentloaded", timeout=milliseconds)
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=milliseconds)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=milliseconds)
        self.page.wait_for_function("course.isReady()", timeout=milliseconds)

    def end_kernel(self) -> None:
        """As the server does when it stops: what the kernel knew is gone."""
        self.page.evaluate("jupyterapp.serviceManager.sessions.shutdownAll()")

    def set(self, plugin: str, **values: Any) -> None:
        """Change settings of JupyterLab, from the next open() on; without values they are as they come."""
        self.page.evaluate("([plugin, values]) => course.setting(plugin, values)", [plugin, values])

    def start(self, command: str, **options: Any) -> Callable[[], bool]:
        """Begin a command of JupyterLab's menus; the result tells, when called, whether it has ended."""
        job = self.page.evaluate("([command, options]) => course.start(command, options)", [command, options])
        return lambda: self.page.evaluate("job => course.jobs[job]", job)

    def run_all(self, seconds: float = RUN_ALL_SECONDS) -> None:
        """Run every cell and wait for the last one."""
        wait_until(self.start("notebook:run-all-cells"), seconds, "all cells have run")

    def code_cells(self, text: str = "") -> list["Cell"]:
        """The code cells that have this text in their source."""
        return [Cell(self, index) for index in self.page.evaluate("text => course.codeCells(text)", text)]

    def cell(self, text: str) -> "Cell":
        """The one code cell that has this text in its source."""
        (cell,) = self.code_cells(text)
        return cell


class Cell:
    """A code cell of an open lesson: what it holds, and where it is on the page."""

    def __init__(self, lesson: Lesson, index: int):
        self._lesson, self._page, self._index = lesson, lesson.page, index
        self.box = self._page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    @property
    def source(self) -> str:
        return self._page.evaluate("i => course.cells()[i].source", self._index)

    @source.setter
    def source(self, code: str) -> None:
        self._page.evaluate("([i, code]) => course.cells()[i].setSource(code)", [self._index, code])

    @property
    def count(self) -> int | None:
        """The number in brackets; None before and while the cell runs."""
        return self._page.evaluate("i => course.cells()[i].execution_count", self._index)

    @property
    def outputs(self) -> list[dict]:
        return self._page.evaluate("i => course.outputs(i)", self._index)

    @property
    def errors(self) -> list[str]:
        return [f"{o['ename']}: {o['evalue']}" for o in self.outputs if o["output_type"] == "error"]

    @property
    def printed(self) -> str:
        return "".join("".join(output.get("text", "")) for output in self.outputs)

    def show(self) -> Locator:
        """Select the cell and scroll to what it shows."""
        self._page.evaluate("i => course.select(i)", self._index)
        outputs = self.box.locator(".jp-Cell-outputWrapper")
        outputs.scroll_into_view_if_needed()
        return outputs

    def start(self) -> Callable[[], bool]:
        """Begin to run the cell; the result tells, when called, whether it has ended."""
        self.show()
        return self._lesson.start("notebook:run-cell")

    def run(self, seconds: float = CELL_SECONDS) -> "Cell":
        """Run the cell and wait for its end."""
        wait_until(self.start(), seconds, f"this has run: {self.source}")
        return self


def pixels(picture: Locator) -> str:
    """A name for what a picture shows: its address changes with every redraw, so only the pixels tell."""

    def decoded() -> str | None:
        with contextlib.suppress(Error):  # it is being exchanged just now
            return picture.evaluate("image => course.pixels(image)")

    return hashlib.sha1(wait_until(decoded, 5, "the picture can be read").encode()).hexdigest()
