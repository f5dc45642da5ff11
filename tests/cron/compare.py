#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares thumbq's schedules with independent implementations: croniter (Debian: python3-croniter)
for crontab(5), `systemd-analyze calendar` (Debian: systemd) for both dialects, and definitions in
Python for the rest of the syntax. Time zones come from zoneinfo where the other implementation does
not know them.

An implementation may read an expression otherwise than crontab(5), EventBridge's documentation or
docs/schedules.md do. Then it gets the case in its own syntax, and the case is counted with the
reason.
"""

import datetime
import os
import re
import shutil
import subprocess
import sys
import zoneinfo

import cases
from cases import TIMES, UTC, Judge, ask_thumbq, generate

SKIPPED = 77
SCALE = float(os.environ.get("CRON_SCALE", "1"))

try:
    import croniter
except ImportError:
    # Debian's package works with Debian's interpreter only.
    debian = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(debian) and os.path.exists(debian):
        os.execv(debian, [debian, "-B", *sys.argv])
    croniter = None


def instants(local_times, zone_name, after):
    """Yields the instants after `after` at which clocks of the zone show these local times, in
    order: no instant for a time that a change in spring skips, and the first one for a time that
    comes twice in autumn."""
    zone = zoneinfo.ZoneInfo(zone_name)
    found = []
    for local in local_times:
        instant = local.replace(tzinfo=zone).astimezone(UTC)
        exists = instant.astimezone(zone).replace(tzinfo=None) == local
        seconds = int(instant.timestamp())
        if exists and seconds > after:
            found.append(seconds)
            if len(found) == TIMES:
                break
    return found


def first_of_two(instant, zone_name):
    """Returns the first instant at which clocks show the same time as at this one."""
    zone = zoneinfo.ZoneInfo(zone_name)
    return int(datetime.datetime.fromtimestamp(instant, zone).replace(fold=0).timestamp())


def is_second_of_two(instant, zone_name):
    return first_of_two(instant, zone_name) != instant


def local_start(case):
    """The walk begins before the start, so that it misses no time around a clock change."""
    at = datetime.datetime.fromtimestamp(case.start, zoneinfo.ZoneInfo(case.zone))
    return at.replace(tzinfo=None, fold=0) - datetime.timedelta(hours=30)


def number(text, names, low):
    text = text.upper()
    return names.index(text) + low if text in names else int(text)


def values(text, low, high, names=()):
    """Returns the set of values that a field names."""
    found = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        first, _, last = base.partition("-")
        if base == "*":
            first, last = low, high
        else:
            first = number(first, names, low)
            last = number(last, names, low) if last else (high if step else first)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def days_of_month(year, month):
    first = datetime.date(year, month, 1)
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return [first + datetime.timedelta(days=i) for i in range((following - first).days)]


def workday_near(day):
    """Returns the day from Monday to Friday that is nearest to the day, in the same month."""
    candidates = [day + datetime.timedelta(days=delta) for delta in (0, -1, 1, -2, 2)]
    return next(c for c in candidates if c.month == day.month and c.weekday() < 5)


def from_sunday(day):
    return day.isoweekday() % 7


def crontab_days(fields, days):
    day, weekday = fields[2], fields[4]
    by_day = values(day, 1, 31)
    by_weekday = {d % 7 for d in values(weekday, 0, 7, cases.WEEKDAYS)}
    # A field that begins with * does not restrict, and neither do */2 and *,5.
    test = any if not day.startswith("*") and not weekday.startswith("*") else all
    return [d for d in days if test([d.day in by_day, from_sunday(d) in by_weekday])]


def eventbridge_days(fields, days):
    day, weekday = fields[2], fields[4]
    if day == "L":
        return days[-1:]
    if day == "LW":
        return [max(d for d in days if d.weekday() < 5)]
    if day.endswith("W"):
        wanted = int(day[:-1])
        return [workday_near(days[wanted - 1])] if wanted <= len(days) else []
    if day != "?":
        return [d for d in days if d.day in values(day, 1, 31)]
    if weekday == "L":
        weekday = "7"
    name, is_nth, nth = weekday.partition("#")
    if is_nth or (weekday.endswith("L") and weekday != "L"):
        wanted = number(name if is_nth else weekday[:-1], cases.WEEKDAYS, 1) - 1
        of_month = [d for d in days if from_sunday(d) == wanted]
        return of_month[int(nth) - 1:int(nth)] if is_nth else of_month[-1:]
    return [d for d in days if from_sunday(d) + 1 in values(weekday, 1, 7, cases.WEEKDAYS)]


def definition_times(case):
    """Yields the times by a walk over every year, month, day, hour and minute."""
    minute, hour, _, month = case.fields[:4]
    is_eventbridge = len(case.fields) == 6
    years = values(case.fields[5], 1970, 2199) if is_eventbridge else range(1970, 2200)
    start = local_start(case)

    def local_times():
        for y in sorted(y for y in years if y >= start.year):
            for m in sorted(values(month, 1, 12, cases.MONTHS)):
                if (y, m) < (start.year, start.month):
                    continue
                days = days_of_month(y, m)
                due = eventbridge_days(case.fields, days) if is_eventbridge else (
                    crontab_days(case.fields, days))
                for d in due:
                    for h in sorted(values(hour, 0, 23)):
                        for i in sorted(values(minute, 0, 59)):
                            yield datetime.datetime(d.year, d.month, d.day, h, i)

    return instants(local_times(), case.zone, case.start)


def compare_definition(make, n, seed):
    judge = Judge(f"definition of {make.__name__}")
    found = list(generate(make, n, seed))
    for case, ours in zip(found, ask_thumbq(found)):
        judge.compare(case, ours, definition_times(case))
    return judge


def croniter_times(case, fields, day_or):
    def local_times():
        # The times of schedules with five fields repeat within 40 years, if there are any.
        walk = croniter.croniter(" ".join(fields), local_start(case), day_or=day_or,
                                 max_years_between_matches=40)
        try:
            while True:
                yield walk.get_next(datetime.datetime)
        except croniter.CroniterBadDateError:
            return

    return instants(local_times(), case.zone, case.start)


def names_every_day(day, weekday):
    """Returns True if a field like `1-31` or `0-6` names every day without a *."""
    return len(values(day, 1, 31)) == 31 or (
        len({d % 7 for d in values(weekday, 0, 7, cases.WEEKDAYS)}) == 7)


def compare_croniter(n):
    """By crontab(5), either day field is enough if neither begins with *. croniter tests instead
    whether a field names every day, in any notation."""
    judge = Judge("croniter")
    found = list(generate(cases.crontab, n, seed=1))
    for case, ours in zip(found, ask_thumbq(found)):
        minute, hour, day, month, weekday = fields = case.fields
        either = not day.startswith("*") and not weekday.startswith("*")
        if either and names_every_day(day, weekday):
            fields = [minute, hour, "*", month, "*"]
        theirs = croniter_times(case, fields, day_or=either)
        if theirs != croniter_times(case, case.fields, day_or=True):
            judge.note("a day field that begins with * is a restriction" if not either
                       else "a day field that names every day is none")
        if theirs != ours and definition_times(case) == ours:
            judge.note("a mistake of its own: it loses its way behind a day that a month lacks")
        else:
            judge.compare(case, ours, theirs)
    return judge


SYSTEMD_DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]


def systemd_field(text, low, high, names=(), wide=False):
    """Returns values, ranges and steps in the syntax of systemd, with two digits."""
    items = []
    for item in text.split(","):
        base, _, step = item.partition("/")
        first, _, last = base.partition("-")
        if base == "*":
            items.append(f"{low:02}..{high:02}/{step}" if step else "*")
            continue
        first = number(first, names, low)
        if last:
            items.append(f"{first:02}..{number(last, names, low):02}")
        else:
            items.append(f"{first:02}..{high:02}" if step else f"{first:02}")
        items[-1] += f"/{step}" if step else ""
    return ",".join(items)


def systemd_weekdays(text, first):
    """Returns days of the week without steps, which systemd does not have. `first` is the number of
    Sunday."""
    days = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        low, _, high = base.partition("-")
        high = high or (str(first + 6) if step else low)
        if base == "*":
            low, high = str(first), str(first + 6)
        low, high = number(low, cases.WEEKDAYS, first), number(high, cases.WEEKDAYS, first)
        days |= {(value - first) % 7 for value in range(low, high + 1, int(step or 1))}
    return ",".join(SYSTEMD_DAYS[day] for day in sorted(days)) + " " if len(days) < 7 else ""


def systemd_expression(case):
    """Returns the expression in the syntax of systemd; None if systemd has no such expression."""
    minute, hour, day, month, weekday = case.fields[:5]
    is_eventbridge = len(case.fields) == 6
    year = case.fields[5] if is_eventbridge else "*"
    if "W" in day:
        return None
    date, weekdays = "", ""
    if is_eventbridge and "#" in weekday:
        name, nth = weekday.split("#")
        weekdays = systemd_weekdays(name, 1)
        day = f"{7 * int(nth) - 6}-{min(7 * int(nth), 31)}"
    elif is_eventbridge and weekday == "L":
        weekdays = "Sat "
    elif is_eventbridge and weekday.endswith("L"):
        weekdays = systemd_weekdays(weekday[:-1], 1)
        date = "~07/1"  # the last seven days
    elif weekday != "?":
        if not is_eventbridge and not day.startswith("*") and not weekday.startswith("*"):
            return None  # either of two days
        weekdays = systemd_weekdays(weekday, 1 if is_eventbridge else 0)
    if day == "L":
        date = "~01"
    elif not date:
        date = "-" + systemd_field(day.replace("?", "*"), 1, 31)
    months = systemd_field(month, 1, 12, cases.MONTHS)
    years = systemd_field(year, 1970, 2199) if year != "*" else "*"
    return (f"{weekdays}{years}-{months}{date} {systemd_field(hour, 0, 23)}:"
            f"{systemd_field(minute, 0, 59)}:00 {case.zone}")


def systemd_times(asked):
    """Returns the next times of [(case, expression)] that begin at the same time; None where
    systemd fails."""
    start = datetime.datetime.fromtimestamp(asked[0][0].start, UTC)
    result = subprocess.run(
        ["systemd-analyze", "calendar", f"--iterations={TIMES}",
         f"--base-time={start:%Y-%m-%d %H:%M:%S} UTC", *(text for _, text in asked)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C"})
    if result.returncode != 0:
        # One expression that systemd refuses ends the whole call.
        return [systemd_times([row])[0] for row in asked] if len(asked) > 1 else [None]
    answers = []
    for line in result.stdout.splitlines():
        if "Normalized form:" in line:
            answers.append([])
        match = re.match(r"\s*(?:Next elapse|Iter\. #\d+): \w+ ([-\d]+ [:\d]+) UTC$", line)
        if match:
            at = datetime.datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S")
            answers[-1].append(int(at.replace(tzinfo=UTC).timestamp()))
    assert len(answers) == len(asked), result.stdout
    return answers


def compare_systemd(make, n, seed, per_start):
    """Compares n cases. `per_start` of them share a start time, because systemd takes only one per
    call."""
    judge = Judge(f"systemd, {make.__name__}")
    found = list(generate(make, n, seed))
    for at in range(0, len(found), per_start):
        for case in found[at + 1:at + per_start]:
            case.start = found[at].start
            case.zone = found[at].zone
    asked = [(case, systemd_expression(case)) for case in found]
    ours = ask_thumbq(found)
    for at in range(0, len(found), per_start):
        group = [(case, text, mine) for (case, text), mine
                 in zip(asked[at:at + per_start], ours[at:at + per_start]) if text]
        if not group:
            continue
        for (case, _, mine), theirs in zip(group, systemd_times([row[:2] for row in group])):
            if theirs is None:
                judge.note("it gives up: 'failed to determine next elapse'")
            elif is_second_of_two(case.start, case.zone):
                judge.note("asked in the second of two equal hours, it repeats the first")
            else:
                first = [first_of_two(at, case.zone) for at in theirs]
                if first != theirs:
                    judge.note("of two equal times it takes the second")
                judge.compare(case, mine, first)
    return judge


def compare_documented():
    """The results that documentations state for their own examples, computed by hand."""
    judge = Judge("documented examples")
    with open(os.path.join(os.path.dirname(__file__), "documented.tsv"), encoding="ascii") as table:
        rows = [line.rstrip("\n").split("\t") for line in table if line[0] != "#"]

    def seconds(text):
        at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M")
        return int(at.replace(tzinfo=UTC).timestamp())

    for expression, zone, start, following in rows:
        case = cases.Case([expression], zone, seconds(start))
        expected = [seconds(text) for text in following.split()]
        judge.compare(case, ask_thumbq([case], len(expected))[0], expected)
    return judge


def main():
    if not croniter or not shutil.which("systemd-analyze"):
        print("skipped: python3-croniter and systemd are needed (scripts/install-deps)")
        return SKIPPED
    judges = [
        compare_documented(),
        compare_croniter(int(6000 * SCALE)),
        compare_systemd(cases.crontab, int(6000 * SCALE), seed=2, per_start=40),
        compare_systemd(cases.eventbridge, int(6000 * SCALE), seed=3, per_start=40),
        compare_definition(cases.crontab, int(3000 * SCALE), seed=4),
        compare_definition(cases.eventbridge, int(6000 * SCALE), seed=5),
    ]
    fine = [judge.report() for judge in judges]
    print(f"{sum(judge.cases for judge in judges)} schedules in all")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
