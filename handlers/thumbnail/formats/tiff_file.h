/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories of a TIFF file, classic or BigTIFF, and the numbers in them. Takes any bytes, and
 * never reads outside of them. Source: TIFF 6.0, section 2; the BigTIFF design by AWare Systems.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size;
    bool is_big_endian;
    bool is_big_tiff;
} Tiff;

/* A directory whose entries all lie in the file. */
typedef struct {
    /* Place of the first entry. */
    uint64_t at;
    uint64_t n;
    /* Place of the next directory; 0: none. */
    uint64_t next;
} TiffDirectory;

/* The values of an entry. */
typedef struct {
    uint64_t tag, type, n;
    /* Place of the first value. */
    uint64_t at;
    /* Bytes of one value; 0: the type is unknown. */
    size_t bytes;
    /* The values do not lie in the entry itself. */
    bool is_apart;
} TiffEntry;

/* Reads the header. False if it is no TIFF file. *ret_tiff borrows `data`. */
bool tiff_open(const void *data, size_t size, Tiff *ret_tiff);

/* Returns the place of the first directory. */
uint64_t tiff_first(const Tiff *tiff);

/* Finds the directory at `at`. False if there is none, or one without entries. */
bool tiff_directory(const Tiff *tiff, uint64_t at, TiffDirectory *ret_directory);

/* Returns entry `i` of a directory. */
TiffEntry tiff_entry(const Tiff *tiff, const TiffDirectory *directory, uint64_t i);

/* Returns value `i` of an entry if its values are whole numbers; otherwise 0. */
uint64_t tiff_value(const Tiff *tiff, const TiffEntry *entry, uint64_t i);

/* Returns value `i` of an entry if its values are places of directories; otherwise 0. */
uint64_t tiff_pointer(const Tiff *tiff, const TiffEntry *entry, uint64_t i);
