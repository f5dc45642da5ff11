# SPDX-License-Identifier: Apache-2.0
"""Describes the machine and the versions of the programs that are compared."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path


def _first_line(command):
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.splitlines()[0].strip() if result.stdout else None


def _cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _library(name):
    return _first_line(["pkg-config", "--modversion", name])


def imagemagick():
    """Path of the program itself, not of a wrapper: Debian's own, else the one in PATH."""
    debian = "/usr/bin/convert"
    return debian if os.access(debian, os.X_OK) else shutil.which("magick") or shutil.which(
        "convert")


def describe(work, sharp):
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    versions = {
        "libvips": _library("vips-cpp") or _library("vips"),
        "libjpeg-turbo": _library("libturbojpeg"),
        "vipsthumbnail": _first_line(["vips", "--version"]),
        "node": _first_line(["node", "--version"]),
        "sharp": sharp,
        "ImageMagick": _first_line([imagemagick() or "convert", "-version"]),
        "GraphicsMagick": _first_line(["gm", "version"]),
        "ffmpegthumbnailer": _first_line(["ffmpegthumbnailer", "-v"]),
    }
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_mb": int(memory.group(1)) // 1024,
        "kernel": platform.release(),
        "system": system.group(1) if system else platform.system(),
        "file_system": _first_line(["stat", "-f", "-c", "%T", str(work)]),
        "load": os.getloadavg()[0],
        "versions": {name: version for name, version in versions.items() if version},
    }
