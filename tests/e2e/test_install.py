# SPDX-License-Identifier: Apache-2.0
"""`cmake --install`: the installation is complete, runs from its place, and can be removed."""

import os
import re
import shutil
import subprocess
import unittest

from harness import E2ETest, RED, main, png
from installed import (BUILD, HAS_GATEWAY, expected_files, files_below, gateway_files,
                       needs_real_build, run)


@needs_real_build
class Install(E2ETest):

    def install(self, prefix, name="stage"):
        """Installs into a folder of its own, which stands for /. Returns the prefix in it."""
        stage = self.bucket.root / name
        run("cmake", "--install", BUILD, "--prefix", prefix,
            env={**os.environ, "DESTDIR": os.fspath(stage)})
        return stage / prefix.lstrip("/")

    def test_every_file_is_expected(self):
        installed = self.install("/usr/local")
        expected = expected_files() | gateway_files()
        self.assertEqual(files_below(installed), expected)
        others = files_below(self.bucket.root / "stage") - {f"usr/local/{name}" for name in expected}
        self.assertEqual(others, set(), "nothing outside of the prefix")
        for name in expected:
            mode = (installed / name).stat().st_mode & 0o777
            is_program = name.startswith(("bin/", "libexec/"))
            self.assertEqual(oct(mode), oct(0o755 if is_program else 0o644), name)

    def test_runs_from_anywhere(self):
        """The program finds its handler from its own place, whatever the prefix of its build
        was."""
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
        """Each link leads to an installed file, and the example is a valid configuration."""
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

    @unittest.skipUnless(HAS_GATEWAY, "the gateway is not built")
    def test_gateway_is_found(self):
        """The commands of the gateway run its installed program, and say which package is missing."""
        prefix = self.install("/opt/some where")
        thumbq, program = prefix / "bin/thumbq", prefix / "libexec/thumbq/thumbq-gateway"
        unit = (prefix / "lib/systemd/system/thumbq-gateway.service").read_text()
        self.assertIn("\nExecStart=/opt/some where/libexec/thumbq/thumbq-gateway gateway ", unit)
        for command in ("gateway", "key", "sign"):
            self.assertIn(f"thumbq {command}", run(thumbq, command, "--help", cwd="/"))
        example = prefix / "share/doc/thumbq-gateway/examples/gateway.conf"
        self.assertEqual(run(thumbq, "gateway", "--print-config", "--config", example, "--state",
                             self.bucket.root / "none", cwd="/"), example.read_text())
        program.unlink()
        for command in ("gateway", "key", "sign"):
            result = subprocess.run([thumbq, command], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((result.returncode, result.stdout), (3, ""))
            self.assertIn(f"'thumbq {command}' needs the package thumbq-gateway", result.stderr)

    def test_can_be_removed(self):
        """The list that CMake leaves in the build folder names the files to remove."""
        stage = self.bucket.root / "stage"
        self.install("/usr/local")
        manifest = (BUILD / "install_manifest.txt").read_text().splitlines()
        self.assertEqual(set(manifest),
                         {f"/usr/local/{name}" for name in expected_files() | gateway_files()})
        for name in manifest:
            os.unlink(f"{stage}{name}")
        self.assertEqual(files_below(stage), set())


@needs_real_build
@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Unit(E2ETest):

    def setUp(self):
        super().setUp()
        stage = self.bucket.root / "stage"
        # The prefix has the program that the unit names, so that the check does not need root.
        prefix = self.bucket.root / "prefix"
        run("cmake", "--install", BUILD, "--prefix", prefix)
        self.unit = stage / "thumbq@srv-photos.service"
        stage.mkdir()
        shutil.copy(prefix / "lib/systemd/system/thumbq@.service", self.unit)
        self.units = [self.unit]
        for name in ("thumbq-gateway.service", "thumbq-gateway.socket") if HAS_GATEWAY else ():
            shutil.copy(prefix / "lib/systemd/system" / name, stage)
            self.units.append(stage / name)
        self.environment = {**os.environ, "MANPATH": os.fspath(prefix / "share/man")}

    def test_verify(self):
        out = run("systemd-analyze", "verify", *self.units, env=self.environment)
        self.assertEqual(out, "")

    def test_exposure(self):
        """systemd rates the exposure of each unit from 0 (locked in) to 10: at most 2."""
        for unit in self.units:
            if unit.suffix == ".service":
                out = run("systemd-analyze", "security", "--offline=true", "--no-pager",
                          "--threshold=20", unit, env=self.environment)
                self.assertIn(f"Overall exposure level for {unit.name}", out)


if __name__ == "__main__":
    main()
