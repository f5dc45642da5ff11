# SPDX-License-Identifier: Apache-2.0
"""Runs every command line of the documentation as it stands, on a bucket `photos`."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from harness import THUMBQ, check_sanitizers, wait_for, E2ETest, main

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/commands.md",
         *sorted(os.fspath(path.relative_to(ROOT)) for path in (ROOT / "docs/commands").glob("*.md"))]

# Commands that do not end by themselves. The test stops them after their start.
ENDLESS = re.compile(r"^thumbq (run (?!.*--once)|events .*--follow)")

# Commands whose status is not 0 for a bucket without trouble and without a daemon.
OTHER_STATUS = {"thumbq run --once": (0, 1)}
if os.environ.get("THUMBQ_SANITIZED") == "1":
    OTHER_STATUS["thumbq doctor"] = (1,)  # which finds that sanitizers leave no sandbox


def examples(page):
    text = (ROOT / page).read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            line = re.sub(r"\s+#\s.*", "", line).strip()
            if line.startswith("thumbq "):
                yield line


class Examples(E2ETest):

    def setUp(self):
        super().setUp()
        self.folder = self.bucket.root / "home"
        for part in ("2024", "broken", "stickers"):
            shutil.copytree(ROOT / "sample-images" / part, self.folder / "photos" / part)
        key = self.folder / "photos/2026/trip/dune.png"
        key.parent.mkdir(parents=True)
        shutil.copy(ROOT / "sample-images/stickers/badge.png", key)
        programs = self.bucket.root / "bin"
        programs.mkdir()
        for name in ("thumbq", "thumbq-thumbnail"):
            (programs / name).symlink_to(pathlib.Path(THUMBQ).resolve().parent / name)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        self.run_example("thumbq run --once photos")

    def run_example(self, line):
        process = subprocess.Popen(line, shell=True, cwd=self.folder, env=self.environment,
                                   executable="/bin/bash", start_new_session=True, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if ENDLESS.match(line):
            control = self.folder / "photos/.thumbq/control"
            wait_for(lambda: control.exists() or "run" not in line, line)
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)
            return
        out, log = process.communicate(timeout=120)
        check_sanitizers(log)
        accepted = next((status for start, status in OTHER_STATUS.items()
                         if line.startswith(start)), (0,))
        self.assertIn(process.returncode, accepted, f"{line}\n{out}\n{log}")

    def test_every_example(self):
        shown = {page: list(examples(page)) for page in PAGES}
        self.assertGreater(len(shown["README.md"]), 8, "README shows commands")
        without = [page for page, lines in shown.items() if not lines]
        # The documentation shows `setup` with sudo, and another test runs it.
        self.assertEqual(without, ["docs/commands.md", "docs/commands/setup.md"])
        for page, lines in shown.items():
            for line in lines:
                with self.subTest(page=page, line=line):
                    self.run_example(line)


if __name__ == "__main__":
    main()
