/* SPDX-License-Identifier: Apache-2.0 */
/* The size of the coded pictures of AV1, by their own headers. Takes any bytes. */
#pragma once

#include "formats/coded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The parts of a sequence header of AV1 that are needed to read the headers of its frames. */
typedef struct {
    /* False: there was no sequence header yet. */
    bool is_known;
    bool is_reduced;
    /* The decoder model is present: frame headers have times in them. */
    bool has_model;
    /* Bits of a frame's time; 0: none. */
    int time_bits;
    /* Bits of a frame's number; 0: none. */
    int id_bits;
    /* Bits of a frame's place in the order; 0: none. */
    int order_bits;
    /* 0, 1, or 2: each frame says. */
    int screen_tools;
    /* 0, 1, or 2: each frame says. */
    int whole_motion;
    int width_bits, height_bits;
} Av1Sequence;

/*
 * Reads the next OBU of AV1 in `size` bytes, at least one; *ret_size is the length of the OBU, at
 * least 1. `sequence` is all zero before the first OBU, and is passed on from one to the next. A
 * frame may have another size than the sequence: if that size depends on earlier frames, `pixels`
 * is the most that it can have.
 */
Coded coded_av1(const uint8_t *obus, size_t size, Av1Sequence *sequence, size_t *ret_size);

/*
 * Reads the colours of the first sequence header among OBUs. False: there is none, or it does not
 * state them.
 */
bool coded_av1_colors(const uint8_t *obus, size_t size, CodedColors *ret_colors);
