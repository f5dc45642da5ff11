# SPDX-License-Identifier: Apache-2.0
"""Completion by the real shells: each gets a line, and the test reads its offers."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from harness import DEADLINE_S, E2ETest, RED, THUMBQ, main, png

COMPLETIONS = Path(__file__).resolve().parents[2] / "packaging" / "completions"

# Reads lines, and prints the offers of bash for each: the words as readline splits them.
BASH = r"""
compopt() { :; }  # works within a completion only
source "$1"
while IFS= read -r line; do
    COMP_LINE=$line COMP_POINT=${#line}
    words=$(sed 's/=/ = /g' <<<"$line")
    eval "COMP_WORDS=( $(sed 's/[$&|;()]/\\&/g' <<<"$words") )"
    [[ $line == *[\ =] ]] && COMP_WORDS+=('')
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    _thumbq
    printf '%s\n' "${COMPREPLY[@]}" ''
done
"""


class Completion(E2ETest):

    def setUp(self):
        super().setUp()
        self.home = self.bucket.root
        self.bucket.put("2026/trip/dune.png", png(8, 8, RED))
        self.bucket.put("2026/trip/dust.png", png(8, 8, RED))
        self.bucket.put("2026/a name.png", png(8, 8, RED))
        self.bucket.put("thumbnails/small/x", b"")
        self.bucket.configure("")
        (self.home / "buckle").mkdir()
        (self.home / "file.conf").write_text("")
        programs = self.home / "bin"
        programs.mkdir()
        (programs / "thumbq").symlink_to(Path(THUMBQ).resolve())
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}",
                            "HOME": os.fspath(self.home), "LC_ALL": "C.UTF-8"}
        self.environment.pop("THUMBQ_BUCKET", None)

    def ask(self, *words, cwd=None):
        """Returns the words that the program offers next, without their descriptions."""
        out = subprocess.run([THUMBQ, "complete", *words], check=True, stdout=subprocess.PIPE,
                             env=self.environment, cwd=cwd or self.home).stdout.decode()
        return [line.split("\t")[0] for line in out.splitlines()]

    def test_commands(self):
        listed = subprocess.run([THUMBQ, "help"], check=True, stdout=subprocess.PIPE).stdout
        names = re.findall(rb"(?m)^  ([a-z]+) ", listed)
        self.assertEqual(self.ask(""), [name.decode() for name in names] + ["help", "version"])
        self.assertEqual(self.ask("sta"), ["stats"])
        self.assertEqual(self.ask("help", "sta"), ["stats"])
        self.assertEqual(self.ask("nonsense", ""), [])
        self.assertEqual(self.ask(), [])

    def test_options_are_those_of_the_help(self):
        for command in self.ask("")[:-2]:
            told = subprocess.run([THUMBQ, command, "--help"], check=True,
                                  stdout=subprocess.PIPE).stdout.decode()
            self.assertEqual(self.ask(command, "--"), re.findall(r"(?m)^  (--[a-z-]+)", told))

    def test_values(self):
        cases = {
            ("stats", "--by", ""): ["type", "state", "day", "month", "prefix", "size"],
            ("stats", "--by", "st"): ["state"],
            ("stats", "--by=st"): ["--by=state"],
            ("list", "--sort", "d"): ["date", "duration"],
            ("list", "--state", ""): ["pending", "running", "done", "skipped", "dead"],
            ("list", "--state", "done,de"): ["done,dead"],
            ("list", "--state=done,de"): ["--state=done,dead"],
            ("list", "--type", "jpeg,w"): ["jpeg,webp"],
            ("list", "--limit", ""): [],
            ("list", "--bucket", ""): [":folders"],
            ("list", "--config", ""): [":files"],
            ("list", "--no-such", ""): [":folders"],
        }
        for words, expected in cases.items():
            with self.subTest(words=words):
                self.assertEqual(self.ask(*words), expected)

    def test_arguments(self):
        cases = {
            ("stats", ""): [":folders"],
            ("stats", "photos", ""): [],
            ("stats", "--bucket", "photos", ""): [],
            ("list", "--limit", "5", ""): [":folders"],
            ("stats", "--", "--"): [":folders"],
            ("dead", "re"): ["retry", ":folders"],
            ("dead", "retry", ""): [":folders"],
            ("dead", "retry", "photos", ""): [],
        }
        for words, expected in cases.items():
            with self.subTest(words=words):
                self.assertEqual(self.ask(*words), expected)
        self.assertIn("orphans", self.ask("sweep", ""))

    def test_keys(self):
        inside = {"cwd": self.bucket.path}
        self.assertEqual(self.ask("show", ""), [":files"], "no bucket is in sight")
        self.assertEqual(self.ask("show", "", **inside), ["2026/"])
        self.assertEqual(sorted(self.ask("show", "2026/", **inside)),
                         ["2026/a name.png", "2026/trip/"])
        self.assertEqual(sorted(self.ask("show", "2026/trip/du", **inside)),
                         ["2026/trip/dune.png", "2026/trip/dust.png"])
        self.assertEqual(self.ask("show", "--bucket", "bucket", "2"), ["2026/"])
        self.assertEqual(self.ask("show", "--bucket=bucket", "nothing/"), [])
        self.assertEqual(self.ask("show", "2026/trip/dune.png", "b", **inside), [":folders"])

    def bash(self, *lines, cwd=None):
        """Returns [the offers of bash for each line]."""
        out = subprocess.run(
            ["bash", "--norc", "-c", BASH, "bash", COMPLETIONS / "thumbq.bash"], check=True,
            input="".join(line + "\n" for line in lines), stdout=subprocess.PIPE, text=True,
            env=self.environment, cwd=cwd or self.home).stdout
        blocks = out.split("\n\n")[:-1] if len(lines) > 1 else [out.rstrip("\n")]
        return [block.strip("\n").split("\n") for block in blocks]

    def test_bash(self):
        cases = {
            "thumbq sta": ["stats"],
            "thumbq stats --b": ["--bucket", "--by"],
            "thumbq stats --by=mo": ["month"],
            "thumbq stats --by mo": ["month"],
            "thumbq stats --by=month buck": ["bucket", "buckle"],
            "thumbq list --bucket=buckl": ["buckle"],
            "thumbq run --config fi": ["file.conf"],
            "thumbq list --state done,sk": ["done,skipped"],
        }
        for line, expected in cases.items():
            with self.subTest(line=line):
                self.assertEqual(sorted(self.bash(line)[0]), expected)
        shown = self.bash("thumbq show 2026/", cwd=self.bucket.path)[0]
        self.assertEqual(sorted(shown), ["2026/a\\ name.png", "2026/trip/"])

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish(self):
        cases = {
            "thumbq sta": ["stats"],
            "thumbq stats --by=mo": ["--by=month"],
            "thumbq stats --by mo": ["month"],
            "thumbq stats buck": ["bucket/", "buckle/"],
            "thumbq run --config fi": ["file.conf"],
            "thumbq show --bucket bucket 2026/tr": ["2026/trip/"],
        }
        script = f"source {COMPLETIONS}/thumbq.fish; complete -C $argv[1]"
        for line, expected in cases.items():
            with self.subTest(line=line):
                out = subprocess.run(["fish", "--no-config", "-c", script, line], check=True,
                                     stdout=subprocess.PIPE, text=True, env=self.environment,
                                     cwd=self.home).stdout
                self.assertEqual([row.split("\t")[0] for row in out.splitlines()], expected)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        cases = {
            "thumbq sta\t": "thumbq stats ",
            "thumbq stats --by=mo\t": "thumbq stats --by=month ",
            "thumbq stats --by mo\t": "thumbq stats --by month ",
            "thumbq stats buckl\t": "thumbq stats buckle/",
            "thumbq list --bucket=buckl\t": "thumbq list --bucket=buckle/",
            "thumbq run --config fi\t": "thumbq run --config file.conf ",
            "thumbq show --bucket bucket 2026/tr\tdun\t":
                "thumbq show --bucket bucket 2026/trip/dune.png ",
        }
        for typed, expected in cases.items():
            with self.subTest(typed=typed):
                self.assertIn(f"<{expected}>", self.type_into_zsh(typed, f"<{expected}>"))

    def type_into_zsh(self, typed, expected):
        """Types the keys at a real terminal, then Ctrl-G, which prints the current line in < >.
        Returns all output, as soon as `expected` is in it."""
        (self.home / ".zshrc").write_text(
            f"fpath=({COMPLETIONS} $fpath)\nautoload -U compinit\ncompinit -u -D\nPS1='ready> '\n"
            "show-line() { print -r -- \"<$BUFFER>\"; zle reset-prompt }\nzle -N show-line\n"
            "bindkey '^G' show-line\n")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execvpe("zsh", ["zsh", "-d", "-i"],
                       {**self.environment, "TERM": "dumb", "COLUMNS": "200"})
        shown, sent, end = "", False, time.monotonic() + DEADLINE_S
        try:
            while expected not in shown and time.monotonic() < end:
                if select.select([terminal], [], [], 1)[0]:
                    shown += os.read(terminal, 65536).decode(errors="replace").replace("\r", "")
                if not sent and "ready> " in shown:
                    os.write(terminal, typed.encode() + b"\x07")
                    sent = True
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(terminal)
        return shown


if __name__ == "__main__":
    main()
