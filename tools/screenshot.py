"""Run lesson 04 in JupyterLab, move its last slider and save the picture that README.md shows.

python tools/screenshot.py [docs/screenshot.png]
"""

import io
import sys
import tempfile
from pathlib import Path

from lab import Lesson, chromium, copy_notebooks, jupyter_lab, pixels, time_limit, wait_until
from PIL import Image

LESSON, CELL = "04_autoencoders.ipynb", "explore(draw_noise"
PRESSES = ["ArrowLeft"] * 4  # from noise 0.50 to 0.30
LIMIT_SECONDS = 600


def photograph(target: Path) -> None:
    """Write the picture in 256 colours, so that it stays small."""
    with (
        time_limit(LIMIT_SECONDS),
        tempfile.TemporaryDirectory() as folder,
        jupyter_lab(copy_notebooks(Path(folder))) as address,
        chromium(width=1040, height=780, scale=1.5) as page,
    ):
        lesson = Lesson(page, address, LESSON)
        lesson.start("application:toggle-left-area")
        lesson.run_all()
        cell = lesson.cell(CELL)
        cell.show()
        slider, picture = cell.box.get_by_role("slider"), cell.box.locator(".sslcourse-live img")
        slider.focus()
        for key in PRESSES:
            before = pixels(picture)
            page.keyboard.press(key)
            wait_until(lambda before=before: pixels(picture) != before, 15, "the picture has changed")
        cell.show()
        page.wait_for_timeout(500)  # the last figures of the sentence
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    target.parent.mkdir(exist_ok=True)
    shot.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    photograph(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshot.png"))
