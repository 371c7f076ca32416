"""The site in a real browser: sliders, quizzes and hints without a kernel; requests, sizes, links, axe.

SITE=build/site tests that site. Otherwise a small one is built, of lesson 00, recorded for it, and 02.
"""

import functools
import html.parser
import http.server
import os
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import wait_until

from sslcourse.exercises import find, quiz
from sslcourse.show import without_marks

TOOLS = Path(__file__).resolve().parents[2] / "tools"
SECONDS = 15  # for a page to react, on a machine that is busy with other things
LESSON = "lessons/00_start_here.html"
PHONE = {"viewport": {"width": 390, "height": 844}}
MEGABYTE = 1_000_000


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder with the site."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"]).resolve()
    site, recorded = tmp_path_factory.mktemp("site") / "site", tmp_path_factory.mktemp("recorded")
    run("record_lessons.py", "--lessons", "00", "--into", recorded)
    run("build_site.py", "--lessons", "00", "02", "--into", site, "--recorded", recorded)
    return site


def run(tool, *arguments):
    command = [sys.executable, TOOLS / tool, *arguments]
    subprocess.run(command, check=True, env={"SSLCOURSE_THREADS": "1", **os.environ})


@pytest.fixture(scope="session")
def pages(site):
    """The paths of all pages."""
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


@pytest.fixture(scope="session")
def opened(pages):
    """The pages that are opened in the browser: of the small site not all of the package."""
    return [path for path in pages if "SITE" in os.environ or not path.startswith("api/") or "losses" in path]


@pytest.fixture(scope="session")
def web(site):
    """Where the site is served: http://127.0.0.1:port/"""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def new_page(browser, **options):
    """A page that keeps what it asks for in `requests`."""
    tab = browser.new_page(**{"reduced_motion": "reduce", **options})
    tab.errors, tab.requests = [], []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    return tab


@pytest.fixture
def options():
    """How the page of a test differs from others."""
    return {}


@pytest.fixture
def page(browser, options):
    """A fresh page; that of the other browser tests has a lesson open in JupyterLab and is left alone."""
    page = new_page(browser, **options)
    yield page
    page.close()


@pytest.fixture
def lesson(page, web):
    """Lesson 00 on the site."""
    page.goto(web + LESSON)
    return page


@pytest.fixture
def explorer(lesson):
    return lesson.locator(".course-explorer").first


def seen(explorer):
    """What the first slider reads, to the eye and to the ear, the picture, its description, the sentence."""
    slider, picture = explorer.get_by_role("slider").first, explorer.locator("img")
    return (
        explorer.locator(".course-controls span").first.inner_text(),
        slider.get_attribute("aria-valuetext"),
        picture.get_attribute("src"),
        picture.get_attribute("alt"),
        explorer.get_by_role("status").inner_text(),
    )


def all_change(explorer, before):
    def changed():
        now = seen(explorer)
        return now if all(a != b for a, b in zip(now, before, strict=True)) else None

    return wait_until(changed, SECONDS, f"all differ from {before}")


def frames_asked_for(page):
    return [address for address in page.requests if "/frames/" in address]


# Sliders


def test_the_pictures_of_a_slider_are_loaded_when_it_gets_the_focus_and_not_before(explorer, lesson):
    assert frames_asked_for(lesson) == []
    explorer.get_by_role("slider").first.focus()
    wait_until(lambda: len(frames_asked_for(lesson)) == 1, SECONDS, "one file is asked for")


def test_keys_move_a_slider_with_its_picture_and_its_sentence_there_and_back(explorer, lesson):
    start = seen(explorer)
    assert start[0] == start[1] == "0.0" and start[3] == start[4]
    explorer.get_by_role("slider").first.focus()
    lesson.keyboard.press("ArrowRight")
    right = all_change(explorer, start)
    assert right[0] == right[1] and right[3] == right[4] and f"slope {right[0]}" in right[4]
    lesson.keyboard.press("Home")
    first = all_change(explorer, right)
    assert first[0] == "-2.0"
    lesson.keyboard.press("End")
    assert all_change(explorer, first)[0] == "6.0"


def test_both_sliders_of_an_explorer_count(explorer, lesson):
    for slider in explorer.get_by_role("slider").all():
        slider.focus()
        lesson.keyboard.press("End")
    last = "Line with slope 6.0 and intercept 5.0;"
    wait_until(lambda: last in explorer.get_by_role("status").inner_text(), SECONDS, "both are at their ends")


@pytest.mark.parametrize("options", [{**PHONE, "has_touch": True, "is_mobile": True}])
def test_a_finger_moves_a_slider(explorer, lesson):
    start, slider = seen(explorer), explorer.get_by_role("slider").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    lesson.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert float(all_change(explorer, start)[0]) > 3


def test_a_slider_has_the_name_that_stands_beside_it(explorer):
    assert explorer.get_by_role("slider", name="slope").count() == 1
    assert explorer.get_by_role("slider", name="intercept").count() == 1


def test_sliders_move_on_a_page_that_is_opened_from_a_disk(page, site):
    page.goto((site / LESSON).as_uri())
    explorer = page.locator(".course-explorer").first
    start = seen(explorer)
    explorer.get_by_role("slider").first.focus()
    page.keyboard.press("End")
    all_change(explorer, start)


def test_a_slider_whose_pictures_cannot_be_loaded_says_so(explorer, lesson):
    lesson.route("**/frames/**", lambda route: route.abort())
    explorer.get_by_role("slider").first.focus()
    told = explorer.get_by_role("status")
    wait_until(lambda: "could not be loaded" in told.inner_text(), SECONDS, "it is said")


@pytest.mark.parametrize("options", [{"java_script_enabled": False}])
def test_without_scripts_a_slider_rests_beside_its_picture_and_its_sentence(explorer):
    assert explorer.get_by_role("slider").first.is_disabled()
    assert explorer.locator("img").get_attribute("alt") == explorer.locator("p").inner_text() != ""


def test_a_training_shows_its_curve(lesson):
    training = lesson.locator(".course-training").first
    assert "finished" in training.inner_text()
    assert "finished" in training.locator("img").get_attribute("alt")


# The home page


def position(page):
    return page.get_by_role("slider").first.get_attribute("aria-valuetext")


def test_the_slider_of_the_home_page_stays_where_it_is_for_those_who_want_less_motion(page, web):
    page.goto(web)
    start = position(page)
    page.wait_for_timeout(1500)
    assert position(page) == start
    page.get_by_role("button", name="Play").click()
    wait_until(lambda: position(page) != start, SECONDS, "it plays")


@pytest.mark.parametrize("options", [{"reduced_motion": "no-preference"}])
def test_the_slider_of_the_home_page_moves_until_it_is_told_to_pause(page, web):
    page.goto(web)
    start = position(page)
    wait_until(lambda: position(page) != start, SECONDS, "it moves")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(500)
    paused = position(page)
    page.wait_for_timeout(1500)
    assert position(page) == paused


@pytest.mark.parametrize("options", [{"reduced_motion": "no-preference"}])
def test_the_home_page_is_smaller_than_a_megabyte_with_the_pictures_of_its_slider(page, web, say):
    responses = []
    page.on("response", lambda response: responses.append(response))
    page.goto(web)
    start = position(page)
    wait_until(lambda: position(page) != start, SECONDS, "the slider moves")
    size = sum(len(response.body()) for response in responses)
    say(f"the home page: {size / MEGABYTE:.2f} MB in {len(responses)} requests")
    assert frames_asked_for(page) and size < MEGABYTE


# Quizzes, hints, search


def test_each_option_of_a_quiz_is_explained_once_it_is_chosen_and_not_before(lesson):
    page_text = lesson.content()
    for number, question in enumerate(quiz("00").questions):
        group = lesson.locator(".course-quiz fieldset").nth(number)
        for option in sorted(question.options):
            assert without_marks(question.options[option]) not in page_text
            group.get_by_label(without_marks(option), exact=True).check()
            told = group.get_by_role("status").get_by_text(without_marks(question.verdict(option)))
            told.wait_for(timeout=1000 * SECONDS)


def test_an_exercise_gives_its_hints_one_by_one(lesson):
    box = lesson.locator(".course-hints").first
    hints = find(box.get_attribute("data-exercise")).hints
    assert without_marks(hints[0]) not in lesson.content()
    for name, hint in zip(["Show a hint", "Show another hint"], hints, strict=True):
        assert without_marks(hint) not in box.inner_text()
        box.get_by_role("button", name=name).click()
        box.get_by_text(without_marks(hint)).wait_for(timeout=1000 * SECONDS)
    assert box.get_by_role("button").is_disabled()


def test_the_search_finds_a_lesson_by_a_word_of_its_text(page, web):
    page.goto(f"{web}search.html?q=perplexity")
    page.get_by_role("link", name="02 Information").first.wait_for(timeout=1000 * SECONDS)


# Every page


@pytest.fixture(scope="session")
def visits(browser, web, opened):
    """What comes of opening each page, in both themes and on a phone: requests, errors, findings, widths."""
    tab = new_page(browser)
    found = {"requests": set(), "errors": [], "axe": [], "too wide": []}
    for path in opened:
        tab.set_viewport_size(PHONE["viewport"])
        tab.goto(web + path, wait_until="load")
        if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found["too wide"].append(path)
        tab.set_viewport_size({"width": 1200, "height": 900})
        for theme, rules in [("light", {}), ("dark", {"runOnly": ["color-contrast"]})]:
            tab.emulate_media(color_scheme=theme)
            violations = (
                Axe().run(tab, options={"resultTypes": ["violations"], **rules}).response["violations"]
            )
            found["axe"] += [
                f"{path}, {theme}: {finding['id']}, {finding['nodes'][0]['html'][:200]}"
                for finding in violations
                if finding["impact"] in ("serious", "critical")
            ]
    found["requests"], found["errors"] = {*tab.requests}, tab.errors
    tab.close()
    return found


def test_no_page_asks_another_host_for_anything(visits, web, say):
    asked = [address for address in visits["requests"] if not address.startswith("data:")]
    say(f"the site: {len(asked)} addresses asked for, all its own")
    assert len(asked) > 20
    assert [address for address in asked if not address.startswith(web)] == []


def test_no_page_raises_an_error(visits):
    assert visits["errors"] == []


def test_axe_finds_nothing_serious_on_any_page_in_light_and_dark(visits):
    assert visits["axe"] == []


def test_no_page_is_wider_than_a_phone(visits):
    assert visits["too wide"] == []


class Links(html.parser.HTMLParser):
    """The addresses that a page links to or shows, and the names that others may link to."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src", "data-source"):
                self.addresses.append(value)
            if name in ("id", "name"):
                self.names.add(value)


def test_every_link_within_the_site_leads_somewhere(site, pages):
    read = {site / path: Links((site / path).read_text(encoding="utf-8")) for path in pages}
    broken = []
    for page, links in read.items():
        for address in links.addresses:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme or address == "#":
                continue
            target = (page.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            named = not parts.fragment or target not in read or parts.fragment in read[target].names
            if not (target.exists() and named):
                broken.append(f"{page.relative_to(site)}: {address}")
    assert sum(len(links.addresses) for links in read.values()) > 500
    assert broken == []


def test_the_site_and_the_recordings_of_each_slider_are_small(site, say):
    sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    frames = [size for path, size in sizes.items() if "frames" in path.parts]
    say(
        f"the site: {sum(sizes.values()) / MEGABYTE:.1f} MB, of it {sum(frames) / MEGABYTE:.1f} MB for "
        f"{len(frames)} sliders or grids, the largest {max(frames) / MEGABYTE:.2f} MB"
    )
    assert sum(sizes.values()) < 60 * MEGABYTE
    assert max(frames) < 1.5 * MEGABYTE
