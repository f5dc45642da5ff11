/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the first picture of an image sequence (HEVC or AV1 in a track of `moov`), for files
 * without a picture of their own, which libheif does not read. Takes any bytes; decodes nothing.
 */
#pragma once

#include "formats/heif_layers.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Sets the colours' layer, the part, the turn and the colours of `picture`, if the file has such a
 * track; otherwise sets picture->unread, if it has tracks of other kinds. False: memory is short.
 */
bool heif_track_read(const void *data, size_t size, HeifPicture *picture);
