# SPDX-License-Identifier: Apache-2.0
"""Tests of a source tree: scripts/lint passes this one, and finds forbidden includes and missing
licences; banned functions do not compile."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import SOURCE_DIR, main

LINT = SOURCE_DIR / "scripts" / "lint"
ROOMS = ("common", "control", "http", "gateway", "watcher", "store", "handlers", "daemon", "cli")


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
                    ("daemon/journal/journal.c", "#include <lmdb.h>"),
                    ("cli/views/csv.c", "#include <lmdb.h>"),
                    ("daemon/journal/journal.c", "#include <vips/vips.h>"),
                    ("handlers/pool/pool.c", "# include <jpeglib.h>"),
                    ("common/base/clock.c", '#include "store/store.h"'),
                    ("common/base/clock.c", '#include "model/object.h"'),
                    ("common/model/object.c", '#include "config/config.h"'),
                    ("control/control_server.c", '#include "daemon/requests.h"'),
                    ("cli/attach.c", '#include "peer.h"'),
                    ("watcher/bucket/bucket.c", '#include "store/store.h"'),
                    ("watcher/bucket/bucket.c", '#include "daemon/daemon.h"'),
                    ("watcher/bucket/bucket.c", '#include "handlers/pool.h"'),
                    ("watcher/clock/cron.c", '#include "bucket/tree.h"'),
                    ("store/engine/env.c", '#include "watcher/bucket.h"'),
                    ("store/engine/env.c", '#include "query/plan.h"'),
                    ("store/tables/claims.c", '#include "query/plan.h"'),
                    ("handlers/pool/pool.c", '#include "store/store.h"'),
                    ("handlers/pool/pool.c", '#include "formats/decode.h"'),
                    ("handlers/wire/wire.c", '#include "pool/pool_private.h"'),
                    ("handlers/thumbnail/formats/decode.c", '#include "watcher/bucket.h"'),
                    ("handlers/thumbnail/formats/decode.c", '#include "pool/pool_private.h"'),
                    ("daemon/journal/journal.c", '#include "formats/decode.h"'),
                    ("daemon/journal/journal.c", '#include "store_internal.h"'),
                    ("daemon/journal/journal.c", '#include "views/csv.h"'),
                    ("cli/views/csv.c", '#include "parts.h"'),
                    ("daemon/queue/brake.c", '#include "parts.h"'),
                    ("cli/views/csv.c", '#include "engine/env.h"'),
                    ("cli/main.c", "#include <microhttpd.h>"),
                    ("daemon/journal/journal.c", '#include "http/server.h"'),
                    ("http/server.c", '#include "store/store.h"'),
                    ("gateway/gateway_keys.c", '#include "store/store.h"'),
                    ("gateway/gateway_keys.c", "#include <microhttpd.h>")):
                with self.subTest(f"{path}: {line}"):
                    file = Path(root) / path
                    text = file.read_text()
                    file.write_text(line + "\n" + text)
                    result = lint(root)
                    self.assertEqual(result.returncode, 1)
                    self.assertTrue(result.stdout.startswith(f"{path}:1: "), result.stdout)
                    file.write_text(text)


class Words(unittest.TestCase):
    """Comments of plain rooms name their subject, and have no banners."""

    def check(self, root):
        return subprocess.run([LINT, "--words", "--root", root], stdout=subprocess.PIPE, text=True)

    def test_this_tree(self):
        result = self.check(SOURCE_DIR)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_offences_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            for room in ("bench", "common", "store", "watcher"):
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)
            self.assertEqual(self.check(root).returncode, 0)
            for path, line in (
                    ("common/base/clock.c", "/* Whoever has the lock. */"),
                    ("common/base/clock.h", "/*\n * What is left of it.\n */"),
                    ("watcher/clock/cron.c", "int n; /* That which comes first. */"),
                    ("store/tables/claims.c", "/* For who wants all of it. */"),
                    ("store/tables/claims.h", "/* Who asks for it. */"),
                    ("store/tables/claims.c", "// A row, for whoever reads it."),
                    ("store/tables/claims.c", "/* Its row. */"),
                    ("store/tables/claims.c", "/* It is free. */"),
                    ("store/tables/claims.h", "/* Which rows are free. */"),
                    ("store/tables/claims.h", "/* The row for what is free. */"),
                    ("store/tables/claims.h", "/* A lock that nobody has. */"),
                    ("watcher/clock/cron.c", "/* Wherever it ends, somebody waits. */"),
                    ("store/check.c", "/* ---- errors ---------------------------------- */"),
                    ("bench/lib/tools.py", "# Of what is measured."),
                    ("bench/lib/tools.py", "# ---- figures ----"),
                    ("bench/lib/tools.py", '"""What it says."""')):
                with self.subTest(f"{path}: {line}"):
                    file = Path(root) / path
                    text = file.read_text()
                    file.write_text(line + "\n\n" + text)
                    result = self.check(root)
                    self.assertEqual(result.returncode, 1)
                    self.assertTrue(result.stdout.startswith(f"{path}:1: "), result.stdout)
                    file.write_text(text)

    def test_docstring_behind_a_formatted_string(self):
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "tests").mkdir()
            quotes = '"' * 3
            (Path(root) / "tests" / "x.py").write_text(
                f"TEXT = f{quotes}1\n{quotes}\n\n\ndef f():\n    {quotes}What it is.{quotes}\n")
            result = self.check(root)
            self.assertTrue(result.stdout.startswith("tests/x.py:6: "), result.stdout)

    def test_other_words_are_fine(self):
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "store").mkdir()
            (Path(root) / "store" / "fine.c").write_text(
                "/* The row of an object, which may have been removed. */\n"
                "/* Files of the user `nobody`. Item 3 of the list. */\n"
                'const char *text = "/* What is this? */ ------";\n'
                "int n = 1; /* Number of rows. */\n")
            result = self.check(root)
            self.assertEqual(result.returncode, 0, result.stdout)


class Circles(unittest.TestCase):
    """No module of the daemon includes itself by way of others."""

    def circles(self, root):
        return subprocess.run([LINT, "--circles", "--root", root], stdout=subprocess.PIPE, text=True)

    def test_this_tree(self):
        result = self.circles(SOURCE_DIR)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_circle_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            for room in ROOMS:
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)
            file = Path(root) / "daemon/queue/brake.c"
            file.write_text('#include "queue/outcome.h"\n' + file.read_text())
            result = self.circles(root)
            self.assertEqual(result.returncode, 1)
            self.assertIn("daemon/queue/brake -> daemon/queue/outcome -> daemon/queue/brake",
                          result.stdout)


class Names(unittest.TestCase):
    """No two headers have one name, and no two types."""

    def names(self, root):
        return subprocess.run([LINT, "--names", "--root", root], stdout=subprocess.PIPE, text=True)

    def test_this_tree(self):
        result = self.names(SOURCE_DIR)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_second_header_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            for room in ROOMS:
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)
            (Path(root) / "watcher" / "brake.h").write_text("#pragma once\n")
            result = self.names(root)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stdout,
                             "daemon/queue/brake.h:1: watcher/brake.h has a header brake.h, too\n")

    def test_a_second_type_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            for room in ROOMS:
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)
            for lines in (["typedef struct {", "    int n;", "} Brake;"],
                          ["struct Brake {", "    int n;", "};"],
                          ["typedef enum Brake {", "    BRAKE_IS_ON", "} BrakePosition;"]):
                with self.subTest(lines[0]):
                    (Path(root) / "watcher" / "other.h").write_text("\n".join(lines) + "\n")
                    result = self.names(root)
                    self.assertEqual(result.returncode, 1)
                    self.assertRegex(result.stdout, r"^daemon/queue/brake\.c:\d+: "
                                     r"watcher/other\.h has a type Brake, too\n$")

    def test_a_variable_is_no_type(self):
        """Variables of a struct without a name may have one name in two files."""
        with tempfile.TemporaryDirectory() as root:
            for room in ROOMS:
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)
            for name, begin in ("one", "static struct {"), ("other", "static _Thread_local union {"):
                (Path(root) / "watcher" / f"{name}.c").write_text(f"{begin}\n    int n;\n}} found;\n")
            result = self.names(root)
            self.assertEqual((result.returncode, result.stdout), (0, "lint: fine\n"))


class Readmes(unittest.TestCase):
    """Each room's README names its files, and its table names no other."""

    def test_offences_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            for room in ROOMS:
                shutil.copytree(SOURCE_DIR / room, Path(root) / room)

            def check():
                result = subprocess.run([LINT, "--readmes", "--root", root],
                                        stdout=subprocess.PIPE, text=True)
                return result.returncode, result.stdout

            self.assertEqual(check(), (0, "lint: fine\n"))
            extra = Path(root) / "store" / "tables" / "extra.c"
            extra.write_text("int extra;\n")
            status, out = check()
            self.assertEqual(status, 1)
            self.assertIn("store/tables/extra.c:1: ", out)
            extra.unlink()
            (Path(root) / "cli" / "locate.c").unlink()
            status, out = check()
            self.assertEqual(status, 1)
            self.assertIn("there is no locate.c in cli/", out)


class Banned(unittest.TestCase):
    """A call of a banned function does not compile. The same file without it compiles."""

    CALLS = {
        "strcpy": "strcpy(to, from)", "strcat": "strcat(to, from)",
        "strncpy": "strncpy(to, from, 3)", "strncat": "strncat(to, from, 3)",
        "strtok": "strtok(to, from)", "sprintf": 'sprintf(to, "%s", from)',
        "atoi": "atoi(from)", "atol": "atol(from)", "atof": "atof(from)",
        "system": "system(from)", "popen": 'popen(from, "r")', "mktemp": "mktemp(to)",
        "gmtime": "gmtime(NULL)", "localtime": "localtime(NULL)", "ctime": "ctime(NULL)",
        "rand": "rand()", "strlen": None,
    }

    def test_calls(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, call in self.CALLS.items():
                with self.subTest(name):
                    source = Path(folder) / "a.c"
                    source.write_text("void act(char *to, const char *from);\n"
                                      "void act(char *to, const char *from)\n"
                                      f"{{ (void)to; (void)from; (void){call or 'strlen(from)'}; }}\n")
                    result = subprocess.run(
                        ["cc", "-std=c17", "-D_GNU_SOURCE", "-include",
                         SOURCE_DIR / "common" / "base" / "banned.h", "-c", source, "-o",
                         Path(folder) / "a.o"], stderr=subprocess.PIPE, text=True)
                    if call:
                        self.assertNotEqual(result.returncode, 0)
                        self.assertIn(f"the_function_{name}_is_banned", result.stderr)
                    else:
                        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_target_has_the_header(self):
        """Each file of the build includes the list of banned functions first."""
        commands = (SOURCE_DIR / "CMakeLists.txt").read_text()
        self.assertIn("-include ${PROJECT_SOURCE_DIR}/common/base/banned.h", commands)
        for path in SOURCE_DIR.glob("*/CMakeLists.txt"):
            text = path.read_text()
            for target in re.findall(r"add_(?:library|executable)\((\S+)(?: STATIC)?\s+[^)]*\.c", text):
                if "$" in target:
                    continue
                with self.subTest(f"{path.parent.name}: {target}"):
                    self.assertRegex(text, rf"target_link_libraries\({target} [^)]*build-flags")


class Licence(unittest.TestCase):
    """Each source file names its licence at its top."""

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
            for _ in range(2):  # an existing licence is not written again
                self.assertEqual(self.check(root, "--add-licence").returncode, 0)
            self.assertEqual(self.check(root, "--licence").returncode, 0)
            for name, text in self.FILES.items():
                lines = (Path(root) / name).read_text().splitlines()
                self.assertEqual(len(lines), len(text.splitlines()) + 1)
                at = 1 if text.startswith(("#!", "#compdef")) else 0
                self.assertIn("SPDX-License-Identifier: Apache-2.0", lines[at])


if __name__ == "__main__":
    main()
