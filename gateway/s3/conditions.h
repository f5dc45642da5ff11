/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional requests and ranges (RFC 9110, sections 13 and 14). Pure functions. */
#pragma once

#include "http/head.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { CONDITION_HOLDS, CONDITION_NOT_MODIFIED, CONDITION_FAILED } Condition;

/* Checks the conditions of a read. `etag`: ETag of the object, without quotes. `mtime_s`: second of
 * its last change. */
Condition conditions_check(const HttpHead *head, const char *etag, int64_t mtime_s);

/* True if the list of ETags in the header If-Match or If-None-Match has `etag` (without quotes), or
 * is "*". */
bool condition_names(const char *header, const char *etag);

/* Conditions of a write: what the object that it replaces or removes has to be. */
typedef struct {
    /* There may be no object. */
    bool is_new_only;
    /* Value of If-None-Match: the object has none of these ETags. NULL: no such condition. */
    char *none_match;
    /* Value of If-Match: the object has one of these ETags. NULL: no such condition. */
    char *match;
    /* Size that the object must have, bytes; -1: any. */
    int64_t size;
    /* Second of its last change; -1: any. */
    int64_t mtime_s;
} WriteCondition;

void write_condition_clear(WriteCondition *condition);

/* Reads If-None-Match and If-Match of a write. Owner: write_condition_clear. */
void write_condition_read(const HttpHead *head, WriteCondition *ret_condition);

/* True if an object with this ETag (without quotes), size and second of its last change may be
 * replaced or removed. */
bool write_condition_holds(const WriteCondition *condition, const char *etag, int64_t size,
                           int64_t mtime_s);

/* Parses a date like "Sun, 06 Nov 1994 08:49:37 GMT" into seconds since 1970. False: it is none. */
bool http_date_parse(const char *text, int64_t *ret_s);
/* Formats seconds since 1970 as such a date. Owner: the caller frees. */
char *http_date_format(int64_t time_s);

typedef enum { RANGE_NONE, RANGE_PART, RANGE_BAD } RangeKind;

/* Parses a single range of an object of `size` bytes. RANGE_NONE: the whole object is meant, also
 * if `header` is NULL or is not understood. RANGE_BAD: the object has none of the bytes. */
RangeKind range_parse(const char *header, int64_t size, int64_t *ret_offset, int64_t *ret_len);
