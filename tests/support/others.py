# SPDX-License-Identifier: Apache-2.0
"""Programs that another user may run. The build may be in a folder that only its owner may enter,
like /root."""

import atexit
import functools
import os
import shutil
import stat
import tempfile
from pathlib import Path


def is_open(path):
    """True if every user may run `path`: it is executable, and every user may enter its folders."""
    return all(os.stat(part).st_mode & stat.S_IXOTH for part in (path, *path.parents))


@functools.cache
def for_others(program):
    """Returns a path of `program` that another user may run: itself, or a copy of its folder that
    is removed at the end of the test."""
    program = Path(os.path.realpath(program))
    if is_open(program):
        return os.fspath(program)
    folder = tempfile.mkdtemp(prefix="thumbq-others-")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    copy = shutil.copytree(program.parent, Path(folder) / program.parent.name)
    os.chmod(copy, 0o755)
    return os.fspath(Path(copy) / program.name)
