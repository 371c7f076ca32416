"""Questions whose every option explains itself once chosen."""

import html
from dataclasses import dataclass
from typing import Any

import ipywidgets

from sslcourse.widgets.explore import WIDGET_VIEW


@dataclass(frozen=True)
class Question:
    """options maps each option to the explanation shown when it is chosen; `right` is the right option.

    Options are shown in alphabetical order, so the order in which they are written tells nothing.
    """

    text: str
    right: str
    options: dict[str, str]

    def __post_init__(self) -> None:
        if self.right not in self.options:
            raise ValueError(
                f"question {self.text!r}: the right option {self.right!r} is not among its options"
            )

    def verdict(self, option: str) -> str:
        """What a learner who chose this option reads."""
        return f"{'Right' if option == self.right else 'Not quite'}. {self.options[option]}"


class Quiz:
    """Radio buttons under each question. Explanations stay in the kernel until an option is chosen."""

    def __init__(self, questions: list[Question]):
        self.questions = questions
        boxes = [self._box(number, question) for number, question in enumerate(questions, start=1)]
        self.widget = ipywidgets.VBox(boxes)
        self.widget.add_class("sslcourse-quiz")

    def _box(self, number: int, question: Question) -> ipywidgets.VBox:
        answer = ipywidgets.HTML()
        options = ipywidgets.RadioButtons(
            options=sorted(question.options), value=None, layout={"width": "max-content", "max_width": "98%"}
        )
        options.observe(
            lambda change: setattr(
                answer, "value", f'<p role="status">{html.escape(question.verdict(change.new))}</p>'
            ),
            names="value",
        )
        return ipywidgets.VBox(
            [ipywidgets.HTML(f"<b>{number}. {html.escape(question.text)}</b>"), options, answer]
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        view = self.widget._repr_mimebundle_()[WIDGET_VIEW]
        items = "".join(f"<li>{html.escape(q.text)}{_list(q.options)}</li>" for q in self.questions)
        plain = f"Quiz of {len(self.questions)} questions: run the cell to answer."
        return {WIDGET_VIEW: view, "text/html": f"<ol>{items}</ol>", "text/plain": plain}


def _list(options: dict[str, str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(option)}</li>' for option in sorted(options))}</ul>"
