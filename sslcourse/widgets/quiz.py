"""Questions whose every option explains itself once chosen."""

from dataclasses import dataclass
from typing import Any

import ipywidgets

from sslcourse.show import inline, without_marks
from sslcourse.widgets.still import Still

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
        self._options = [self._radio_buttons(question) for question in questions]
        self.widget = ipywidgets.VBox([self._box(number) for number in range(len(questions))])
        self.widget.add_class("sslcourse-quiz")
        self._still = Still(self.widget, self._page)

    def _radio_buttons(self, question: Question) -> ipywidgets.RadioButtons:
        options = [(without_marks(option), option) for option in sorted(question.options)]
        return ipywidgets.RadioButtons(options=options, value=None, layout=TEXT_WIDTH)

    def _box(self, number: int) -> ipywidgets.VBox:
        question, options = self.questions[number], self._options[number]
        title = ipywidgets.HTML(f"<b>{number + 1}. {inline(question.text)}</b>")
        answer = ipywidgets.HTML()

        def explain(change: Any) -> None:
            answer.value = f'<p role="status">{inline(question.verdict(change.new))}</p>'
            self._still.follow()

        options.observe(explain, names="value")
        return ipywidgets.VBox([title, options, answer])

    def _page(self) -> tuple[str, str]:
        answers = [options.value for options in self._options]
        items = map(_item, self.questions, answers)
        words = f"Quiz of {len(self.questions)} questions: run the cell to answer."
        return (
            f"<ol>{''.join(items)}</ol><p><small>Run this cell to answer.</small></p>",
            words,
        )

    def _ipython_display_(self) -> None:
        self._still.display()


def _item(question: Question, answer: str | None) -> str:
    """A question with its options and, once there is an answer, what a learner was told."""
    options = "".join(f"<li>{inline(option)}</li>" for option in sorted(question.options))
    told = (
        answer
        and f"<p>Your answer: {inline(answer)}</p><p>{inline(question.verdict(answer))}</p>"
    )
    return f"<li>{inline(question.text)}<ul>{options}</ul>{told or ''}</li>"
