"""Every page for everybody: on a phone, and for programs that assist."""

import pytest
from kit.browser import watching
from web.places import paths_of

PHONE = {"width": 360, "height": 740}


@pytest.mark.parametrize("kind", ["demo", "hostile"])
def test_nothing_is_wider_than_a_phone(served, browser, kind):
    """On a phone no page scrolls sideways; wide tables scroll in their own box."""
    url = served(kind)
    with watching(browser, url, viewport=PHONE) as watched:
        for path in paths_of(url, limit=12 if kind == "hostile" else 2):
            watched.go(path)
            width = watched.page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], path
            watched.check()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["empty", "demo", "hostile"])
def test_axe_finds_nothing_serious(served, browser, kind, scheme):
    """What assistive programs need is there, in light and in dark."""
    axe_of = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    url = served(kind)
    paths = paths_of(url, limit=1)
    with watching(browser, url, color_scheme=scheme) as watched:
        for path in paths:
            watched.go(path)
            watched.page.locator("summary:visible").first.click()
            found = axe_of.run(watched.page).response["violations"]
            bad = [
                (rule["id"], [node["target"] for node in rule["nodes"]][:3])
                for rule in found
                if rule["impact"] in {"serious", "critical"}
            ]
            assert bad == [], path
