/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object's record as a row of `thumbq list --csv`: the fields of its JSON, with thumbnails as
 * count and bytes.
 */
#pragma once

#include "record.h"

/* Writes the names of the columns to stdout. */
void object_csv_print_heading(void);

/* Writes one row to stdout. */
void object_csv_print(const Record *record);
