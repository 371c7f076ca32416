"""Move every control of lessons in a real JupyterLab, and say what does not follow, and how fast.

python tools/walk_lessons.py [--lessons 00 09] [--folder notebooks]

Pictures of every explorer go to artefacts/walk. Ends with an error if a control, a cell or the page fails.
Milliseconds are those from a key to the new picture; they mean something only where nothing else runs.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import MEASURE, NOTEBOOKS, Lesson, chromium, jupyter_lab, pixels, wait_until
from playwright.sync_api import Locator, Page

PICTURES = NOTEBOOKS.parent / "artefacts" / "walk"
REACTION_SECONDS = 20


def seen(view: Locator) -> tuple[str, str]:
    """The picture and the sentence of an explorer."""
    return pixels(view.locator("img")), view.get_by_role("status").inner_text()


def press(page: Page, control: Locator, *keys: str) -> Callable[[], None]:
    def move() -> None:
        control.focus()
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(150)

    return move


def moves(page: Page, view: Locator) -> Iterator[tuple[str, Callable[[], None]]]:
    """What can be done with each control, by its name. A patch that is pressed twice would be as before."""
    for slider in view.get_by_role("slider").all():
        name = slider.get_attribute("aria-label") or "slider"
        at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
        way = [("End", "ArrowLeft"), ("Home", "ArrowRight")]
        (end, back), (start, _) = reversed(way) if at_end else way
        yield f"{name}: to an end", press(page, slider, start, end)
        yield f"{name}: and back", press(page, slider, back, back, start)
    for choice in view.locator("select").all():
        options = choice.locator("option").all_inner_texts()
        chosen = choice.evaluate("select => select.selectedOptions[0].text")
        others = [option for option in options if option != chosen]
        for option in [*others[:2], chosen]:
            yield f"choice {option}", lambda choice=choice, option=option: choice.select_option(option)
    for patch in view.locator("button.widget-toggle-button").all()[:1]:
        yield "a patch", patch.click


def follows(view: Locator, move: Callable[[], None]) -> bool:
    """Whether picture or sentence change after a move."""
    before = seen(view)
    move()
    try:
        return wait_until(lambda: seen(view) != before, REACTION_SECONDS, "something has changed")
    except TimeoutError:
        return False


def walk(page: Page, lesson: Lesson, name: str) -> tuple[list[float], list[str]]:
    """Milliseconds of every move of a lesson that has run, and what did not follow."""
    milliseconds, faults = [], []
    for cell in lesson.code_cells():
        faults += [f"{cell.source.partition(chr(10))[0]}: {error}" for error in cell.errors]
    for number, cell in enumerate(lesson.code_cells("explore(")):
        cell.show()
        view = cell.box.locator(".sslcourse-explorer")
        view.locator("img").evaluate(MEASURE)
        for what, move in moves(page, view):
            if not follows(view, move):
                faults.append(f"explorer {number}, {what}: nothing changed")
        milliseconds += page.evaluate("course.latencies")
        cell.box.screenshot(path=PICTURES / f"{name}_{number}.png")
    faults += page.errors
    page.errors.clear()
    return milliseconds, faults


def main(lessons: list[str], notebooks: Path) -> int:
    names = [path.name for path in sorted(notebooks.glob("*.ipynb"))]
    failed = False
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(notebooks, folder, ignore=shutil.ignore_patterns("src", ".*"), dirs_exist_ok=True)
        with jupyter_lab(Path(folder)) as address, chromium() as page:
            for name in names:
                if lessons and name[:2] not in lessons:
                    continue
                lesson = Lesson(page, address, name)
                lesson.run_all()
                milliseconds, faults = walk(page, lesson, name[:2])
                lesson.end_kernel()
                median = statistics.median(milliseconds) if milliseconds else float("nan")
                most = max(milliseconds, default=float("nan"))
                print(
                    f"{name}: {len(milliseconds)} moves, {median:.0f} ms, at most {most:.0f} ms", flush=True
                )
                for fault in faults:
                    print(f"  {fault}", flush=True)
                failed |= bool(faults)
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lessons", nargs="*", default=[], help="numbers, such as 00 09; all by default")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where the notebooks lie")
    asked = parser.parse_args()
    sys.exit(main(asked.lessons, asked.folder))
