/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash of what a thumbnail holds: by it a copy is known again that has lost its mark, or its
 * times (cp -r, rsync and tar without attributes, another disk). Private to the daemon.
 */
#pragma once

#include <stdint.h>

/*
 * The hash of the `size_bytes` bytes of an open file: RECORD_THUMBNAIL_HASH_BITS bits, never 0; 0
 * if they cannot be read. Reads all of them.
 */
uint64_t content_hash(int fd, int64_t size_bytes);
