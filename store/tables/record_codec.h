/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary form of a record: a fixed little-endian struct with a layout version, then the
 * variable parts. The decoder accepts any bytes: it returns a record within the limits of record.h,
 * or ERROR_STORE_CORRUPT. It is fuzzed. Private to the store.
 */
#pragma once

#include "store/record.h"

/* Appends the binary form to `buffer`. */
void record_encode(const Record *record, GByteArray *buffer);

/*
 * Decodes a record. record->key points into `data`. Does not allocate. Errors: ERROR_STORE_CORRUPT.
 */
bool record_decode(const void *data, size_t len, Record *ret_record, GError **error);
