/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the descriptors that can outlive their names. See held.c. Reopening is logged. */
#pragma once

#include "journal/recovery.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Held Held;

/* The things that no longer lie where their names say. */
typedef enum {
    HELD_STATE = 1 << 0,
    HELD_LOCK = 1 << 1,
    HELD_STORE = 1 << 2,
    HELD_PREFIX = 1 << 3,
} HeldThings;

/* Callbacks while the names are watched, from the event loop. */
typedef struct {
    /* A thing was removed or moved. Returns true if all things are in place. */
    bool (*moved)(void *data);
    /* All things were in place; called a second later. */
    void (*quiet)(void *data);
    void *data;
} HeldCallbacks;

/* Copies `callbacks`. Owner: held_free. */
Held *held_new(BucketState *state, Recovery *recovery, const HeldCallbacks *callbacks);
void held_free(Held *held);

/* Compares the open descriptors with the names. Returns the things that differ. */
HeldThings held_check(Held *held);

/* Reopens or makes the things that lie elsewhere, and reopens the store in any case. */
bool held_renew(Held *held, GError **error);

/* Watches the names from now on. A further call watches the files that have the names at that
 * time. */
void held_watch(Held *held);
void held_unwatch(Held *held);
