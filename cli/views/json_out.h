/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON on stdout. Values are built with jansson and with model/json_value.h.
 */
#pragma once

#include "model/json_value.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Writes `value` to stdout as one line. Takes ownership of `value`. */
void json_out_print(json_t *value);

/*
 * Writes one object whose last member `key` is a list. Items are written one by one, so that a long
 * list needs no memory. `object` has the members before the list, at least one. Takes ownership of
 * all values.
 */
void json_out_begin_list(json_t *object, const char *key);
void json_out_add_item(json_t *item, bool is_first);
void json_out_end_list(void);
