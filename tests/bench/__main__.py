"""The benchmark of runlog: ``python tests/bench`` measures, prints a table, and writes a page.

Needs ``pip install -e ".[embedded,test]" --group bench`` and Linux. Where a peer is not installed its
rows are left out, and that is said. See ``--help``; what is measured is in ``measures.py``. A copy of
the tree measures itself, so two versions can be compared.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

from anatomy import measure_parts  # noqa: E402 - the path is made above
from instructions import tell_instructions  # noqa: E402
from measures import MEASURES, Bench, Measure  # noqa: E402 - the path is made above
from page import describe_machine, write_page, write_peers  # noqa: E402
from peers import measure_peers  # noqa: E402
from results import HEADERS, Result, cells, compare, from_json  # noqa: E402
from rounds import take_turns  # noqa: E402
from scale import SIZES, measure_scale  # noqa: E402
from scale_page import write_scale_page  # noqa: E402

_PEERS = {
    "json file": "pythonjsonlogger",
    "opentelemetry": "opentelemetry.sdk",
    "processor": "structlog",
}
"""Contender or module of a group → the package that it needs."""


def main(arguments: list[str] | None = None) -> None:
    """Measure what was asked for."""
    options = _parse(arguments)
    wanted = [measure for measure in MEASURES if _is_wanted(measure, options)]
    if options.list:
        print(*(f"{measure.name:22} {measure.title}" for measure in wanted), sep="\n")
        return
    if options.instructions:
        print(tell_instructions())
        return
    with ExitStack() as stack:
        bench = Bench(stack, options.scale, options.large)
        if options.scale_page:
            _measure_scale(bench, options.scale_page)
            return
        results = _measure_all(wanted, bench, options) + _earlier(options.add)
        print(_table(results))
        about = describe_machine(bench)
        parts = measure_parts() if options.page else []
        peers = measure_peers(bench, options.repeat, _tell) if options.page or options.peers else []
    if options.json:
        whole = {"machine": about, "results": [result.as_json() for result in results]}
        options.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    if options.peers:
        write_peers(options.peers, about, peers)
    if options.page:
        write_page(options.page, about, results, parts, peers)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", default=[],
                        help="a measure, or all whose names begin NAME-; may be given several times")  # fmt: skip
    parser.add_argument("--repeat", type=int, default=5, help="rounds that count; default: 5")
    parser.add_argument("--warmup", type=int, default=1, help="rounds before them; default: 1")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the calls; default: 1")
    parser.add_argument("--large", action="store_true", help="also 10 million entries")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there")
    parser.add_argument("--add", type=Path, metavar="PATH", help="rows of an earlier run, its JSON")
    parser.add_argument("--page", type=Path, metavar="PATH", help="write the page there")
    parser.add_argument(
        "--peers",
        type=Path,
        metavar="PATH",
        help="write the table of those that do the same job into that page, and leave the rest of it",
    )
    parser.add_argument("--scale-page", type=Path, metavar="PATH",
                        help="measure how the tables grow instead, and write that page there")  # fmt: skip
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions instead (callgrind, some minutes)")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="tell the names and end")
    return parser.parse_args(arguments)


def _measure_scale(bench: Bench, path: Path) -> None:
    sizes = SIZES if bench.large else dict([*SIZES.items()][:1])
    runs = {size: bench.scaled(count) for size, count in sizes.items()}
    figures = measure_scale(bench.server.dsn, runs, _tell)
    write_scale_page(path, describe_machine(bench), figures)


def _earlier(path: Path | None) -> list[Result]:
    if path is None:
        return []
    return [from_json(row, MEASURES) for row in json.loads(path.read_text())["results"]]


def _is_wanted(measure: Measure, options: argparse.Namespace) -> bool:
    if measure.large and not options.large:
        return False
    return not options.only or any(
        measure.name == name or measure.name.startswith(f"{name}-") for name in options.only
    )


def _measure_all(wanted: list[Measure], bench: Bench, options: argparse.Namespace) -> list[Result]:
    results = []
    for group, members in groupby(wanted, key=lambda measure: measure.group):
        able = [measure for measure in members if _has_peer(measure)]
        if able:
            results += _measure(group, able, bench, options)
    return results


def _measure(
    group: str, measures: list[Measure], bench: Bench, options: argparse.Namespace
) -> list[Result]:
    """Let the contenders of one group take turns, those only that a wanted measure looks at."""
    module, _, function = group.partition(".")
    open_contenders = getattr(importlib.import_module(module), function)
    looked_at = {name for each in measures for name in (each.ours, each.theirs)}
    _tell(f"{group}: {', '.join(measure.name for measure in measures)}")
    with open_contenders(bench) as contenders:
        chosen = {name: turn for name, turn in contenders.items() if name in looked_at}
        repeat = options.repeat * max(measure.times for measure in measures)
        samples = take_turns(chosen, repeat, options.warmup, _tell)
    return [compare(measure, samples) for measure in measures]


def _has_peer(measure: Measure) -> bool:
    needed = {_PEERS.get(measure.group.partition(".")[0]), _PEERS.get(measure.theirs or "")}
    for package in sorted(filter(None, needed)):
        if importlib.util.find_spec(package.partition(".")[0]) is None:
            _tell(f"{measure.name}: left out, {package} is not installed (dependency group bench)")
            return False
    return True


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(results: list[Result]) -> str:
    rows = [HEADERS, *(cells(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    main()
