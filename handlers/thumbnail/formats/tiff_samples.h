/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts rows of TIFF samples of any size and kind to samples of 8 or 16 bits, or to float
 * numbers. Whole numbers are scaled so that their largest value becomes the largest; signed ones
 * are moved up so that their smallest becomes 0. Needs neither libtiff nor libvips. Source: TIFF
 * 6.0, sections 3, 4, 19 and 23; TIFF technical note 3 (float samples).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    SAMPLES_8,
    SAMPLES_16,
    SAMPLES_FLOAT,
} SamplesKind;

typedef struct {
    /* 1..64. */
    unsigned bits;
    bool is_signed, is_float;
    /* White is 0, in the first sample of each pixel. Others are alpha, or of unknown meaning. */
    bool is_inverted;
    /* The first sample of each pixel is an index: a number that stays as it is. */
    bool is_index;
    /*
     * The samples of a pixel are L*, a* and b*, and alpha. They become L* from 0 to 100, a* and b*
     * as they are, and alpha from 0 to 1. Float numbers of alpha are those of libvips, which end
     * at 255.
     */
    bool is_lab;
    /* The place of a row's first sample in its pixel; not 0 in separate planes. */
    unsigned band;
    /* Samples of a pixel in a row; 0 or 1: each sample is the first of its pixel. */
    unsigned per_pixel;
} Samples;

/* True if samples of this kind can be converted; *ret_kind is what they become. */
bool samples_are_known(const Samples *samples, SamplesKind *ret_kind);

/* Returns the bytes of one converted sample. */
size_t samples_bytes(SamplesKind kind);

/*
 * Converts `n` samples of a row, packed as in the file, but in the order of bytes of this machine
 * (as libtiff returns them). They go to every `step`th sample of `to`.
 */
void samples_convert(const Samples *samples, const uint8_t *row, size_t n, void *to, size_t step);

/*
 * Divides the colours of `n` pixels by their alpha, which is the band `alpha` of `bands`, as in a
 * picture whose colours were multiplied by it. Source: TIFF 6.0, section 18 (associated alpha).
 */
void samples_divide_by_alpha(SamplesKind kind, void *pixels, size_t n, int bands, int alpha);
