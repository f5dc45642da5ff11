# SPDX-License-Identifier: Apache-2.0
"""The manual pages: one for each command, with all its options, in good form. They are made from
docs/commands.md and docs/commands/NAME.md, which describe every command and option and no
others."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import THUMBQ, main

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "commands.md").read_text()
SECTIONS = {path.stem: path.read_text() for path in (ROOT / "docs" / "commands").glob("*.md")}
SHARED = DOCS.split("\n## What all commands share\n")[1].split("\n## ")[0]
PAGES = Path(THUMBQ).resolve().parents[1] / "man"

OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


def ask(*arguments):
    return subprocess.run([THUMBQ, *arguments], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def commands():
    listed = ask("help").split("Commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options(command):
    """Returns (its own options, options that it shares with other commands)."""
    groups = re.split(r"^(\w+):$", ask(command, "--help"), flags=re.MULTILINE)
    found = {title: re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)
             for title, text in zip(groups[1::2], groups[2::2])}
    own = found.pop("Options", [])
    found.pop("Examples", None)
    return own, [name for names in found.values() for name in names]


class Documentation(unittest.TestCase):

    def section(self, command):
        if command not in SECTIONS:
            self.fail(f"write docs/commands/{command}.md: the heading '# {command}', a block with its "
                      "usage, its description, and examples in a block that begins with ```sh")
        return SECTIONS[command]

    def test_every_command_has_a_page(self):
        for command in commands():
            if not self.section(command).startswith(f"# {command}\n\n```\nthumbq {command}"):
                self.fail(f"docs/commands/{command}.md must begin with the heading '# {command}' and a "
                          f"block 'thumbq {command} ...', its usage")
            if f"[`{command}`](commands/{command}.md)" not in DOCS:
                self.fail(f"docs/commands.md: '{command}' is missing in the table of commands at "
                          "the top")

    def test_every_page_has_a_command(self):
        self.assertEqual(set(SECTIONS) - set(commands()), set(),
                         "docs/commands/ has pages of commands that thumbq does not have")

    def test_every_option_is_described(self):
        for command in commands():
            own, shared = options(command)
            for name in own:
                if name not in OPTION.findall(self.section(command)):
                    self.fail(f"docs/commands/{command}.md: say what '--{name}' does")
            for name in shared:
                if name not in OPTION.findall(SHARED):
                    self.fail(f"docs/commands.md: say in 'What all commands share' what '--{name}' "
                              "does")

    def test_every_described_option_exists(self):
        for command in commands():
            # `bench` passes its arguments to another program.
            if "ARGUMENT..." in ask(command, "--help").splitlines()[0]:
                continue
            text = self.section(command)
            usage = text.split("```")[1]
            rows = "\n".join(re.findall(r"^\| (`--.*?) \|", text, re.MULTILINE))
            own, shared = options(command)
            unknown = set(OPTION.findall(usage + rows)) - set(own) - set(shared)
            self.assertEqual(unknown, set(), f"docs/commands/{command}.md describes options that "
                             "thumbq does not have")

    def test_links_lead_to_files(self):
        """Each link in READMEs, CONTRIBUTING and docs/ leads to a file, and to a heading in it."""
        for page in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                path, _, heading = target.partition("#")
                if "://" in target:
                    continue
                file = (page.parent / path).resolve() if path else page
                self.assertTrue(file.exists(), f"{page.relative_to(ROOT)}: {target}")
                if heading:
                    titles = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
                    anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
                               for title in titles]
                    self.assertIn(heading, anchors, f"{page.relative_to(ROOT)}: {target}")


@unittest.skipUnless(PAGES.is_dir(), f"no pages in {PAGES}: built without Python")
class Pages(unittest.TestCase):

    def pages(self):
        """Returns {path below man/: text}."""
        return {os.fspath(path.relative_to(PAGES)): gzip.decompress(path.read_bytes())
                for path in PAGES.glob("man*/*.gz")}

    def test_one_per_command(self):
        expected = {f"man1/thumbq-{command}.1.gz" for command in commands()}
        self.assertEqual(set(self.pages()),
                         expected | {"man1/thumbq.1.gz", "man5/thumbq.conf.5.gz"})

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_form(self):
        for name, text in self.pages().items():
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=text,
                                    stdout=subprocess.PIPE)
            self.assertEqual((name, result.stdout.decode()), (name, ""))

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_form_for_groff(self):
        for name, text in self.pages().items():
            result = subprocess.run(["groff", "-ww", "-man", "-T", "utf8"], input=text,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.assertEqual((name, result.stderr.decode()), (name, ""))

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_every_option_is_in_its_page(self):
        for command in commands():
            text = self.pages()[f"man1/thumbq-{command}.1.gz"]
            shown = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=80"], input=text,
                                   check=True, stdout=subprocess.PIPE).stdout.decode()
            shown = re.sub(".\b", "", shown)
            for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"):
                self.assertRegex(shown, f"(?m)^{part}$", command)
            own, shared = options(command)
            for name in own + shared:
                self.assertRegex(shown, rf"(?m)^ +--{name}\b", f"thumbq-{command}(1)")

    def test_they_can_be_made_again_byte_for_byte(self):
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
        with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as folder:
            made = []
            for name in ("a", "b"):
                subprocess.run([sys.executable, "-B", ROOT / "packaging/manual", "--docs",
                                ROOT / "docs", THUMBQ, Path(folder, name)], check=True,
                               env=environment)
                made.append({path.name: path.read_bytes()
                             for path in Path(folder, name).glob("man*/*")})
        self.assertEqual(made[0], made[1])
        self.assertIn(b"2026-01-01", gzip.decompress(made[0]["thumbq.1.gz"]))


if __name__ == "__main__":
    main()
