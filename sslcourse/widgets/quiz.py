"""Questions whose every option explains itself once chosen."""

import html
from dataclasses import dataclass
from typing import Any

import ipywidgets

from sslcourse.widgets.parts import bundle, paragraph

TEXT_WIDTH = {"width": "max-content", "max_width": "98%"}


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
        boxes = [
            self._box(number, question) for number, question in enumerate(questions, start=1)
        ]
        self.widget = ipywidgets.VBox(boxes)
        self.widget.add_class("sslcourse-quiz")

    def _box(self, number: int, question: Question) -> ipywidgets.VBox:
        title = ipywidgets.HTML(f"<b>{number}. {html.escape(question.text)}</b>")
        options = ipywidgets.RadioButtons(
            options=sorted(question.options), value=None, layout=TEXT_WIDTH
        )
        answer = ipywidgets.HTML()

        def explain(change: Any) -> None:
            answer.value = paragraph(question.verdict(change.new), role="status")

        options.observe(explain, names="value")
        return ipywidgets.VBox([title, options, answer])

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        items = "".join(
            f"<li>{html.escape(q.text)}{_list(q.options)}</li>" for q in self.questions
        )
        plain = f"Quiz of {len(self.questions)} questions: run the cell to answer."
        return bundle(self.widget, f"<ol>{items}</ol>", plain)


def _list(options: dict[str, str]) -> str:
    return (
        f"<ul>{''.join(f'<li>{html.escape(option)}</li>' for option in sorted(options))}</ul>"
    )
