"""The set-up that every lesson begins with."""

import os

import torch
from IPython.display import display

READY = "Ready. Run the cells in order, each with Shift+Enter; sliders move once their cell has run."
# What ipywidgets and JupyterLab leave out: screen readers hear the name of a slider, of a group of options
# and of a picture, and arrow keys move sliders and choose among options instead of moving to another cell.
FOR_KEYBOARD_AND_EARS = """
window.sslcourse ??= (() => {
  const all = (selector, act) => document.querySelectorAll('.jp-OutputArea ' + selector).forEach(act);
  const repair = () => {
    all('.widget-slider .noUi-handle', handle => {
      const box = handle.closest('.widget-slider');
      handle.setAttribute('aria-label', box.querySelector('.widget-label')?.textContent ?? 'slider');
      handle.setAttribute('aria-valuetext', box.querySelector('.widget-readout')?.textContent ?? '');
    });
    all(':is(.noUi-handle, .widget-readout, .widget-dropdown select):not([data-lm-suppress-shortcuts])',
      control => control.setAttribute('data-lm-suppress-shortcuts', 'true'));
    all('.widget-radio:not([role])', group => {
      group.setAttribute('role', 'radiogroup');
      group.setAttribute('aria-label', group.previousElementSibling?.textContent ?? 'options');
      const name = 'options-' + Math.random();
      group.querySelectorAll('input').forEach(option => {
        option.name = name;
        option.setAttribute('data-lm-suppress-shortcuts', 'true');
      });
    });
    all('.widget-image:not([alt])', image => { image.alt = 'picture, described in the text next to it'; });
  };
  new MutationObserver(repair).observe(document.body, {childList: true, subtree: true});
  repair();
  return repair;
})();
"""


def threads() -> int:
    """Two, or what SSLCOURSE_THREADS says; raises ValueError if that is no number of threads."""
    given = os.environ.get("SSLCOURSE_THREADS", "").strip() or "2"
    if not (given.isdecimal() and int(given) > 0):
        raise ValueError(
            f"SSLCOURSE_THREADS must be a whole number from 1, or not set; it is {given!r}"
        )
    return int(given)


def start_lesson(seed: int = 0) -> None:
    """Seed torch, set the number of threads, make the widgets usable by keyboard and by ear.

    SSLCOURSE_THREADS overrides the two threads; on a busy machine one is faster.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads())
    page = f"<p>{READY}</p><script>{FOR_KEYBOARD_AND_EARS}</script>"
    display({"text/html": page, "text/plain": READY}, raw=True)
