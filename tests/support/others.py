# SPDX-License-Identifier: Apache-2.0
"""Programs that another user may run. The build may lie in a folder that its owner alone may enter,
as /root is."""

import atexit
import functools
import os
import shutil
import stat
import tempfile
from pathlib import Path


def is_open(path):
    """True if everybody may run `path`: it can be executed, and each folder above be entered."""
    return all(os.stat(part).st_mode & stat.S_IXOTH for part in (path, *path.parents))


@functools.cache
def for_others(program):
    """`program` as another user may run it, with what lies beside it: itself, or a copy that ends
    with the test."""
    program = Path(os.path.realpath(program))
    if is_open(program):
        return os.fspath(program)
    folder = tempfile.mkdtemp(prefix="thumbq-others-")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    copy = shutil.copytree(program.parent, Path(folder) / program.parent.name)
    os.chmod(copy, 0o755)
    return os.fspath(Path(copy) / program.name)
