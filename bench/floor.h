/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what no program that makes a thumbnail of a JPEG can do without. TurboJPEG decodes it
 * from memory at the scale the handler decodes at, and encodes a picture of the thumbnail's size;
 * no file, no resizing, no checks.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Floor Floor;

/*
 * For a JPEG in memory (borrowed) and a thumbnail made of it, whose pixels are what is encoded.
 * NULL where TurboJPEG cannot read either. Owner: floor_free.
 */
Floor *floor_new(const void *data, size_t size, const void *thumbnail, size_t thumbnail_size,
                 int quality);

/* Decodes and encodes once. */
bool floor_run(Floor *floor);

/* The 1/N it decodes at. */
int floor_denominator(const Floor *floor);

void floor_free(Floor *floor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Floor, floor_free)
