/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the coded pictures of which the shown picture of a HEIC or AVIF file is made, so that they
 * can be decoded one by one (heif_image.h). libheif decodes them all into one picture, converts it
 * as a whole, and needs several times its bytes. Takes any bytes; decodes nothing.
 */
#pragma once

#include "formats/heif_layers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the first `meta` box; without one, or without a primary picture in it, the first image
 * sequence. False: memory is short. The references must have passed heif_tiles_check. Owner:
 * heif_picture_clear; the file must outlive the picture.
 */
bool heif_picture_read(const void *data, size_t size, HeifPicture *ret_picture);

void heif_picture_clear(HeifPicture *picture);

/* Clears the picture, and frees its memory, too. Takes NULL. */
void heif_picture_free(HeifPicture *picture);
