# SPDX-License-Identifier: Apache-2.0
"""`cmake --install`: what is installed is complete, runs from where it is, and can be removed."""

import os
import re
import shutil
import unittest

from harness import E2ETest, RED, main, png
from installed import BUILD, expected_files, files_below, needs_real_build, run


@needs_real_build
class Install(E2ETest):

    def install(self, prefix, name="stage"):
        """Returns the prefix within a folder of its own, which stands for /."""
        stage = self.bucket.root / name
        run("cmake", "--install", BUILD, "--prefix", prefix,
            env={**os.environ, "DESTDIR": os.fspath(stage)})
        return stage / prefix.lstrip("/")

    def test_every_file_is_expected(self):
        installed = self.install("/usr/local")
        self.assertEqual(files_below(installed), expected_files())
        others = files_below(self.bucket.root / "stage") - \
            {f"usr/local/{name}" for name in expected_files()}
        self.assertEqual(others, set(), "nothing outside of the prefix")
        for name in expected_files():
            mode = (installed / name).stat().st_mode & 0o777
            is_program = name.startswith(("bin/", "libexec/"))
            self.assertEqual(oct(mode), oct(0o755 if is_program else 0o644), name)

    def test_runs_from_anywhere(self):
        """The handler is found from where the program is, whatever prefix it was built for."""
        thumbq = self.install("/opt/some where") / "bin" / "thumbq"
        self.bucket.put("a.png", png(20, 20, RED))
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("THUMBQ")}
        out = run(thumbq, "run", "--once", self.bucket.path, env=environment, cwd="/")
        self.assertIn("1 done", out)
        self.assertTrue(self.bucket.small("a.png").exists())
        link = self.bucket.root / "link"
        link.symlink_to(thumbq)
        self.bucket.put("b.png", png(20, 20, RED))
        run(link, "run", "--once", self.bucket.path, env=environment, cwd="/")
        self.assertTrue(self.bucket.small("b.png").exists(), "called by another name")

    def test_documentation_is_whole(self):
        """Each link leads to what is installed, and the example is a configuration."""
        folder = self.install("/usr") / "share/doc/thumbq"
        pages = sorted(folder.rglob("*.md"))
        self.assertGreater(len(pages), 5)
        for page in pages:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                path = target.partition("#")[0]
                if path and "://" not in path:
                    self.assertTrue((page.parent / path).exists(), f"{page.name}: {target}")
        self.assertIn("](docs/commands.md)", (folder / "README.md").read_text())
        example = folder / "examples/thumbq.conf"
        self.assertEqual(self.bucket.command("config", "--config", example).out,
                         example.read_text())

    def test_unit_names_the_installed_program(self):
        for prefix, name in (("/usr", "a"), ("/opt/thumbq", "b")):
            unit = (self.install(prefix, name) / "lib/systemd/system/thumbq@.service").read_text()
            self.assertIn(f"\nExecStart={prefix}/bin/thumbq run --quiet %f\n", unit)
            self.assertNotIn("@thumbq", unit)

    def test_can_be_removed(self):
        """By the list that CMake leaves in the build folder."""
        stage = self.bucket.root / "stage"
        self.install("/usr/local")
        manifest = (BUILD / "install_manifest.txt").read_text().splitlines()
        self.assertEqual(set(manifest), {f"/usr/local/{name}" for name in expected_files()})
        for name in manifest:
            os.unlink(f"{stage}{name}")
        self.assertEqual(files_below(stage), set())


@needs_real_build
@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Unit(E2ETest):

    def setUp(self):
        super().setUp()
        stage = self.bucket.root / "stage"
        # Where the program is, so that the unit can be checked without being root.
        prefix = self.bucket.root / "prefix"
        run("cmake", "--install", BUILD, "--prefix", prefix)
        self.unit = stage / "thumbq@srv-photos.service"
        stage.mkdir()
        shutil.copy(prefix / "lib/systemd/system/thumbq@.service", self.unit)
        self.environment = {**os.environ, "MANPATH": os.fspath(prefix / "share/man")}

    def test_verify(self):
        out = run("systemd-analyze", "verify", self.unit, env=self.environment)
        self.assertEqual(out, "")

    def test_exposure(self):
        """systemd's own figure, from 0 (locked in) to 10, is 2 at the most."""
        out = run("systemd-analyze", "security", "--offline=true", "--no-pager",
                  "--threshold=20", self.unit, env=self.environment)
        self.assertIn("Overall exposure level for thumbq@srv-photos.service", out)


if __name__ == "__main__":
    main()
