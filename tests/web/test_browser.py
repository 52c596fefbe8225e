"""Every page in a real browser, over nothing, a month, other programs' rows, hostile texts, a lot."""

import pytest
from kit.browser import watching
from web.data import KINDS, LONG
from web.places import data, paths_of


def click_everything(page):
    """Open what can be opened and press what can be pressed, on this page."""
    for summary in page.locator("summary:visible").all():
        summary.click()
    page.keyboard.press("Escape")
    for name in ("next-error", "wrap", "follow"):
        button = page.locator(f"#{name}:visible")
        if button.count():
            button.click()
    opener = page.locator(".ln .x:visible")
    if opener.count():
        opener.first.click()
        page.locator(".ln .open").first.wait_for()
    for key in ("j", "k", "n", "N", "w", "Escape"):
        page.keyboard.press(key)


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_opens_and_can_be_clicked_through(served, browser, kind):
    """No request leaves the machine, no policy is broken, no script runs out of data."""
    url = served(kind)
    with watching(browser, url) as watched:
        for path in paths_of(url):
            answer = watched.go(path)
            assert answer.status in {200, 404 if "/lines/1" in path else 200}, path
            click_everything(watched.page)
            watched.check()
        for name in ("Overview", "Runs", "Errors", "Logs", "Analytics"):
            watched.page.get_by_role("link", name=name, exact=True).first.click()
            watched.page.wait_for_url("**/*")
            watched.check()


def test_it_reads_without_javascript(served, browser):
    """Without scripts pages are read, filtered and paged."""
    url = served("demo")
    with watching(browser, url, java_script_enabled=False) as watched:
        page = watched.page
        watched.go("/runs?period=30d")
        page.locator("select[name=script]").select_option("fx-rates")
        page.get_by_role("button", name="Filter").click()
        assert "script=fx-rates" in page.url
        page.get_by_role("link", name="Older").click()
        assert "before=" in page.url
        page.locator("a[data-open]").first.click()
        assert page.locator(".ln").count() > 3
        page.locator("#levels a", has_text="error").click()
        assert "level=ERROR" in page.url


def test_a_long_run(served, browser):
    """A run of 20,000 lines is one page; longer ones begin later, and lead to what was before."""
    url = served("large")
    with watching(browser, url) as watched:
        for script, lines in LONG.items():
            watched.go(f"/runs/latest?script={script}")
            shown = lines if lines <= 20_000 else 5_000
            assert watched.page.locator(".ln").count() == shown
        watched.page.get_by_role("link", name="Load earlier").click()
        watched.page.locator("#L15400").wait_for()
        watched.go("/runs/latest?script=script-02")
        watched.page.goto(watched.page.url + "#L19000")
        assert watched.page.locator("#L19000.chosen").is_visible()
        watched.check()


def test_a_link_to_a_line_that_is_not_on_the_page(served, browser):
    """A link to a line far above loads the lines around it."""
    url = served("large")
    run = data(f"{url}/runs/latest.json?script=script-03")["run"]["id"]
    with watching(browser, url) as watched:
        watched.go(f"/runs/{run}#L7-L9")
        watched.page.wait_for_url("**line=7*")
        assert watched.page.locator(".ln.chosen").count() == 3
        watched.check()


def test_keys(served, browser):
    """Keys go to pages, rows and fields; in a field, and switched off, they are letters."""
    url = served("demo")
    with watching(browser, url) as watched:
        page = watched.page
        watched.go("/")
        page.keyboard.press("g")
        page.keyboard.press("r")
        page.wait_for_url("**/runs")
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.locator("tr.here").count() == 1
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*-*")
        run = page.url
        page.keyboard.press("[")
        page.wait_for_url(lambda url: url != run)
        page.keyboard.press("/")
        page.keyboard.type("gr?")
        assert page.locator("#filter").input_value() == "gr?"
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        page.wait_for_url("**/help")
        watched.go("/preferences?keys=off&next=/runs")
        page.keyboard.press("?")
        page.keyboard.press("j")
        assert page.locator("tr.here").count() == 0
        assert page.url.endswith("/runs")
        watched.check()


def test_the_first_visit_learns_the_time_zone(served, browser):
    """The browser's zone is told once; hours are then the viewer's."""
    url = served("demo")
    with watching(browser, url) as watched:
        watched.page.context.clear_cookies()
        watched.go("/runs")
        watched.page.locator("html[data-tz='Europe/Rome']").wait_for(state="attached")
        watched.page.keyboard.press("t")
        watched.page.locator("html[data-tz='UTC']").wait_for(state="attached")
        watched.check()


def test_colours_are_kept(served, browser):
    """The menu changes the colours, for this and the next pages."""
    url = served("demo")
    with watching(browser, url, color_scheme="light") as watched:
        page = watched.page
        watched.go("/runs")
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator(".menu summary").click()
        page.get_by_label("dark").check()
        page.get_by_role("button", name="Save").click()
        page.locator("html[data-theme='dark']").wait_for(state="attached")
        assert page.url.endswith("/runs")
        watched.go("/")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        watched.check()
