"""scripts/lint --rooms: the tree passes, and what must not be included is found."""

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


if __name__ == "__main__":
    main()
