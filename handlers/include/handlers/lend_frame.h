/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames between the daemon and a borrower at lend.sock: SOCK_SEQPACKET, integers
 * little-endian, a descriptor beside a frame by SCM_RIGHTS.
 *
 *   borrower: HELLO (room, name)               daemon: WELCOME (run)
 *   borrower: ROOM  (room)                     daemon: ORDER   (id, lease, ..., the order's frame)
 *   borrower: OPEN  (id)                       daemon: SOURCE  (id) + the source; or RECALL (id)
 *   borrower: RESULT (id, figures, the         daemon: VERDICT (id, ok|stale|bad)
 *             answer's frame) + memory file
 *   borrower: BACK  (id)                       daemon: RECALL  (id): taken back, no answer counts
 *
 * After a BACK, or after a RECALL because the lease is over, there is no further ORDER until the
 * next ROOM, or until a RESULT whose verdict is ok. OPEN comes once for an order.
 *
 * A decoder does not trust its input: any bytes give either a frame whose every field is within the
 * limits said here, or ERROR_PROTOCOL. It is fuzzed. It does not decode the frame inside an order
 * or an answer, whose form depends on the kind of the invocation.
 */
#pragma once

#include "handlers/wire.h"
#include "model/invocation.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEND_VERSION 1
/* Bytes of the inner frame of an order or an answer. */
#define LEND_INNER_MAX (WIRE_FRAME_MAX - 512)
/* Invocations of one borrower at a time. */
#define LEND_ROOM_MAX 65536
/* Bytes of the name of a kind, with the final NUL. */
#define LEND_KIND_MAX 32
typedef enum {
    /* From a borrower: LEND_HELLO to LEND_BACK. LEND_HELLO is the first frame. */
    LEND_HELLO = 1,
    /* Sets how many invocations the borrower takes at a time. */
    LEND_ROOM,
    /* The borrower needs the source. */
    LEND_OPEN,
    /* With the sealed memory file, if the answer says that there is one. */
    LEND_RESULT,
    /* The borrower does not do the invocation. */
    LEND_BACK,
    /* From the daemon. */
    LEND_WELCOME,
    LEND_ORDER,
    /* With the source, open for reading. */
    LEND_SOURCE,
    LEND_VERDICT,
    LEND_RECALL,
} LendType;

typedef enum {
    /* The answer was taken. */
    LEND_OK,
    /* The invocation is not lent to this borrower, or not any more. */
    LEND_STALE,
    /* The answer cannot be true; the connection ends. */
    LEND_BAD,
} LendVerdict;

/* The cost of an invocation, as the borrower states it. */
typedef struct {
    /* 0..WIRE_CPU_MAX_US. */
    int64_t duration_us, cpu_us, init_us;
    /* 0..WIRE_MEMORY_MAX. */
    int64_t memory_bytes;
    /*
     * Name of the machine that did it, if it is not the one of the borrower's HELLO;
     * wire_is_plain_text.
     */
    char worker[WORKER_NAME_MAX];
} LendFigures;

/* A decoded frame. Members that its type does not have are zero. */
typedef struct {
    LendType type;
    /* The lease; not in HELLO, ROOM and WELCOME. */
    uint64_t id;
    /* HELLO, ROOM: 0..LEND_ROOM_MAX. */
    int room;
    /* HELLO: name of the borrower's machine; wire_is_plain_text, "" if it has none. */
    char name[WORKER_NAME_MAX];
    /* WELCOME: random, new for each start of the daemon. */
    uint8_t run[16];
    /* ORDER: the invocation is taken back after this time, 1.. */
    int64_t lease_us;
    /* ORDER: bytes, 0.. */
    int64_t source_size;
    /* ORDER: bytes of a memory file, 1.. */
    int64_t max_output_size;
    /* ORDER: 0..19; 0: a user waits for it. */
    int nice;
    /* In ORDER. */
    char kind[LEND_KIND_MAX];
    /* In VERDICT. */
    LendVerdict verdict;
    /* In RESULT. */
    LendFigures figures;
    /* ORDER, RESULT: a frame of the kind, 1..LEND_INNER_MAX bytes; borrowed. */
    const uint8_t *inner;
    size_t inner_len;
} LendFrame;

/* Encodes into `buffer`. Returns the length, at most WIRE_FRAME_MAX. */
size_t lend_frame_encode(const LendFrame *frame, uint8_t buffer[static WIRE_FRAME_MAX]);

/* Decodes a frame. *ret_frame borrows from `data`. Errors: ERROR_PROTOCOL. */
bool lend_frame_decode(const uint8_t *data, size_t len, LendFrame *ret_frame, GError **error);
