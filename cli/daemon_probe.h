/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells whether a daemon runs on a bucket, for commands that predict what will happen.
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
