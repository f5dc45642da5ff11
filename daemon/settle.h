/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source that follows each turn of the loop: it starts work and back-fill jobs. If no
 * work is left, it commits, answers the commands that wait for that, and ends `run --once`. No
 * module has to ask for it: it is called once after any other source.
 */
#pragma once

#include <glib.h>

typedef struct Daemon Daemon;

/* Adds the source to the loop until settle_free. */
GSource *settle_new(Daemon *daemon);
void settle_free(GSource *settle);
