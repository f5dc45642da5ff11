/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes a picture to the bytes of a thumbnail. */
#pragma once

#include "formats/metadata.h"
#include "model/image.h"
#include "pixels/picture.h"

#include <glib.h>

/* True if this machine's libraries have code to write `type`. */
bool encode_can_write(ImageType type);

/*
 * True if this machine's libraries really write `type`: writes a small picture, as the code may
 * lack its encoder.
 */
bool encode_proves(ImageType type);

/* False if pictures of `type` have no alpha. */
bool encode_accepts_alpha(ImageType type);

/* True if the encoder takes planes (see planes.h) without a loss against red, green and blue. */
bool encode_accepts_planes(ImageType type, int quality);

/* True if the encoder works best with narrow values of planes. */
bool encode_accepts_narrow(ImageType type);

/* True if metadata can be added to files of `type`: see encode_embed. */
bool encode_accepts_metadata(ImageType type);

/*
 * Encodes `picture` without metadata. It may have alpha and planes only if `type` takes them.
 * `quality` 1..100 means nothing to PNG. Errors: ERROR_UNSUPPORTED_TYPE, ERROR_OUT_OF_MEMORY,
 * ERROR_INTERNAL. Owner: the caller.
 */
GBytes *encode_picture(const Picture *picture, ImageType type, int quality, GError **error);

/* Does metadata_embed for a file of `type`; a type that takes no metadata stays without. */
GBytes *encode_embed(GBytes *bytes, ImageType type, const Metadata *metadata, unsigned keep);
