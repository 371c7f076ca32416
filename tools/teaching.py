"""Rewrite the tables of docs/teaching.md from the first cells of the lessons: plans, goals, what needs what.

python tools/teaching.py
"""

import re
from functools import cache
from pathlib import Path

from build_notebooks import NOTEBOOKS, notebook_from
from lesson_map import entry
from lesson_times import GUIDE
from marked_text import with_table

from sslcourse.exercises import all_exercises

FREE = "a project with [data of one's own](on_your_own.md)"
PLANS = {  # weeks: the lessons of each; those that are still to be written are left out
    5: "00 01 | 02 04 | 09 | 10 11 | 13 17",
    10: "00 01 | 02 | 04 | 05 06 | 07 08 | 09 | 10 | 11 12 | 13 14 | 17 18",
    14: "00 01 | 02 | 03 | 04 | 05 | 06 | 07 | 08 | 09 | 10 11 | 12 | 13 14 | 15 16 | 17 18",
}


@cache
def lessons() -> dict[str, dict]:
    """Number -> what the map of lessons says of it (see Entry), and its goals as a list in Markdown."""
    found = {}
    for source in sorted(NOTEBOOKS.glob("src/*.py")):
        text = notebook_from(source).cells[0].source
        lesson = entry(source.stem, text)
        goals = re.search(r"^Afterwards,? you can\n\n((?:.+\n?)+)", text, re.MULTILINE)
        found[lesson.number] = vars(lesson) | {"goals": goals[1].strip() if goals else lesson.promise}
    return found


def link(lesson: dict) -> str:
    return f"[{lesson['title']}](../notebooks/{lesson['name']}.ipynb)"


def plan(weeks: int, known: dict) -> list[list[str]]:
    """The lessons of each week."""
    return [[number for number in week.split() if number in known] for week in PLANS[weeks].split("|")]


def plans(known: dict) -> str:
    lines = []
    for weeks in PLANS:
        lines += [f"### {weeks} weeks", "", "| week | lessons | minutes |", "|---:|---|---:|"]
        for week, numbers in enumerate(plan(weeks, known), start=1):
            minutes = sum(known[number]["minutes"] for number in numbers)
            taught = ", ".join(link(known[number]) for number in numbers) or FREE
            lines.append(f"| {week} | {taught} | {minutes or ''} |")
        lines.append("")
    return "\n".join(lines).strip()


def goals(known: dict) -> str:
    lines = []
    for number, lesson in known.items():
        minutes = [e.minutes for name, e in all_exercises().items() if name.startswith(f"{number}.")]
        lines += [
            f"### {lesson['title']}",
            "",
            f"Builds on {', '.join(lesson['needs']) or 'nothing'}. {lesson['minutes']} minutes, "
            f"{sum(minutes)} of them for {len(minutes)} marked exercises.",
            "",
            f"You need: {lesson['you_need']}",
            "",
            lesson["goals"],
            "",
        ]
    return "\n".join(lines).strip()


def with_tables(text: str) -> str:
    known = lessons()
    for mark, new in [("plans", plans(known)), ("goals", goals(known))]:
        text = with_table(text, mark, f"\n{new}\n")
    return text


def main(guide: Path = GUIDE) -> None:
    guide.write_text(with_tables(guide.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
