"""Who may look: hosts, the token, proxies, forms from elsewhere, and the headers of every answer."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from runlog.cli.dashboard import DashboardError, serve
from runlog.dashboard import create_app
from runlog.dashboard._access import COOKIE, Access, safe_next

TOKEN = "correct horse battery staple"
PAGE = {"accept": "text/html"}


def asking(app, **options):
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, **options)


@pytest.fixture
def closed(database):
    """A dashboard that asks for a token."""
    with asking(create_app(database, token=TOKEN)) as client:
        yield client


def test_every_answer_is_dressed(client):
    """Pages, data, files, refusals and what is not there all carry the protecting headers."""
    for path in ("/", "/runs.json", "/runs.csv", "/nope", "/healthz", "/static/app.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        is_file = path.startswith("/static/")
        assert headers["cache-control"].startswith("private, max-age" if is_file else "no-store")


def test_without_the_token_nothing_is_told(closed):
    """Every page but the login, its files and the sign of life asks for the token."""
    for path in ("/", "/runs", "/runs/latest", "/logs/tail", "/search?q=x", "/help"):
        answer = closed.get(path, headers=PAGE)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login?next=%2F")
    for path in ("/runs.json", "/runs.csv", "/overview.json"):
        assert closed.get(path, headers=PAGE).status_code == 401
    assert closed.get("/healthz").text == "ok\n"
    assert closed.get("/login").status_code == 200


def test_the_token_opens(closed):
    """The form sets a cookie that is no token, closed to scripts and other sites, and leads on."""
    form = {"token": TOKEN}
    origin = {"sec-fetch-site": "same-origin"}
    answer = closed.post("/login?next=/runs%3Fstate%3Derror", data=form, headers=origin)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs?state=error"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert closed.get("/runs", headers=PAGE).status_code == 200
    closed.post("/logout", headers=origin)
    assert closed.get("/runs", headers=PAGE).status_code == 303


def test_a_wrong_token_opens_nothing(closed):
    """A wrong, an empty and an odd token are told the same."""
    for token in ("", "wrong", TOKEN[:-1], TOKEN + " ", "\ud83d", "x" * 20_000):
        answer = closed.post(
            "/login", data={"token": token.encode("utf-8", "surrogatepass")}, headers=PAGE
        )
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
    for value in ("", "x", Access("other").session()):
        assert closed.get("/", headers={**PAGE, "cookie": f"{COOKIE}={value}"}).status_code == 303


def test_programs_send_the_token(closed):
    """A program sends the token as a bearer, and gets data."""
    given = {"authorization": f"Bearer {TOKEN}"}
    assert closed.get("/runs.json", headers=given).status_code == 200
    assert closed.get("/runs.json", headers={"authorization": "Bearer no"}).status_code == 401
    assert closed.get("/runs.json", headers={"authorization": f"Basic {TOKEN}"}).status_code == 401


def test_a_link_from_elsewhere_is_asked_for_again(closed):
    """The strict cookie is not sent with a link in a mail: the page asks once more, from here."""
    answer = closed.get("/runs", headers={**PAGE, "sec-fetch-site": "cross-site"})
    assert 'http-equiv="refresh"' in answer.text
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "x", "", "/\tx", "/a\\b", "/ b"],
)
def test_a_login_leads_nowhere_else(path):
    """After the login one comes to a page of this dashboard, whatever `next` says."""
    assert safe_next(path) == "/"


def test_names_that_nobody_gave_it_are_refused(database):
    """A name that points to this machine gets nothing; addresses, localhost and given names do."""
    with asking(create_app(database, hosts=frozenset({"jobs.example.com"}))) as client:
        for host in ("evil.example", "127.0.0.1.evil.example", "", "[", "evil.example:8787"):
            answer = client.get("/runs", headers={"host": host})
            assert answer.status_code == 400, host
            assert "--allow-host" in answer.text
        for host in ("127.0.0.1:8787", "localhost", "[::1]:8787", "Jobs.Example.com", "10.0.0.7"):
            assert client.get("/healthz", headers={"host": host}).status_code == 200, host


def test_forms_from_elsewhere_are_refused(closed):
    """A form on another site cannot log in or out."""
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"cookie": "a=b"},
    ):
        answer = closed.post("/login", data={"token": TOKEN}, headers=headers)
        assert answer.status_code == 403, headers
    assert closed.post("/login", data={"token": TOKEN}).status_code == 303


def test_what_a_browser_holds_it_may_keep(closed):
    """A static file that has not changed stays as keepable as when it came; a page never is."""
    first = closed.get("/static/app.js")
    again = closed.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert "immutable" in again.headers["cache-control"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert closed.get("/static/nope.js").headers["cache-control"] == "no-store"


def test_other_methods_are_told_which_would_do(closed):
    """HEAD is answered as GET, the login too; what is refused says what is allowed."""
    assert closed.head("/login").status_code == closed.head("/healthz").status_code == 200
    closed.headers["authorization"] = f"Bearer {TOKEN}"
    for path in ("/", "/runs", "/runs.json", "/healthz", "/logout"):
        answer = closed.request("PATCH", path)
        assert answer.status_code == 405, path
        assert answer.headers["allow"], path


def test_only_a_proxy_that_names_a_user_comes_through(database):
    """With a proxy that logs people in, a request without its header is refused."""
    with asking(create_app(database, user_header="X-Forwarded-User")) as client:
        assert client.get("/runs").status_code == 403
        assert client.get("/runs", headers={"x-forwarded-user": "ada"}).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_it_never_writes(database, connection):
    """What the pages use cannot write, whatever is asked."""
    app = create_app(database)
    with app.state.site.database.page() as reading:
        (is_read_only,) = reading.execute("show transaction_read_only").fetchone()
        (deadline,) = reading.execute("show statement_timeout").fetchone()
    app.state.site.database.close()
    assert (is_read_only, deadline) == ("on", "5s")


def test_mounted_in_another_application(database, some_runs):
    """Under a path of another application every link stays under it, and files are found."""
    inner = create_app(database, token=TOKEN)
    app = Starlette(routes=[Mount("/jobs", app=inner)])
    client = asking(app, headers={"authorization": f"Bearer {TOKEN}", **PAGE})
    text = client.get("/jobs/").text
    links = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert links
    assert all(link.startswith(("/jobs/", "#")) for link in links), links
    assert client.get("/jobs/static/app.js").status_code == 200
    assert client.get("/jobs/runs/latest").headers["location"].startswith("/jobs/runs/")
    away = client.get("/jobs/runs", headers={"authorization": ""})
    assert away.headers["location"] == "/jobs/login?next=%2Fruns"
    inner.state.site.database.close()


def test_preferences_are_cookies_and_lead_back(client):
    """Time zone, colours and keys are kept; what cannot be meant is left out."""
    client.follow_redirects = False
    answer = client.get("/preferences?tz=Europe/Rome&theme=dark&keys=off&next=/runs?state=error")
    assert answer.headers["location"] == "/runs?state=error"
    text = client.get("/runs").text
    assert 'data-theme="dark"' in text
    assert 'data-keys="off"' in text
    assert "Europe/Rome" in text
    client.get("/preferences?tz=../../etc/passwd&theme=%22x&next=//evil.example")
    assert 'data-theme="dark"' in client.get("/runs").text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "jobs.example.com", "127.evil"])
def test_an_open_address_needs_a_word(host):
    """An address that others reach is refused until somebody says who may look."""
    with pytest.raises(DashboardError, match="--token"):
        serve(host=host)


def test_a_port_that_is_taken_is_told():
    """The port that somebody else has is named, with the way out."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DashboardError, match=f"127.0.0.1:{port} .*--port"):
            serve(port=port)


def test_an_unknown_time_zone_is_told(database):
    """The default time zone must exist."""
    with pytest.raises(Exception, match="'Mars/Base' is unknown"):
        create_app(database, timezone="Mars/Base")
