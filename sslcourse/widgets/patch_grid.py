"""A square of buttons, one for each patch of an image: press to hide, press again to show."""

from collections.abc import Iterable
from typing import Any

import ipywidgets
import traitlets


class PatchGrid(ipywidgets.VBox):
    """A control for explore whose value is the tuple of hidden patches, numbered row by row from 0.

    Each button says in words where it is and what it does; Tab and Space work it without a mouse.
    """

    value = traitlets.Tuple()

    def __init__(self, label: str, side: int, hidden: Iterable[int] = ()):
        self._buttons = [
            ipywidgets.ToggleButton(
                layout={"flex": "0 1 6em", "min_width": "3.6em", "margin": "1px"}
            )
            for _ in range(side**2)
        ]
        rows = [
            ipywidgets.HBox(self._buttons[row * side : (row + 1) * side])
            for row in range(side)
        ]
        super().__init__([ipywidgets.Label(label), *rows])
        self.description, self._side, self._moving = label, side, False
        self.add_class("sslcourse-patch-grid")
        for button in self._buttons:
            button.observe(self._pressed, names="value")
        self.value = tuple(hidden)
        self._label_buttons()

    @traitlets.validate("value")
    def _each_once_and_in_order(self, proposal: Any) -> tuple[int, ...]:
        hidden = tuple(sorted(set(proposal["value"])))
        if not set(hidden) <= set(range(self._side**2)):
            raise ValueError(f"patches are numbered 0 to {self._side**2 - 1}, got {hidden}")
        return hidden

    @traitlets.observe("value")
    def _move_buttons(self, _change: object) -> None:
        self._moving = (
            True  # several buttons may move: that is one change of the value, not many
        )
        try:
            for patch, button in enumerate(self._buttons):
                button.value = patch in self.value
        finally:
            self._moving = False
        self._label_buttons()

    def _pressed(self, _change: object) -> None:
        if not self._moving:
            self.value = tuple(
                patch for patch, button in enumerate(self._buttons) if button.value
            )

    def _label_buttons(self) -> None:
        for patch, button in enumerate(self._buttons):
            row, column = divmod(patch, self._side)
            button.description = "hidden" if button.value else "seen"
            button.tooltip = f"row {row + 1}, column {column + 1}: {button.description}"


def patch_grid(label: str, side: int, hidden: Iterable[int] = ()) -> PatchGrid:
    """A PatchGrid of side x side buttons in which the patches `hidden` are pressed."""
    return PatchGrid(label, side, hidden)
