# SPDX-License-Identifier: Apache-2.0
"""The results: rows, printed as a table for people and as JSON."""

import json


class Report:
    def __init__(self, machine):
        self.machine = machine
        self.rows = []
        self.details = {}

    def add(self, name, figures, unit, goal=None, note="", digits=2):
        """Adds a row. `goal` is (operator, number): ("<=", 1.25)."""
        row = {"name": name, "unit": unit, "note": note, "digits": digits, **figures.as_json()}
        if goal:
            operator, limit = goal
            row["goal"] = f"{operator} {limit:,g}"
            row["reached"] = (row["median"] <= limit if operator == "<=" else
                              row["median"] >= limit)
        self.rows.append(row)
        print(self.line(row), flush=True)

    def skip(self, name, why):
        self.rows.append({"name": name, "skipped": why})
        print(f"{name}: skipped, {why}", flush=True)

    @staticmethod
    def line(row):
        if "skipped" in row:
            return f"| {row['name']} | skipped: {row['skipped']} | | | |"
        digits = row["digits"]
        value = f"{row['median']:,.{digits}f} {row['unit']}".strip()
        spread = f"{row['p25']:,.{digits}f} .. {row['p75']:,.{digits}f}"
        goal = row.get("goal", "")
        mark = {True: " yes", False: " **no**"}.get(row.get("reached"), "")
        return f"| {row['name']} | {value} | {spread}, n={row['n']} | {goal}{mark} | {row['note']} |"

    def table(self):
        machine = self.machine
        versions = "; ".join(f"{k} {v}" if v[0].isdigit() else v
                             for k, v in machine["versions"].items())
        return "\n".join([
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']} MB, "
            f"{machine['system']}, Linux {machine['kernel']}, {machine['file_system']}; load "
            f"{machine['load']:.1f} at the start", versions, "",
            "| what | median | quartiles | goal, reached | remark |", "| --- | --- | --- | --- | --- |",
            *map(self.line, self.rows)])

    def as_json(self):
        return json.dumps({"machine": self.machine, "results": self.rows, "details": self.details},
                          indent=1)
