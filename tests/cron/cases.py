# SPDX-License-Identifier: Apache-2.0
"""Random schedules: expressions of both dialects, zones and start times, the same in each run. A
third of the start times lie around clock changes, with expressions that are due at night, when
clocks change."""

import datetime
import functools
import os
import random
import subprocess
import zoneinfo

DRIVER = os.environ.get("CRON_DRIVER", "build/tests/cron_driver")
UTC = datetime.timezone.utc
TIMES = 5  # of each schedule that are compared
TABLES_END = 2145916800  # 2038

# Zones with unusual clock changes: half an hour (Lord Howe) and two hours (Troll), at midnight
# (Cairo, Havana, Santiago), one minute past midnight (St John's until 2011), a skipped day (Apia
# 2011), in winter (Dublin), with Ramadan (Casablanca).
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
         "America/Santiago", "Australia/Sydney", "Africa/Casablanca", "Asia/Kathmandu",
         "America/St_Johns", "Antarctica/Troll", "Africa/Cairo", "America/Havana", "Europe/Dublin",
         "Asia/Tehran", "Pacific/Auckland"]

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()


class Field:
    def __init__(self, low, high, names=()):
        self.low, self.high, self.names = low, high, names

    def value(self, rng, low=None, high=None):
        return rng.randint(self.low if low is None else low, self.high if high is None else high)

    def text(self, rng, value):
        """Returns the number, or sometimes its name."""
        if not self.names or rng.random() < 0.5:
            return str(value)
        name = self.names[(value - self.low) % len(self.names)]
        return rng.choice([name, name.lower(), name.capitalize()])

    def item(self, rng, steps_from_value=False):
        kind = rng.random()
        first = self.value(rng)
        if kind < 0.5:
            return self.text(rng, first)
        last = self.value(rng, low=first)
        # A range that ends with SUN instead of 7 would begin with Sunday.
        bounds = f"{first}-{last}" if last == 7 else (
            f"{self.text(rng, first)}-{self.text(rng, last)}")
        if kind < 0.75:
            return bounds
        step = rng.randint(1, self.high - self.low + 1)
        if steps_from_value and rng.random() < 0.5:
            return f"{first}/{step}"
        return f"{bounds}/{step}"

    def random(self, rng, star=0.4, **options):
        kind = rng.random()
        if kind < star:
            return "*"
        if kind < star + 0.15:
            return f"*/{rng.randint(1, self.high - self.low + 1)}"
        return ",".join(self.item(rng, **options) for _ in range(rng.choice([1, 1, 1, 2, 3])))


MINUTE, HOUR, DAY = Field(0, 59), Field(0, 23), Field(1, 31)
MONTH, WEEKDAY = Field(1, 12, MONTHS), Field(0, 7, WEEKDAYS)
EVENTBRIDGE_WEEKDAY = Field(1, 7, WEEKDAYS)


def crontab(rng, night):
    """Makes five fields, which are often due at night."""
    hour = rng.choice(["*", "0", "1", "2", "3", "0-4", "*/2", "1,2", "2-3", "23,0"]) if night else (
        HOUR.random(rng))
    minute = rng.choice(["0", "30", "*/15", "15,45", "1", "59", "*/7"]) if night else (
        MINUTE.random(rng, star=0.15))
    return [minute, hour, DAY.random(rng, star=0.55), MONTH.random(rng, star=0.6),
            WEEKDAY.random(rng, star=0.55)]


def eventbridge(rng, night):
    """Makes six fields, with the extensions of EventBridge beside the syntax of crontab(5)."""
    options = {"steps_from_value": True}
    minute = MINUTE.random(rng, star=0.1, **options)
    hour = rng.choice(["0", "1", "2", "3", "0-4", "1/2"]) if night else (
        HOUR.random(rng, star=0.2, **options))
    day, weekday = "?", "?"
    kind = rng.random()
    if kind < 0.12:
        day = "L"
    elif kind < 0.2:
        day = "LW"
    elif kind < 0.35:
        day = f"{DAY.value(rng)}W"
    elif kind < 0.5:
        weekday = f"{EVENTBRIDGE_WEEKDAY.text(rng, rng.randint(1, 7))}#{rng.randint(1, 5)}"
    elif kind < 0.6:
        weekday = f"{EVENTBRIDGE_WEEKDAY.text(rng, rng.randint(1, 7))}L"
    elif kind < 0.63:
        weekday = "L"
    elif kind < 0.8:
        day = DAY.random(rng, star=0.3, **options)
    else:
        weekday = EVENTBRIDGE_WEEKDAY.random(rng, star=0.2, **options)
    year = rng.choice(["*", "*", "*", "2026", "2024-2030", "2027,2031", "2020/4"])
    return [minute, hour, day, MONTH.random(rng, star=0.7, **options), weekday, year]


def offset_at(zone, seconds):
    return datetime.datetime.fromtimestamp(seconds, zone).utcoffset()


@functools.cache
def clock_changes(name):
    """Returns the seconds at which the clock of the zone changes, 1990 to 2037."""
    zone = zoneinfo.ZoneInfo(name)
    day = 86400
    at = int(datetime.datetime(1990, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime.datetime(2037, 1, 1, tzinfo=UTC).timestamp())
    found = []
    while at < end:
        low, high = at, at + day
        if offset_at(zone, low) != offset_at(zone, high):
            while high - low > 1:
                middle = (low + high) // 2
                if offset_at(zone, middle) == offset_at(zone, low):
                    low = middle
                else:
                    high = middle
            found.append(high)
        at += day
    return found


def start_time(rng, zone, near_change):
    changes = clock_changes(zone)
    if near_change and changes:
        return rng.choice(changes) + rng.randint(-2 * 86400, 3 * 3600)
    return rng.randint(int(datetime.datetime(2015, 1, 1, tzinfo=UTC).timestamp()),
                       int(datetime.datetime(2036, 1, 1, tzinfo=UTC).timestamp()))


class Case:
    def __init__(self, fields, zone, start):
        self.fields, self.zone, self.start = fields, zone, start

    @property
    def expression(self):
        text = " ".join(self.fields)
        return f"cron({text})" if len(self.fields) == 6 else text

    def __str__(self):
        start = datetime.datetime.fromtimestamp(self.start, UTC)
        return f"'{self.expression}' in {self.zone} after {start:%Y-%m-%dT%H:%M:%SZ}"


def generate(make, n, seed):
    """Makes `n` cases of the dialect `make`."""
    rng = random.Random(seed)
    for i in range(n):
        near_change = i % 3 == 0
        zone = rng.choice(ZONES)
        yield Case(make(rng, near_change), zone, start_time(rng, zone, near_change))


def ask_thumbq(cases, times=TIMES):
    """Returns the next times of each case in seconds, or None for an expression that is refused."""
    text = "".join(f"{c.zone}\t{c.start}\t{times}\t{c.expression}\n" for c in cases)
    result = subprocess.run([DRIVER], input=text, stdout=subprocess.PIPE, text=True, check=True)
    answers = result.stdout.splitlines()
    assert len(answers) == len(cases), (len(answers), len(cases))
    return [None if line == "error" else [int(t) for t in line.split()] for line in answers]


def show(times):
    return ", ".join(f"{datetime.datetime.fromtimestamp(t, UTC):%a %Y-%m-%dT%H:%MZ}"
                     for t in times) if times else "never"


class Judge:
    """Compares results, counts them, and keeps the differences."""

    def __init__(self, name):
        self.name = name
        self.cases, self.times, self.failures = 0, 0, []
        self.readings = {}  # why another reading is not ours -> cases

    def compare(self, case, ours, theirs):
        if case.zone == "Europe/Dublin" and ours != theirs:
            # In Ireland winter is the time with an offset. GLib computes it wrongly after the end
            # of its tables.
            ours, theirs = ([t for t in times if t < TABLES_END] for times in (ours, theirs))
            self.note("GLib is wrong about Irish winters from 2038 on")
        self.cases += 1
        self.times += len(theirs)
        if ours != theirs:
            self.failures.append(f"{case}\n  thumbq: {show(ours)}\n  {self.name}: {show(theirs)}")

    def note(self, reading):
        self.readings[reading] = self.readings.get(reading, 0) + 1

    def report(self):
        """Prints the result. Returns True if nothing differs."""
        print(f"{self.name}: {self.cases} schedules, {self.times} times compared, "
              f"{len(self.failures)} differ")
        for reading, n in sorted(self.readings.items()):
            print(f"  {n} read otherwise there: {reading}")
        for failure in self.failures[:10]:
            print(failure)
        return not self.failures
