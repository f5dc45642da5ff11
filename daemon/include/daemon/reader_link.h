/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface between a daemon and its query reader: a process of the same user, started by the
 * daemon with `thumbq reader BUCKET`. The reader answers queries at the query socket and ends with
 * the daemon. These descriptors are open in it from the beginning.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Word of the command line. */
#define READER_WORD "reader"

enum {
    /* The listening socket. */
    READER_FD_SOCKET = 3,
    /* The state folder. */
    READER_FD_STATE,
    /* A memory file: the configuration in force. */
    READER_FD_CONFIG,
    /* Receives a packet when a change is durable; closed when the daemon ends. */
    READER_FD_LINK,
    /* A memory file: ReaderShared, written by the daemon. */
    READER_FD_SHARED,
    READER_FDS_END,
};

typedef struct {
    /* Sequencer of the newest event that is on disk. */
    _Atomic uint64_t durable;
} ReaderShared;
