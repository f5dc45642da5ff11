/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object for people: its properties, its thumbnails, and its events and attempts in order of
 * time.
 */
#pragma once

#include "context.h"
#include "store/record.h"

#include <glib.h>
#include <stdbool.h>

bool show_view_print(const Context *context, const Record *record, GError **error);
