"""The pages: what they say, with nothing, with runs of every state, with hostile text."""

import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from kit import html_corpus
from kit.rows import add_entry, add_run, ago
from web.conftest import PATHS

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Outline(HTMLParser):
    """What stands in a page: its elements with their attributes, its text, and what never ends."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.wrong = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


def outline(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return Outline(answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_there_yet(client, path):
    """With two empty tables every page is whole and says something."""
    page = outline(client, path)
    assert page.wrong == []
    assert len(page.all("h1")) == 1


def test_the_first_page_says_how_to_begin(client):
    """Who has no runs gets the lines that make one."""
    text = client.get("/").text
    assert "Nothing has run yet" in text
    assert "runlog.install" in text
    assert "runlog demo --dashboard" in text


def test_every_page_is_whole_html(client, pages, some_runs):
    """Each page ends what it begins, has one heading, a title, and no style or script inside."""
    for path in pages():
        page = outline(client, path)
        assert page.wrong == [], path
        assert len(page.all("h1")) == 1, path
        for tag, attributes in page.elements:
            assert "style" not in attributes, path
            assert tag != "style", path
            assert not [name for name in attributes if name.startswith("on")], path
        assert all("src" in script for script in page.all("script")), path


def test_hostile_text_stays_text(client, pages, hostile_runs):
    """No text of the database makes an element, an attribute, or a link of another kind."""
    known = {
        "html",
        "head",
        "meta",
        "title",
        "link",
        "script",
        "body",
        "a",
        "svg",
        "symbol",
        "path",
    }
    known |= {
        "circle",
        "use",
        "header",
        "nav",
        "form",
        "label",
        "input",
        "kbd",
        "details",
        "summary",
    }
    known |= {"span", "fieldset", "legend", "button", "p", "div", "main", "h1", "h2", "ul", "li"}
    known |= {"section", "small", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
    known |= {"time", "rect", "code", "pre", "select", "option", "b", "i", "ol", "dl", "dt", "dd"}
    known |= {"aside", "abbr", "figure", "figcaption", "line", "text", "g"}
    for path in pages():
        page = outline(client, path)
        assert page.wrong == [], path
        assert {tag for tag, _ in page.elements} <= known, path
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")], path
            link = (
                attributes.get("href") or attributes.get("src") or attributes.get("action") or "/"
            )
            assert link.startswith(("/", "#", "https://evil.example/")), (path, link)


def test_hostile_names_lead_to_their_page(client, hostile_runs):
    """A script's page is found whatever its name is, and is that script's alone."""
    names = {row["script_name"] for row in client.get("/overview.json").json()["scripts"]}
    assert len(names) == len(html_corpus.TEXTS)
    for name in names:
        found = client.get("/scripts.json", params={"name": name}).json()
        assert found["health"]["script_name"] == name
        assert len(found["runs"]) == 1


def test_every_page_has_its_twins(client, pages, some_runs):
    """The same path with .json or .csv gives the same as data."""
    for path in pages():
        place, _, query = path.partition("?")
        if place == "/help" or place.endswith(("/compare", "/lines/1")):
            continue
        place = "/overview" if place == "/" else place
        assert client.get(f"{place}.json?{query}").headers["content-type"] == "application/json"
        table = client.get(f"{place}.csv?{query}")
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert table.status_code == 200


def test_a_run_tells_its_state_steps_and_lines(client, some_runs):
    """The page of a run names its state, its step and its lines in order."""
    text = client.get(f"/runs/{some_runs['partial']}").text
    for word in ("partial", "UPSERT", "debug of partial", "error of partial", 'id="L1"', 'id="L4"'):
        assert word in text
    assert text.index("debug of partial") < text.index("error of partial")


def test_line_numbers_are_the_same_under_a_filter(client, some_runs):
    """A link to a line means the same line, whatever is filtered."""
    path = f"/runs/{some_runs['success']}.json"
    whole = {line["id"]: line["number"] for line in client.get(path).json()["lines"]}
    for query in ("level=WARNING", "q=error+of", "step=UPS*"):
        found = client.get(f"{path}?{query}").json()["lines"]
        assert found
        assert {line["id"]: line["number"] for line in found}.items() <= whole.items()
    assert len(client.get(f"{path}?level=WARNING").json()["lines"]) == 2


def test_a_run_is_found_by_number_prefix_and_as_the_latest(client, connection):
    """The number that people say, the beginning of the id and `latest` lead to the run."""
    run_id = add_run(connection, "sync")
    (number,) = connection.execute("select legacy_id from runs").fetchone()
    for name in (number, str(run_id)[:13], "latest", "latest?script=sync"):
        assert client.get(f"/runs/{name}").url.path == f"/runs/{run_id}"
    for name in ("999999", "ffffffff-ffff", "latest?script=nope", "not-an-id", "9" * 30):
        assert client.get(f"/runs/{name}").status_code == 404


@pytest.mark.parametrize("page", ["raw", "compare", "lines/1", "lines/1.json"])
def test_what_belongs_to_a_run_is_found_by_its_names_too(client, connection, page):
    """Whatever names a run names its log, its comparison and its lines; none of a run that is not there."""
    run_id = add_run(connection, "sync")
    add_entry(connection, run_id, "there it is")
    (number,) = connection.execute("select legacy_id from runs").fetchone()
    whole = client.get(f"/runs/{run_id}/{page}")
    assert whole.status_code == 200
    for name in (number, str(run_id)[:13], "latest"):
        answer = client.get(f"/runs/{name}/{page}").text
        assert answer.replace(f"/runs/{name}/", f"/runs/{run_id}/") == whole.text
    for name in ("999999", "00000000-0000-0000-0000-000000000000", "not-an-id"):
        assert client.get(f"/runs/{name}/{page}").status_code == 404


def test_a_number_that_two_runs_have_names_none(client, connection):
    """In adopted tables the number need not be unique; then the id is asked for."""
    for _ in range(2):
        add_run(connection, "sync", legacy_id=7)
    answer = client.get("/runs/7")
    assert answer.status_code == 404
    assert "everal runs have the number 7" in answer.text


def test_a_moment_leads_to_its_line(client, connection):
    """``at=`` goes to the first line at or after that moment."""
    run_id = add_run(connection, "sync", started_at=ago(hours=1))
    moments = [ago(minutes=50 - number) for number in range(5)]
    for number, moment in enumerate(moments):
        add_entry(connection, run_id, f"line {number}", timestamp=moment)
    path = f"/runs/{run_id}"
    answer = client.get(path, params={"at": moments[2].isoformat()}, follow_redirects=False)
    assert answer.headers["location"].endswith(f"{path}#L3")
    assert client.get(path, params={"at": "noon"}).status_code == 400


def test_pages_of_runs_follow_each_other(client, connection):
    """Paging by the last run seen shows every run once."""
    made = {str(add_run(connection, "sync", started_at=ago(minutes=n))) for n in range(120)}
    seen, before = [], ""
    while before is not None:
        found = client.get(f"/runs.json?before={before}").json()
        seen += [run["id"] for run in found["runs"]]
        before = found["before"]
    assert len(seen) == 120
    assert set(seen) == made
    assert len(client.get("/runs.csv").text.splitlines()) == 121


def test_filters_of_runs(client, connection):
    """Script, state, text, host and who started it select runs; the counts follow."""
    add_run(connection, "a-sync", triggered_by="cron", runlog={"host": "w1"})
    add_run(connection, "b-sync", status="error", error_message="quota used up")
    add_run(connection, "c", records_failed=3, metadata={"shop": "eu-1"})

    def names(query):
        return [run["script_name"] for run in client.get(f"/runs.json?{query}").json()["runs"]]

    assert names("script=*-sync") == ["b-sync", "a-sync"]
    assert names("state=partial") == ["c"]
    assert names("q=quota") == ["b-sync"]
    assert names("q=EU-1") == ["c"]
    assert names("host=w1") == names("by=cron") == ["a-sync"]
    assert client.get("/runs.json").json()["counts"] == {"success": 1, "error": 1, "partial": 1}
    assert client.get("/runs.json?q=quota").json()["counts"] == {"error": 1}


def test_nothing_matches_says_what_would(client, connection):
    """A list without a match names the filters, and where a match would be."""
    add_run(connection, "old", started_at=ago(days=200))
    text = client.get("/runs?script=old").text
    assert "No run matches" in text
    assert "<code>script=old</code>" in text
    assert "look at all time" in text


def test_a_day_is_the_viewers_day(client, connection):
    """Days begin where the viewer is, whatever the server's zone is."""
    connection.execute("set timezone to 'Asia/Kathmandu'")
    moment = ago(days=3).replace(hour=23, minute=30, second=0, microsecond=0)
    add_run(connection, "sync", started_at=moment)
    for zone, shift in (("UTC", 0), ("Pacific/Auckland", 1)):
        client.cookies.set("runlog_tz", zone)
        (day,) = client.get("/analytics.json").json()["days"]
        assert day["day"] == str((moment + timedelta(days=shift)).date())


def test_what_no_text_can_hold_is_refused(client):
    """A NUL or an odd moment in the query string is an answer, not a failure."""
    for query in ("q=%00", "script=%00", "from=never", "before=x", "period=x", "level=x"):
        assert client.get(f"/runs?{query}").status_code in {200, 400}
        assert client.get(f"/logs?{query}").status_code in {200, 400}


def test_formulas_in_csv_stay_text(client, connection):
    """What a spreadsheet would run is made text."""
    add_run(connection, "=cmd()", error_message="@x", started_at=ago(minutes=1))
    table = client.get("/runs.csv").text
    assert "'=cmd()" in table
    assert "'@x" in table


def test_odd_metadata_is_shown(client, connection):
    """Other programs write metadata that is no object."""
    for value in ("null", "[1, 2]", '"text"', '{"runlog": "mine"}', '{"runlog": [1]}', "3"):
        run_id = add_run(connection, "js")
        connection.execute(
            "update runs set metadata = %s::jsonb, triggered_by = null where id = %s",
            (value, run_id),
        )
        assert client.get(f"/runs/{run_id}").status_code == 200, value
        assert json.loads(client.get(f"/runs/{run_id}.json").text)["run"]["id"] == str(run_id)
    assert client.get("/runs").status_code == 200
