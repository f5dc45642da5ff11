/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object for people: what it is, its thumbnails, and what happened to it, in order of time.
 */
#pragma once

#include "context.h"
#include "record.h"

#include <glib.h>
#include <stdbool.h>

bool show_view_print(const Context *context, const Record *record, GError **error);
