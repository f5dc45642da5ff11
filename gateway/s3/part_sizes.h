/* SPDX-License-Identifier: Apache-2.0 */
/* The sizes of an object's parts as a text: "5242880*3;1048576" is three parts of 5 MiB and one of
 * 1 MiB. Pure functions. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest text, bytes. It shares an extended attribute with the metadata of its object. */
#define PART_SIZES_MAX 1000

/* Formats the sizes of `parts`, whose elements are MultipartPart. NULL: the text is longer than
 * PART_SIZES_MAX. Owner: the caller frees. */
char *part_sizes_format(const GArray *parts);

typedef struct {
    int64_t offset, len;
} PartPlace;

/* Finds the part `number`, counted from 1. *ret_count: number of parts. False: the text cannot be
 * read, or there is no such part; *ret_count is 0 if it cannot be read. */
bool part_sizes_find(const char *text, unsigned number, PartPlace *ret_place, unsigned *ret_count);
