# SPDX-License-Identifier: Apache-2.0
"""scripts/lint: the tree passes, and what must not be included and what has no licence is found."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import SOURCE_DIR, main

LINT = SOURCE_DIR / "scripts" / "lint"
ROOMS = ("common", "watcher", "store", "handlers", "daemon", "cli")


def lint(root):
    return subprocess.run([LINT, "--rooms", "--root", root], stdout=subprocess.PIPE, text=True)


class Rooms(unittest.TestCase):

    def test_this_tree(self):
        result = lint(SOURCE_DIR)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_offences_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            for room in ROOMS:
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)
            self.assertEqual(lint(root).returncode, 0)
            for path, line in (
                    ("daemon/batch.c", "#include <lmdb.h>"), ("cli/csv.c", "#include <lmdb.h>"),
                    ("daemon/batch.c", "#include <vips/vips.h>"),
                    ("handlers/pool.c", "# include <jpeglib.h>"),
                    ("common/clock.c", '#include "store.h"'),
                    ("watcher/bucket.c", '#include "store.h"'),
                    ("watcher/bucket.c", '#include "daemon.h"'),
                    ("watcher/bucket.c", '#include "pool.h"'),
                    ("store/env.c", '#include "bucket.h"'),
                    ("store/env.c", '#include "daemon.h"'),
                    ("handlers/pool.c", '#include "store.h"'),
                    ("handlers/pool.c", '#include "decode.h"'),
                    ("handlers/thumbnail/decode.c", '#include "bucket.h"'),
                    ("daemon/batch.c", '#include "decode.h"'),
                    ("daemon/batch.c", '#include "csv.h"'),
                    ("cli/csv.c", '#include "bucket.h"'), ("cli/csv.c", '#include "pool.h"')):
                with self.subTest(f"{path}: {line}"):
                    file = Path(root) / path
                    text = file.read_text()
                    file.write_text(line + "\n" + text)
                    result = lint(root)
                    self.assertEqual(result.returncode, 1)
                    self.assertTrue(result.stdout.startswith(f"{path}:1: "), result.stdout)
                    file.write_text(text)


class Licence(unittest.TestCase):
    """Each source file says at its top what its licence is."""

    FILES = {"a.c": "int a;\n", "a.h": "#pragma once\n", "a.py": "import os\n",
             "a.mjs": "run();\n", "CMakeLists.txt": "project(a)\n", "run": "#!/bin/sh\ntrue\n",
             "_thumbq": "#compdef thumbq\n"}

    @staticmethod
    def check(root, *options):
        return subprocess.run([LINT, *options, "--root", root], stdout=subprocess.PIPE, text=True)

    def test_this_tree(self):
        result = self.check(SOURCE_DIR, "--licence")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_missing_is_found_and_added(self):
        with tempfile.TemporaryDirectory() as root:
            for name, text in self.FILES.items():
                (Path(root) / name).write_text(text)
            (Path(root) / "notes.md").write_text("no source\n")
            result = self.check(root, "--licence")
            self.assertEqual(result.returncode, 1)
            self.assertEqual({line.partition(":")[0] for line in result.stdout.splitlines()},
                             set(self.FILES))
            for _ in range(2):  # what is there already is not written again
                self.assertEqual(self.check(root, "--add-licence").returncode, 0)
            self.assertEqual(self.check(root, "--licence").returncode, 0)
            for name, text in self.FILES.items():
                lines = (Path(root) / name).read_text().splitlines()
                self.assertEqual(len(lines), len(text.splitlines()) + 1)
                at = 1 if text.startswith(("#!", "#compdef")) else 0
                self.assertIn("SPDX-License-Identifier: Apache-2.0", lines[at])


if __name__ == "__main__":
    main()
