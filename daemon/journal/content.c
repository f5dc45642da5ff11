/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/content.h"

#include "store/record.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>
#include <xxhash.h>

#define CHUNK (64 << 10)

/* Adds the bytes of a file to the hash. */
static bool add_all(XXH3_state_t *state, int fd, int64_t size_bytes)
{
    g_autofree uint8_t *chunk = g_malloc(CHUNK);

    for (int64_t at = 0; at < size_bytes;) {
        ssize_t n = pread(fd, chunk, (size_t)MIN(CHUNK, size_bytes - at), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || XXH3_64bits_update(state, chunk, (size_t)n) != XXH_OK)
            return false;
        at += n;
    }
    return true;
}

uint64_t content_hash(int fd, int64_t size_bytes)
{
    XXH3_state_t *state = XXH3_createState();
    uint64_t hash = 0;

    if (state && XXH3_64bits_reset(state) == XXH_OK && add_all(state, fd, size_bytes))
        hash = XXH3_64bits_digest(state) >> (64 - THUMBNAIL_HASH_BITS);
    else
        size_bytes = -1;
    (void)XXH3_freeState(state);
    return size_bytes < 0 ? 0 : MAX(hash, 1);
}
