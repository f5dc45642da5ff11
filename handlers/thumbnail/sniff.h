/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is, by its first bytes: never by its name, and without a decoder.
 *
 * Only says what the file claims to be. Needs neither libvips nor memory of its own.
 */
#pragma once

#include "image.h"

#include <stddef.h>

/* Bytes that are enough to tell every type; fewer are fine for a file that is shorter. */
#define SNIFF_BYTES 256

/*
 * The type of the file that begins with `data`: one of the types that have a name of their own,
 * IMAGE_OTHER for a picture of any other kind, IMAGE_NONE for anything else.
 * For the container HEIF shares, the answer is the brand's; the coding inside may yet differ.
 */
ImageType sniff_type(const void *data, size_t len);

/*
 * Of a picture of a type that is not read: what it is, and what to do ("SVG is not read; ...").
 * NULL where nothing better is known than its type. Static.
 */
const char *sniff_unread(const void *data, size_t len);
