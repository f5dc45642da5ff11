#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Compares thumbq's schedules with parsers from the npm registry: cron-parser and croner. The other
tests do not need them; without them this test is skipped.

    tests/cron/compare_npm.py --install    fetches them into build/cron-npm, once
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cases
from cases import TIMES, Judge, ask_thumbq, generate
from compare import first_of_two, is_second_of_two, values

SKIPPED = 77
HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("CRON_NPM", HERE.parents[1] / "build" / "cron-npm"))
PACKAGES = ["cron-parser@5.10.5", "croner@11.0.1"]
SCALE = float(os.environ.get("CRON_SCALE", "1"))


def install():
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *PACKAGES],
                   check=True)


def ask(parser, asked):
    """Asks [(expression, zone, start)]. Returns [times in seconds, or None if the parser
    refuses]."""
    rows = [{"expression": expression, "zone": zone, "start": start, "times": TIMES + 3}
            for expression, zone, start in asked]
    result = subprocess.run(["node", str(HERE / "next_times.mjs"), parser, str(FOLDER)],
                            input=json.dumps(rows), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout)


def from_sunday_0(text):
    """Returns EventBridge's days of the week, where Sunday is 1, as numbers where Sunday is 0."""
    name, mark, nth = text.partition("#")
    if mark:
        return f"{cases.WEEKDAYS.index(name.upper()) if name.isalpha() else int(name) - 1}#{nth}"
    return ",".join(str(d - 1) for d in sorted(values(text, 1, 7, cases.WEEKDAYS)))


def croner_expression(case):
    """Returns the expression in the syntax of croner: seconds first, year last, days of the week
    from 0."""
    minute, hour, day, month, weekday, year = case.fields
    if weekday == "L":
        weekday = "6"
    elif weekday.endswith("L"):
        weekday = from_sunday_0(weekday[:-1]) + "#L"
    elif weekday != "?":
        weekday = from_sunday_0(weekday)

    def spelled(text, low, high, names=()):
        return ",".join(map(str, sorted(values(text, low, high, names)))) if "/" in text else text

    if not (day in ("?", "L", "LW") or day.endswith("W")):
        day = spelled(day, 1, 31)
    return " ".join(["0", spelled(minute, 0, 59), spelled(hour, 0, 23), day.replace("?", "*"),
                     spelled(month, 1, 12, cases.MONTHS), weekday.replace("?", "*"),
                     spelled(year, 1970, 2199)])


def is_far_from_changes(case, times):
    """Returns True if no clock change is within two days of any of the times, where parsers
    differ."""
    changes = cases.clock_changes(case.zone)
    return all(abs(change - t) > 2 * 86400 for t in times for change in changes)


def compare(judge, parser, found, expressions):
    asked = [(case, text) for case, text in zip(found, expressions) if text]
    ours = ask_thumbq([case for case, _ in asked])
    theirs = ask(parser, [(text, case.zone, case.start) for case, text in asked])
    for (case, _), mine, other in zip(asked, ours, theirs):
        if other is None:
            judge.note("it refuses, or gives up on, the expression")
            continue
        first = [first_of_two(t, case.zone) for t in other]
        first = sorted({t for t in first if t > case.start})[:TIMES]
        if mine == first:
            judge.compare(case, mine, first)
        elif is_second_of_two(case.start, case.zone) or not is_far_from_changes(case, mine + other):
            judge.note("around a clock change it goes by rules of its own")
        elif re.search(r"(^|,)(0|sun)-sun", case.fields[4], re.IGNORECASE):
            judge.note("a range from Sunday to Sunday is all of the week")
        elif any(t >= cases.TABLES_END for t in mine + other):
            judge.note("JavaScript's and GLib's zones part beyond 2037")
        else:
            judge.compare(case, mine, first)


def crontab_words(case):
    """Returns the fields, but for */n in a day field, which npm's parsers count as a
    restriction."""
    day, weekday = case.fields[2], case.fields[4]
    if ("*/" in day and weekday != "*") or ("*/" in weekday and day != "*"):
        return None
    return case.expression


def main():
    if "--install" in sys.argv[1:]:
        install()
    if not shutil.which("node") or not (FOLDER / "node_modules" / "croner").is_dir():
        print(f"skipped: no node, or no parsers; '{sys.argv[0]} --install' fetches them from npm")
        return SKIPPED
    n = int(5000 * SCALE)
    judges = [Judge("cron-parser, crontab"), Judge("croner, crontab"), Judge("croner, eventbridge")]
    for judge, parser, seed in zip(judges, ("cron-parser", "croner"), (11, 12)):
        found = list(generate(cases.crontab, n, seed))
        compare(judge, parser, found, map(crontab_words, found))
    found = list(generate(cases.eventbridge, n, seed=13))
    compare(judges[2], "croner", found, map(croner_expression, found))
    fine = [judge.report() for judge in judges]
    print(f"{sum(judge.cases for judge in judges)} schedules in all")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
