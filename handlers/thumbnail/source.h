/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a picture: a descriptor, mapped whole.
 *
 * If the file is truncated while it is mapped, reading it causes SIGBUS, which ends the worker; the
 * daemon reports such a death as a changed source.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size;
    /* XXH3-128 of the bytes: low, high. */
    uint64_t etag[2];
} Source;

/*
 * Maps the regular file `fd`, which stays the caller's and may be closed at once.
 * Errors: ERROR_EMPTY_FILE; ERROR_FILE_TOO_LARGE beyond `max_bytes`; ERROR_NOT_AN_IMAGE if it is no
 * regular file; ERROR_OUT_OF_MEMORY, ERROR_IO. Owner: source_clear.
 */
bool source_open(int fd, int64_t max_bytes, Source *ret_source, GError **error);
void source_clear(Source *source);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Source, source_clear)
