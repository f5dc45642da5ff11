/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the decoder of entropy.h into libjpeg-turbo, in place of the one for baseline Huffman data.
 * All else stays libjpeg's: header, transforms, colours. The pixels are the same, bit by bit.
 *
 * libjpeg-turbo has no interface for that: the pointer lies in a struct of jpegint.h. It is only
 * written to in the version of libjpeg-turbo whose jpegint.h this was compiled with, once a picture
 * that was made at the start has come out the same with the hook and without. Everywhere else, and
 * for progressive, arithmetic and multi-scan files, libjpeg decodes.
 *
 * For one thread: tables are kept from picture to picture, so only one picture is decoded at a
 * time.
 */
#pragma once

#include "formats/jpeg_scans.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

/* Making the tables of a smaller file takes longer than is won. */
#define JPEG_HOOK_SIZE_MIN (12 << 10)

/*
 * Finds out whether the hook works here. The first call takes a millisecond; the fork server makes
 * it, for all of its workers.
 */
bool jpeg_hook_works(void);

/*
 * Sets the hook for the picture, if it works and the picture is of the kind. Call it when
 * jpeg_start_decompress has returned, with a source in memory, before the first row. Data that
 * libjpeg would warn of make the next call of libjpeg fail: then decode the file again, without the
 * hook, as libjpeg does. Returns true if the hook is set.
 */
bool jpeg_hook_set(struct jpeg_decompress_struct *cinfo);

/*
 * For a progressive file of which only DC is needed. libjpeg would keep all coefficients, 64 for
 * each that is used. jpeg_hook_flatten has libjpeg take the file for a baseline one: call it before
 * jpeg_start_decompress. False: the file stays as it is. Once that has returned,
 * jpeg_hook_set_values decodes DC, which the hook hands to libjpeg. *ret_values: to be freed by
 * g_free when the picture is finished. False if the data are refused, or memory is short: then
 * decode the file again, without this.
 */
bool jpeg_hook_flatten(struct jpeg_decompress_struct *cinfo, const JpegDcScans *scans);
bool jpeg_hook_set_values(struct jpeg_decompress_struct *cinfo, const JpegDcScans *scans,
                          int16_t **ret_values);
