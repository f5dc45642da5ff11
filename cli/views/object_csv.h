/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a row of `thumbq list --csv`: the fields of its JSON, with the number and bytes of
 * the thumbnails instead of a list.
 */
#pragma once

#include "store/record.h"

/* Prints the names of the columns to stdout. */
void object_csv_print_heading(void);

/* Prints one row to stdout. */
void object_csv_print(const Record *record);
