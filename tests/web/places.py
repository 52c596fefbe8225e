"""What a browser visits of a dashboard that is served."""

import json
import urllib.request

PAGES = (
    "/",
    "/runs?period=all&days=1",
    "/errors?period=30d",
    "/logs?period=7d",
    "/help",
    "/analytics?period=30d",
)


def data(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def paths_of(url, limit=4):
    """Return the pages, and some scripts, runs, lines and kinds of errors."""
    paths = list(PAGES)
    runs = data(f"{url}/runs.json?period=all")["runs"][:limit]
    for run in runs:
        paths += [f"/search?q={urllib.request.quote(run['script_name'])}", f"/runs/{run['id']}"]
    if runs:
        paths += [f"/runs/{runs[0]['id']}/compare", f"/runs/{runs[0]['id']}/lines/1"]
    kinds = data(f"{url}/errors.json?period=30d")["errors"][:2]
    return paths + [f"/errors/{kind['fingerprint']}?period=30d" for kind in kinds]
