"""Your copy of a lesson as a page and as a PDF, with the last pictures, curves, answers and descriptions.

python -m sslcourse.export 09    writes my_lessons/09_contrastive_learning.html and .pdf
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from sslcourse.lessons import FOLDER, find
from sslcourse.remedies import install

BROWSERS = [
    "chromium", "chromium-browser", "google-chrome", "msedge", "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
]  # fmt: skip
QUIET = [  # without its sandbox, which containers forbid: the page is your own
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
ONLINE = "https://cdn.jsdelivr.net/npm/mathjax@3.2.2/es5/tex-svg.js"
TEMPLATE = """{% extends "lab/index.html.j2" %}
{% block html_head_js_requirejs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block extra_css %}<style>
.jp-OutputArea .highlight pre {font-family: var(--jp-code-font-family)}
mjx-container svg :is(path, use) {stroke-width: 0 !important}
@media print {.jp-Notebook pre {white-space: pre-wrap !important; overflow-wrap: anywhere}}
</style>{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block html_head_js_mathjax %}<script>MathJax = {
  tex: {inlineMath: [["$", "$"], ["\\\\(", "\\\\)"]], processEscapes: true, tags: "ams"},
  options: {enableMenu: false},
};</script><script src="MATHJAX"></script>{% endblock %}"""
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)


def exported_page(notebook: Path, mathjax: str = ONLINE) -> str:
    """The notebook as HTML; the code that draws pictures and checks claims is left out."""
    try:
        from nbconvert import HTMLExporter
    except ModuleNotFoundError:
        sys.exit(f"nbconvert is missing; install it with: {install('nbconvert')}")
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
    template = TEMPLATE.replace("MATHJAX", mathjax)
    exporter = HTMLExporter(config=config, raw_template=template)
    try:
        return exporter.from_filename(str(notebook))[0]
    except Exception as error:  # a damaged notebook raises what it likes
        raise ValueError(f"{notebook} cannot be read as a notebook: {error!r}") from error


def mathjax_here() -> str:
    """Where the script for formulas is: in a package of this course's tools, else on the network."""
    package = find_spec("sphinx-mathjax-offline")
    folder = package and Path(package.origin).parent
    return (folder / "static/mathjax/tex-svg.js").as_uri() if folder else ONLINE


def export(notebook: Path) -> list[Path]:
    """Write the page and, where there is Chromium, Chrome or Edge, the PDF; returns what was written.

    The browser typesets the formulas once, so that the page needs neither scripts nor a network.
    """
    html, pdf = (notebook.resolve().with_suffix(suffix) for suffix in (".html", ".pdf"))
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        html.write_text(exported_page(notebook), encoding="utf-8")
        return [html]
    with tempfile.TemporaryDirectory(dir=html.parent, ignore_cleanup_errors=True) as folder:
        live = Path(folder, "page.html")
        live.write_text(exported_page(notebook, mathjax_here()), encoding="utf-8")
        seen = run_browser(browser, folder, "--dump-dom", live)
        typeset = "<mjx-container" in seen
        html.write_text(
            SCRIPT.sub("", seen) if typeset else exported_page(notebook), encoding="utf-8"
        )
        run_browser(browser, folder, f"--print-to-pdf={pdf}", "--no-pdf-header-footer", html)
    return [html, pdf]


def run_browser(browser: str, profile: str, *arguments: str | Path) -> str:
    """What a browser without a window prints about the page, the last argument."""
    *options, address = arguments
    done = subprocess.run(
        [browser, "--headless", *QUIET, f"--user-data-dir={profile}", "--virtual-time-budget=60000",
         *options, address.as_uri()],
        capture_output=True, encoding="utf-8", timeout=300, check=True,
    )  # fmt: skip
    return done.stdout


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sslcourse.export", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("notebook", help="the number of a lesson, or a notebook of yours")
    given = parser.parse_args(arguments).notebook
    try:
        notebook = FOLDER / find(given).name if given.isdigit() else Path(given)
        if not notebook.is_file():
            first = f"; first type: make lab LESSON={given}" if given.isdigit() else ""
            parser.error(f"there is no {notebook}{first}")
        written = export(notebook)
    except (ValueError, OSError, subprocess.SubprocessError) as error:
        parser.error(str(error))
    print(*written, sep="\n")
    if len(written) == 1:
        print("For a PDF, install Chromium, Chrome or Edge; or open the page and print it.")


if __name__ == "__main__":
    main()
