"""Controls with a label, a readout and keyboard steps."""

from collections.abc import Iterable
from typing import Any

import ipywidgets

LABELLED = {
    "style": {"description_width": "12em"},
    "layout": {"width": "37em", "max_width": "98%"},
}


def slider(
    label: str, low: float, high: float, step: float, value: float
) -> ipywidgets.Widget:
    """A slider for whole numbers if all of low, high, step and value are int, else for floats.

    Arrow keys move it one step, Page Up and Page Down several; the readout takes typed values.
    """
    if not low <= value <= high:
        raise ValueError(f"slider {label!r}: value {value} is outside {low} to {high}")
    if step <= 0:
        raise ValueError(f"slider {label!r}: step must be positive, got {step}")
    whole = all(isinstance(number, int) for number in (low, high, step, value))
    if whole:
        return ipywidgets.IntSlider(value, low, high, step, description=label, **LABELLED)
    decimals = len(f"{step:.6f}".rstrip("0").split(".")[1])
    return ipywidgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=step,
        description=label,
        readout_format=f".{decimals}f",
        **LABELLED,
    )


def stepped_slider(
    label: str, values: Iterable[Any], value: Any
) -> ipywidgets.SelectionSlider:
    """A slider over a few given values."""
    return ipywidgets.SelectionSlider(
        options=list(values), value=value, description=label, **LABELLED
    )


def choice(
    label: str, options: Iterable[Any] | dict[str, Any], value: Any = None
) -> ipywidgets.Dropdown:
    """A drop-down list of values, or of a dict's names; the first is chosen unless value says another."""
    options = (
        options if isinstance(options, dict) else {str(option): option for option in options}
    )
    if not options:
        raise ValueError(f"choice {label!r} has no options")
    first = next(iter(options.values()))
    return ipywidgets.Dropdown(
        options=options,
        value=first if value is None else value,
        description=label,
        **LABELLED,
    )


def text_field(label: str, value: str) -> ipywidgets.Text:
    """A field to type a line into; each letter typed counts."""
    return ipywidgets.Text(value, description=label, **LABELLED)
