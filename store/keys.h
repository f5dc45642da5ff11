/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the store's tables: bytes whose memcmp order is the order wanted, never longer than LMDB
 * takes. Integers are big-endian; signed ones have their sign bit flipped.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KEY_MAX 511 /* bytes, of LMDB */

/*
 * A name longer than `max` is cut to this many bytes and gets a NUL, which no name holds, and its
 * SHA-256 behind it. (Names come from strangers: a hash whose collisions can be made would let one
 * upload take the place of another.)
 */
#define KEY_HASH_LEN          32
#define KEY_PREFIX_LEN(max)   ((max)-1 - KEY_HASH_LEN)
#define KEY_OBJECT_PREFIX_LEN KEY_PREFIX_LEN(KEY_MAX)

/* An integer index: up to a tag, a value and an id. */
#define KEY_INDEX_MAX 24

/* Writes `name` or what stands for it, at most `max` (64..KEY_MAX) bytes; returns the length. */
size_t key_from_name(const char *name, size_t max, uint8_t *ret_key);

/* The key of an object's record. */
size_t key_from_object(const char *key, uint8_t ret_key[static KEY_MAX]);

/* Each writes its 4 or 8 bytes, most significant first, and returns the byte behind them. */
uint8_t *key_put_u32(uint8_t *at, uint32_t value);
uint8_t *key_put_u64(uint8_t *at, uint64_t value);
uint8_t *key_put_i64(uint8_t *at, int64_t value);

uint32_t key_get_u32(const uint8_t *at);
uint64_t key_get_u64(const uint8_t *at);
int64_t key_get_i64(const uint8_t *at);
