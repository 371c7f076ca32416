"""The set-up that every lesson begins with."""

import os

import torch
from IPython.display import display

# ipywidgets draws a slider's label beside the handle without linking them; screen readers need the link.
NAME_THE_SLIDERS = """
const name = () => document.querySelectorAll('.widget-slider .noUi-handle').forEach(handle => {
  const box = handle.closest('.widget-slider');
  handle.setAttribute('aria-label', box.querySelector('.widget-label')?.textContent ?? 'slider');
  handle.setAttribute('aria-valuetext', box.querySelector('.widget-readout')?.textContent ?? '');
});
new MutationObserver(name).observe(document.body, {childList: true, subtree: true});
name();
"""


def start_lesson(seed: int = 0) -> None:
    """Seed torch, set the number of threads, name the sliders for screen readers.

    SSLCOURSE_THREADS overrides the two threads; on a busy machine one is faster.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(int(os.environ.get("SSLCOURSE_THREADS", "2")))
    display({"application/javascript": NAME_THE_SLIDERS, "text/plain": "Ready."}, raw=True)
