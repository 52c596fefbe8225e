"""The pictures of the docs, made anew: ``python tests/web/screenshots.py``.

A month of the demo in an embedded PostgreSQL, looked at with Chromium, in light and in dark; they go
to ``docs/images``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 780}
SHOTS = {
    "overview": ("/", SIZE),
    "run": ("/runs/latest?script=fx-rates", SIZE),
    "live": ("/runs/latest?script=orders-sync", {"width": 1280, "height": 640}),
    "script": ("/scripts/nightly-backup", SIZE),
    "errors": ("/errors", SIZE),
    "alerts": ("/alerts", SIZE),
    "analytics": ("/analytics", SIZE),
    "phone": ("/", PHONE),
}
LIVE_SECONDS = 25


def main() -> None:
    """Make the pictures."""
    import psycopg
    from kit.browser import ARGUMENTS, CHROMIUM, serving, watching
    from kit.postgres import open_folder
    from playwright.sync_api import sync_playwright

    from runlog import embedded, migrate
    from runlog.cli._demo_live import running_script
    from runlog.cli._demo_month import write_month

    IMAGES.mkdir(exist_ok=True)
    with open_folder() as folder, sync_playwright() as driver:
        dsn = embedded.ensure_running(folder / "pg")
        migrate.migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            write_month(connection, "public")
        # Somebody watches, as it should be.
        subprocess.run(
            [sys.executable, "-m", "runlog", "--dsn", dsn, "watch", "--once"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "RUNLOG_SPOOL_DIR": str(folder)},
            timeout=60,
            check=False,
        )
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        with running_script(dsn, "public"), serving(dsn, folder) as served:
            time.sleep(LIVE_SECONDS)
            for scheme in ("light", "dark"):
                for name, (path, size) in SHOTS.items():
                    with watching(
                        browser, served.url, viewport=size, color_scheme=scheme
                    ) as watched:
                        watched.go(path)
                        watched.page.wait_for_timeout(1500)
                        place = IMAGES / f"{name}-{scheme}.png"
                        watched.page.screenshot(path=place)
                        watched.check()
                        print(f"{place.relative_to(ROOT)}  {place.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
