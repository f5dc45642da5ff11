/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a daemon runs on a bucket, for commands that say what will happen by itself.
 */
#pragma once

typedef enum {
    DAEMON_DOWN,
    DAEMON_UP,
    DAEMON_UNKNOWN, /* its socket may not be asked by this user */
} DaemonState;

/* Asks the socket in the state folder; does not block. */
DaemonState daemon_probe(const char *state_path);
