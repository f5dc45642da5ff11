/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed structs of a record's binary form, for record_encode.c and record_decode.c alone. */
#pragma once

#include <stdint.h>

/*
 * The binary form: Fixed, FixedMore, then key (with its NUL), message, thumbhash, one
 * FixedThumbnail with its name for each thumbnail, one FixedAttempt for each attempt, with
 * FLAG_MOUNT the number of the mount (u32), and with FLAG_WORKER the name of the worker behind its
 * length (u8). All integers are little-endian. Every field of the
 * fixed structs is aligned, so that they have no padding and can be copied directly.
 */
#define LAYOUT_VERSION 2

/*
 * Without FixedMore: the date of a picture was an instant if the camera wrote its offset, else
 * local time, and the record does not say which.
 */
#define LAYOUT_OLD 1

enum {
    FLAG_ALPHA = 1 << 0,
    FLAG_DAMAGED = 1 << 1,
    FLAG_DATE = 1 << 2,
    FLAG_COLOR = 1 << 3,
    FLAG_EXPIRED = 1 << 4,
    FLAG_MOUNT = 1 << 5,
    FLAG_WORKER = 1 << 6,
    FLAGS_ALL = (1 << 7) - 1,
};

typedef struct {
    uint64_t ino;
    int64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
} FixedVersion;

typedef struct {
    uint16_t layout;
    /* With the NUL. */
    uint16_t key_len;
    /* Without the NUL. */
    uint16_t message_len;
    uint16_t error;
    uint8_t state;
    uint8_t priority;
    uint8_t n_thumbnails;
    uint8_t n_log;
    uint8_t type;
    uint8_t orientation;
    uint8_t flags;
    uint8_t thumbhash_len;
    uint32_t attempts;
    uint32_t width;
    uint32_t height;
    uint32_t pages;
    uint32_t color;
    uint32_t job;
    uint64_t id;
    uint64_t sequencer;
    FixedVersion version;
    FixedVersion made;
    int64_t uploaded_us;
    int64_t processed_us;
    int64_t due_us;
    int64_t duration_us;
    int64_t date_us;
    uint64_t etag[2];
} Fixed;

typedef struct {
    /* Offset of the date. */
    int16_t offset_min;
    uint16_t flags;
    int16_t zone_min;
    /* Older stores have 0 here. */
    uint16_t tried_revision;
} FixedMore;

enum {
    MORE_OFFSET = 1 << 0,
    MORE_DATE_UNSURE = 1 << 1,
    MORE_DATE_XMP = 1 << 2,
    MORE_DATE_PNG = 1 << 3,
    MORE_BYTES_UNSURE = 1 << 4,
    MORE_OLD = 1 << 5,
    MORE_ALL = (1 << 6) - 1,
};

typedef struct {
    uint64_t recipe;
    int64_t size;
    uint32_t width;
    uint32_t height;
    uint8_t type;
    uint8_t name_len;
    /* The 16 lowest bits of the hash; older stores have 0 here. */
    uint16_t hash_low;
    uint32_t hash_high;
} FixedThumbnail;

typedef struct {
    uint8_t request_id[16];
    int64_t start_us;
    int64_t duration_us;
    int64_t cpu_us;
    int64_t memory_bytes;
    uint32_t error;
    uint32_t reserved;
} FixedAttempt;

_Static_assert(sizeof(Fixed) == 176, "the fixed part has padding");
_Static_assert(sizeof(FixedMore) == 8, "the rest of the fixed part has padding");
_Static_assert(sizeof(FixedThumbnail) == 32, "the fixed part of a thumbnail has padding");
_Static_assert(sizeof(FixedAttempt) == 56, "the fixed part of an attempt has padding");
