/* SPDX-License-Identifier: Apache-2.0 */
/* The parameter sets of HEVC that stand beside a coded picture (`hvcC`). Takes any bytes. */
#pragma once

#include "formats/boxes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* Bytes of the length in front of each NAL unit of the picture. */
    size_t len_bytes;
    /* Bits of the luma. */
    int bits;
    /* Of the rest: arrays, and units of the present array. */
    uint64_t n_arrays, n_units;
    Bytes rest;
} HevcConfig;

/* Begins to read the body of `hvcC`. False: it is too short. Source: ISO/IEC 14496-15, 8.3.3.1. */
bool hevc_config_open(Bytes body, HevcConfig *ret_config);

/* Reads the next parameter set. False: there are no more. */
bool hevc_config_next(HevcConfig *config, Bytes *ret_nal);

/* Reads the next NAL unit of a coded picture. False: there are no more, or it is cut. */
bool hevc_next_unit(Bytes *data, size_t len_bytes, Bytes *ret_nal);
