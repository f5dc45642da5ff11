/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out whether a daemon runs on a bucket, for commands that predict its work.
 */
#pragma once

typedef enum {
    DAEMON_DOWN,
    DAEMON_UP,
    /* This user may not connect to the daemon's socket. */
    DAEMON_UNKNOWN,
} DaemonState;

/* Connects to the socket in the state folder. Does not block. */
DaemonState daemon_probe(const char *state_path);

/* Makes daemon_probe return "running" in this process, which is a part of the daemon. */
void daemon_probe_is_part(void);
