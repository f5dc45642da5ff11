# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions, with a deadline that is far away. Tests never wait for a time."""

import time

DEADLINE_S = 240  # generous: nothing depends on how fast a busy machine is
POLL_S = 0.01


def wait_for(condition, what, explain=lambda: ""):
    """Waits until `condition` returns a true value. Returns that value."""
    end = time.monotonic() + DEADLINE_S
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE_S} s in vain: {what}\n{explain()}")
        time.sleep(POLL_S)
