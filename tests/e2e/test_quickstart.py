# SPDX-License-Identifier: Apache-2.0
"""scripts/quickstart with a built program: its messages on the way, and those about a folder that
it cannot use. Stand-ins replace the packages and the build."""

import os
import pathlib
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, THUMBQ, E2ETest, main

ROOT = pathlib.Path(__file__).resolve().parents[2]

CMAKE = """#!/bin/sh
echo called >> "$(dirname "$0")/called"
mkdir -p build
for percent in 3 27 50 99 100; do printf '[%3d%%] Building\\n' $percent; done
"""


class Quickstart(E2ETest):

    def setUp(self):
        super().setUp()
        self.tree = self.bucket.root / "a tree"
        shutil.copytree(ROOT / "scripts", self.tree / "scripts")
        for part in ("stickers", "broken"):
            shutil.copytree(ROOT / "sample-images" / part, self.tree / "sample-images" / part)
        (self.tree / "build/bin").mkdir(parents=True)
        (self.tree / "build/bin/thumbq").symlink_to(THUMBQ)
        self.tools = self.bucket.root / "tools"
        self.tools.mkdir()
        for path, text in ((self.tools / "cmake", CMAKE),
                           (self.tree / "scripts/install-deps", "#!/bin/sh\n")):
            path.write_text(text)
            path.chmod(0o755)

    def run_it(self, *arguments, cwd):
        return subprocess.run(
            [self.tree / "scripts/quickstart", *arguments], cwd=cwd, timeout=DEADLINE_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False, env={**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"})

    def test_what_it_says(self):
        bucket = self.bucket.root / "my photos"
        result = self.run_it("my photos", cwd=self.bucket.root)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertTrue((bucket / "thumbnails/small/stickers/badge.png.webp").exists())
        for percent in (3, 27, 50, 99):
            self.assertIn(f"building: {percent}%\n", result.stdout)
        self.assertRegex(result.stdout, r"broken/bomb\.png +too_many_pixels")
        self.assertIn("damaged or hostile on purpose", result.stdout)
        hint = result.stdout.splitlines()[-1].strip()  # as a shell reads it
        self.assertTrue(hint.endswith(r"my\ photos"), hint)
        stats = subprocess.run(["bash", "-c", hint.replace("thumbq run", "thumbq stats --json")],
                               cwd="/", stdout=subprocess.PIPE, check=True)
        self.assertIn(b'"done":4', stats.stdout)

    @unittest.skipUnless(shutil.which("montage") and shutil.which("jq"), "needs montage and jq")
    def test_contact_sheet(self):
        result = self.run_it(cwd=self.tree)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("    xdg-open build/contact-sheet.png\n", result.stdout)
        sheet = self.tree / "build/contact-sheet.png"
        self.assertTrue(sheet.read_bytes().startswith(b"\x89PNG"))

    def test_folders_that_cannot_be_used(self):
        """Missing tools are named before anything is built."""
        (self.bucket.root / "file").write_text("")
        full = self.bucket.root / "full"
        full.mkdir()
        (full / "mine.txt").write_text("")
        for folder, says in (("file", "is not a folder"), ("full", "is not empty"),
                             ("/proc/photos", "cannot create the folder"),
                             ("file/photos", "cannot create the folder")):
            result = self.run_it(folder, cwd=self.bucket.root)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn(says, result.stderr)
            self.assertFalse((self.tools / "called").exists(), folder)
        self.assertTrue((full / "mine.txt").exists())


if __name__ == "__main__":
    main()
