/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The items of a HEIC or AVIF file, with their properties, as the `meta` box lists them. Takes any
 * bytes; decodes nothing. Sources: ISO/IEC 14496-12, 23008-12; AV1 Image File Format.
 */
#pragma once

#include "formats/boxes.h"
#include "formats/coded.h"
#include "formats/heif_layers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEIF_SIDE_MAX 65535

typedef struct HeifItem HeifItem;

struct HeifItem {
    uint32_t id, type;
    /* In the file, or joined. Empty: the item has no bytes, or they lie outside of the file. */
    Bytes data;
    bool is_outside;
    int64_t width, height;
    /* The size stands behind a turn or a cut. It is the size before them all the same. */
    bool has_late_size;
    HeifCoding coding;
    Bytes config;
    bool is_alpha;
    /* A property that must be understood is not, or one comes twice or in an odd place. */
    bool is_odd;
    /* The last body of `clap`. */
    Bytes crop;
    bool has_crop;
    /* Mirrored from left to right, then turned anti-clockwise. */
    bool is_turned, is_mirrored;
    unsigned quarters;
    bool has_colors;
    CodedColors colors;
    /* An ICC profile; empty: none. */
    Bytes profile;
    /* NULL: it has none. */
    const HeifItem *alpha;
};

typedef struct {
    Bytes file, meta, idat;
    /* Sorted by `id`. */
    HeifItem *items;
    size_t n_items;
    Box *properties;
    size_t n_properties;
    bool has_primary;
    uint32_t primary;
    /* Bytes of items whose parts lie apart. */
    HeifJoined joined;
} HeifMeta;

/*
 * Reads the body of a `meta` box. A file without a primary item has no items. False: memory is
 * short. Owner: heif_meta_clear, also after false; the file must outlive the items. `joined` may be
 * moved, and must outlive the items, too.
 */
bool heif_meta_read(Bytes file, Bytes body, HeifMeta *ret_meta);

void heif_meta_clear(HeifMeta *meta);

void heif_joined_clear(HeifJoined *joined);

/* Finds the item of an id. Borrowed; NULL: there is no such item. */
HeifItem *heif_meta_find(const HeifMeta *meta, uint32_t id);

/* Reads the id of an item: a number of two bytes, or of four if `is_long`. */
uint32_t heif_read_id(Bytes *bytes, bool is_long);

/* Finds the references between items. False: there are none. */
bool heif_meta_references(const HeifMeta *meta, Bytes *ret_iref, bool *ret_is_long);

/* Reads on to the next box of references of a kind. False: no further one. */
bool heif_next_references(Bytes *iref, bool is_long, uint32_t kind, uint32_t *ret_from,
                          Bytes *ret_to);
