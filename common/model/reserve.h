/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a file system that is kept free: its text form, and a check whether it is still free.
 * The configuration, the daemon, and commands that report on the disk use it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* At least one of the two is 0; if both are, there is no reserve. */
typedef struct {
    /* Percent of the file system's size. */
    double percent;
    int64_t bytes;
} Reserve;

/*
 * Parses `1%`, `0.5%` (below 100), `500M` and other sizes of units_parse_bytes, `0`. Errors:
 * ERROR_USAGE.
 */
bool reserve_parse(const char *text, Reserve *ret_reserve, GError **error);

/* Formats a reserve so that reserve_parse can read it. Owner: the caller frees. */
char *reserve_format(const Reserve *reserve);

typedef struct {
    /* Bytes that are free for users other than root, as df(1) counts. */
    int64_t free_bytes;
    int64_t all_bytes;
    int64_t reserve_bytes;
    /* True if less than the reserve is free. */
    bool is_low;
} ReserveSpace;

/*
 * Reads the free space of the file system of the open file `fd`. Returns false if the file system
 * does not report its size; errno is then set, or 0.
 */
bool reserve_read(const Reserve *reserve, int fd, ReserveSpace *ret_space);
