/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands say to a running daemon: requests and answers, each a line in one packet, over a
 * SOCK_SEQPACKET socket `control` in the state folder that its owner alone may use.
 *
 * "sync" is answered with "ok" when all that lies in the bucket now has been handled.
 *
 * "sweep KIND [dry-run] [tell]" is answered with "ok" and a sentence (sweep_describe) when the
 * sweep has ended; with "tell", after an item for each thing that was done, or would be
 * (SweepNote).
 *
 * "retry KEY" and "drop KEY", the key's bytes as they are, are answered with "ok changed" or "ok
 * unchanged": see edit.h.
 *
 * "job submit TOTAL FILTER" (backfill.h; the filter as filter_text.h says, or nothing) is answered
 * with "ok ID new", or "ok ID known", when the job is on disk; "job wait ID" with "ok" when it has
 * ended; "job cancel ID" with "ok changed" or "ok unchanged".
 *
 * "commit" is answered with "ok" when all that was changed before it is on disk, and seen by those
 * who read the store.
 *
 * Anything else is answered with "error" and a reason.
 *
 * Before the answer to what takes its time there may be any number of
 *   "progress DONE TOTAL FAILED GROWING": see progress_count.h; ten a second at the most
 *   "item TEXT": a line of the result, in order
 */
#pragma once

#include "progress_count.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTROL_LINE_MAX                                                                           \
    16384 /* bytes, with the final NUL: a name of the longest, each byte as %XX */

/*
 * Connects to the daemon of this state folder; -1 on error. Owner: the caller closes.
 * Errors: ERROR_NOT_FOUND when no daemon listens, ERROR_IO.
 */
int control_connect(const char *state_path, GError **error);

/* What may happen while a request is waited for. All zero: nothing is to. */
typedef struct {
    int64_t timeout_us;        /* 0: for ever */
    int stop_fd;               /* readable: the wait is over; 0: there is none */
    ProgressFunction progress; /* or NULL */
    void *progress_data;
    void (*item)(const char *text, void *data); /* or NULL; `text` is borrowed for the call */
    void *item_data;
} ControlWait;

/*
 * Sends `request` and waits for the answer (`wait` may be NULL). Returns what follows "ok ", owned
 * by the caller. Errors: ERROR_TIMEOUT, ERROR_INTERRUPTED (by `stop_fd`), ERROR_USAGE with the
 * daemon's reason, ERROR_IO.
 */
char *control_ask(int fd, const char *request, const ControlWait *wait, GError **error);

/* Connects and asks, for a single request. */
char *control_request(const char *state_path, const char *request, const ControlWait *wait,
                      GError **error);

/*
 * An address of the socket that fits whatever the length of the path: by way of an open descriptor
 * of the folder. Private to the daemon.
 */
struct sockaddr_un;
void control_address(int folder_fd, struct sockaddr_un *ret_address);
