# SPDX-License-Identifier: Apache-2.0
"""The fixture of the tests of the installation: the build that is installed, and the expected
files."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import SANITIZED, THUMBQ

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("THUMBQ_BUILD", Path(THUMBQ).resolve().parents[1]))

# A build with sanitizers has no sandbox, and is not a program to be installed.
needs_real_build = unittest.skipIf(SANITIZED, "a build with sanitizers is not installed")


def commands():
    listed = subprocess.run([THUMBQ, "help"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line.split()[0]
            for line in listed.split("Commands:\n")[1].split("\n\n")[0].splitlines()]


# The gateway is built where its libraries are, and is a package of its own.
HAS_GATEWAY = (BUILD / "bin/thumbq-gateway").exists()


def gateway_files():
    """All files of the gateway below the prefix that `cmake --install` puts there."""
    return {
        "libexec/thumbq/thumbq-gateway",
        "lib/systemd/system/thumbq-gateway.service",
        "lib/systemd/system/thumbq-gateway.socket",
        "lib/sysusers.d/thumbq-gateway.conf",
        "share/doc/thumbq-gateway/examples/gateway.conf",
    } if HAS_GATEWAY else set()


def expected_files():
    """All files of the base below the prefix that `cmake --install` puts there. No other may be,
    but for those of the gateway."""
    pages = [f"share/man/man1/thumbq-{name}.1.gz" for name in commands()]
    docs = [f"share/doc/thumbq/{path.relative_to(SOURCE)}" for path in (SOURCE / "docs").rglob("*.*")]
    return {
        "bin/thumbq",
        "libexec/thumbq/thumbq-thumbnail",
        "lib/systemd/system/thumbq@.service",
        "lib/sysusers.d/thumbq.conf",
        "share/bash-completion/completions/thumbq",
        "share/zsh/vendor-completions/_thumbq",
        "share/fish/vendor_completions.d/thumbq.fish",
        "share/doc/thumbq/README.md",
        "share/doc/thumbq/examples/as-root.conf",
        "share/doc/thumbq/examples/thumbq.conf",
        "share/doc/thumbq/examples/with-network.conf",
        "share/man/man1/thumbq.1.gz",
        "share/man/man5/thumbq.conf.5.gz",
        *pages, *docs,
    }


def files_below(folder):
    return {os.fspath(path.relative_to(folder)) for path in Path(folder).rglob("*")
            if not path.is_dir()}


def run(*command, **options):
    """Returns the output of a command that must succeed."""
    result = subprocess.run(list(map(os.fspath, command)), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != 0:
        raise AssertionError(f"{command} exits {result.returncode}:\n{result.stdout}")
    return result.stdout


def make_packages(test_class):
    """The Debian packages of the build, in a folder that goes with the class. Returns their paths by
    their names."""
    folder = tempfile.TemporaryDirectory(prefix="thumbq-e2e-")
    test_class.addClassCleanup(folder.cleanup)
    run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", folder.name, cwd=BUILD)
    return {path.name.partition("_")[0]: path for path in Path(folder.name).glob("*.deb")}


def make_package(test_class):
    """The Debian package of the base, as make_packages."""
    return make_packages(test_class)["thumbq"]
