# SPDX-License-Identifier: Apache-2.0
"""`thumbq bench` runs the benchmarks where they are installed."""

import os
import shutil
import unittest
from pathlib import Path

from harness import THUMBQ, E2ETest, main

NULL_HANDLER = Path(THUMBQ).with_name("thumbq-bench-null")


class Bench(E2ETest):

    def test_not_installed(self):
        program = shutil.copy(THUMBQ, self.bucket.root / "thumbq")
        for arguments in ([], ["--quick"], ["fill"]):
            result = self.bucket.run_program([program, "bench", *arguments])
            self.assertEqual(result.status, 3)
            self.assertIn("benchmarks are not installed", result.log)

    def test_is_handed_on(self):
        """The benchmark programs get all arguments that follow, and the folder of the build."""
        root = self.bucket.root
        for folder in ("build/bin", "bench"):
            (root / folder).mkdir(parents=True)
        program = shutil.copy(THUMBQ, root / "build/bin/thumbq")
        for path in (root / "bench/run", root / "build/bin/thumbq-bench"):
            path.write_text("#!/bin/sh\necho \"$0\" \"$@\"\nexit 5\n")
            path.chmod(0o755)
        result = self.bucket.run_program([program, "bench", "--only", "floor"])
        self.assertEqual((result.status, result.out),
                         (5, f"{root}/bench/run --build {root}/build --only floor\n"))
        result = self.bucket.run_program([program, "bench", "fill", "--help"])
        self.assertEqual((result.status, result.out),
                         (5, f"{root}/build/bin/thumbq-bench fill --help\n"))
        self.assertEqual(self.bucket.run_program([program, "bench", "--help"]).status, 0)

    @unittest.skipUnless(NULL_HANDLER.exists(), "thumbq-bench-null is not built")
    def test_null_handler(self):
        """The handler of benchmarks answers as the daemon expects, for each type of thumbnail."""
        renditions = "".join(f"[rendition {name}]\nsize = 64x64\nformat = {name}\n"
                             for name in ("auto", "jpeg", "png", "webp"))
        for isolation in ("owner", "file"):
            self.bucket.configure(f"[handler]\nisolation = {isolation}\n{renditions}")
            self.bucket.put(f"{isolation}.png", b"0" * 64)
            result = self.bucket.command("run", "--once", self.bucket.path,
                                         env={"THUMBQ_HANDLER": os.fspath(NULL_HANDLER)})
            self.assertEqual(result.status, 0, result.log)
            self.assertEqual(self.bucket.show(f"{isolation}.png")["state"], "done")


if __name__ == "__main__":
    main()
