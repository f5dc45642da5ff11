/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The colours of a picture of HEIC or AVIF: those that the file states beside the coded picture,
 * those in the coded picture itself, and for a smaller picture those of the picture that it shows.
 * Source: ISO/IEC 23008-12; ITU-T H.273.
 */
#pragma once

#include "formats/heif_layers.h"

/* Completes the colours that the file states beside the picture by those in the coded picture. */
void heif_colors_complete(HeifPicture *picture);

/*
 * Completes the colours of a smaller picture of `picture`, whose colours are complete. If the file
 * states none beside the smaller one, it has those of `picture`, except the matrix and the range,
 * which are those in the coded picture. The profile stays in the file.
 */
void heif_colors_complete_small(HeifPicture *small, const HeifPicture *picture);
