/* SPDX-License-Identifier: Apache-2.0 */
/* A hash of a thumbnail's content. It recognizes a copy that has lost its mark or its times (cp -r,
 * rsync and tar without attributes, another disk). Private to the daemon. */
#pragma once

#include <stdint.h>

/* Returns the hash of the first `size_bytes` bytes of an open file: THUMBNAIL_HASH_BITS bits, never
 * 0. Returns 0 if the bytes cannot be read. Reads all of them, and blocks meanwhile. */
uint64_t content_hash(int fd, int64_t size_bytes);
