# SPDX-License-Identifier: Apache-2.0
"""The programs under test, of the build that the environment names."""

import os
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[2]
THUMBQ = os.environ.get("THUMBQ", str(SOURCE_DIR / "build" / "bin" / "thumbq"))
# The handler of the same build, also for programs of tests/, whose folder has none.
HANDLER = os.environ.get("THUMBQ_HANDLER", str(Path(THUMBQ).with_name("thumbq-thumbnail")))
FAILPOINTS = os.environ.get("THUMBQ_FAILPOINTS",
                            str(SOURCE_DIR / "build" / "tests" / "thumbq-failpoints"))
SANITIZED = os.environ.get("THUMBQ_SANITIZED") == "1"
