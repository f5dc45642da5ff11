/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of single records that a command asks for: dead letters tried again, or given up for
 * good.
 */
#pragma once

#include "config.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    EDIT_RETRY, /* a dead object is pending again, with all its tries */
    EDIT_DROP,  /* a dead object is skipped from now on, until its bytes change */
} EditAction;

/* "retry" or "drop". Static. */
const char *edit_action_name(EditAction action);

/*
 * Changes the objects of a bucket, through its daemon or, where none runs, under its lock. Objects
 * that are not dead, or not there any more, are left alone. *ret_changed: how many were changed.
 * Errors: ERROR_LOCKED, those of the store.
 */
bool edit_objects(const char *bucket, const Config *config, EditAction action,
                  const char *const *keys, size_t n_keys, uint64_t *ret_changed, GError **error);
