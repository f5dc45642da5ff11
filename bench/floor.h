/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the least work that any program needs to make a thumbnail of a JPEG. TurboJPEG decodes
 * the picture from memory at the handler's scale and encodes a picture of the thumbnail's size.
 * There are no files, no resizing and no checks.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Floor Floor;

/*
 * Makes a floor for a JPEG in memory (borrowed) and its thumbnail, whose pixels are encoded.
 * Returns NULL if TurboJPEG cannot read one of them. Owner: floor_free.
 */
Floor *floor_new(const void *data, size_t size, const void *thumbnail, size_t thumbnail_size,
                 int quality);

/* Decodes and encodes once. */
bool floor_run(Floor *floor);

/* The N of the decoding scale 1/N. */
int floor_denominator(const Floor *floor);

void floor_free(Floor *floor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Floor, floor_free)
