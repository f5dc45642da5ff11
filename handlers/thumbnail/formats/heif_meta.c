/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_meta.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define BOX_PITM    BOX_NAME('p', 'i', 't', 'm')
#define BOX_IINF    BOX_NAME('i', 'i', 'n', 'f')
#define BOX_INFE    BOX_NAME('i', 'n', 'f', 'e')
#define BOX_ILOC    BOX_NAME('i', 'l', 'o', 'c')
#define BOX_IDAT    BOX_NAME('i', 'd', 'a', 't')
#define BOX_IREF    BOX_NAME('i', 'r', 'e', 'f')
#define BOX_IPRP    BOX_NAME('i', 'p', 'r', 'p')
#define BOX_IPCO    BOX_NAME('i', 'p', 'c', 'o')
#define BOX_IPMA    BOX_NAME('i', 'p', 'm', 'a')
#define BOX_AUXL    BOX_NAME('a', 'u', 'x', 'l')
#define COLORS_NCLX BOX_NAME('n', 'c', 'l', 'x')
#define COLORS_PROF BOX_NAME('p', 'r', 'o', 'f')
#define COLORS_RICC BOX_NAME('r', 'I', 'C', 'C')

#define ITEMS_MAX      16384
#define PROPERTIES_MAX 32768

static int compare_items(const void *a, const void *b)
{
    uint32_t first = ((const HeifItem *)a)->id, second = ((const HeifItem *)b)->id;
    return (first > second) - (first < second);
}

HeifItem *heif_meta_find(const HeifMeta *meta, uint32_t id)
{
    return meta->n_items == 0 ? NULL
                              : bsearch(&(HeifItem){.id = id}, meta->items, meta->n_items,
                                        sizeof(HeifItem), compare_items);
}

uint32_t heif_read_id(Bytes *bytes, bool is_long)
{
    return (uint32_t)bytes_read(bytes, is_long ? 4 : 2);
}

/* Reads the list of the file's items, and sorts it by id. False: memory is short. */
static bool read_items(HeifMeta *meta)
{
    Bytes body;
    if (!box_find(meta->meta, BOX_IINF, &body))
        return true;
    uint64_t version = bytes_read(&body, 4) >> 24;
    uint32_t said = heif_read_id(&body, version > 0);
    size_t n = MIN(said, ITEMS_MAX);
    meta->items = g_try_new0(HeifItem, n + 1);
    if (meta->items == NULL)
        return false;
    Box box;
    while (meta->n_items < n && box_next(&body, &box)) {
        if (box.name != BOX_INFE)
            continue;
        version = bytes_read(&box.body, 4) >> 24;
        if (version < 2)
            continue;
        HeifItem *item = &meta->items[meta->n_items++];
        item->id = heif_read_id(&box.body, version > 2);
        /* The number of its protection. */
        item->is_odd = bytes_read(&box.body, 2) != 0;
        item->type = (uint32_t)bytes_read(&box.body, 4);
    }
    qsort(meta->items, meta->n_items, sizeof(HeifItem), compare_items);
    return true;
}

/* The bytes of numbers in `iloc`. */
typedef struct {
    size_t offset_bytes, len_bytes, index_bytes;
} PlaceForm;

/* The parts of an item, which lie in `whole` from `base` on. */
typedef struct {
    Bytes whole, body;
    uint64_t base, n;
    const PlaceForm *form;
} Parts;

/* Reads the next part. False: it lies outside. Empty: there is none. */
static bool next_part(Parts *parts, Bytes *ret_part)
{
    *ret_part = (Bytes){0};
    if (parts->n == 0 || bytes_left(&parts->body) == 0)
        return true;
    parts->n--;
    bytes_read(&parts->body, parts->form->index_bytes);
    uint64_t offset = bytes_read(&parts->body, parts->form->offset_bytes);
    uint64_t len = bytes_read(&parts->body, parts->form->len_bytes);
    uint64_t size = bytes_left(&parts->whole);
    if (size == 0 || parts->base > size || offset > size - parts->base ||
        len > size - parts->base - offset)
        return false;
    const uint8_t *at = parts->whole.at + parts->base + offset;
    *ret_part = (Bytes){at, at + len};
    return true;
}

void heif_joined_clear(HeifJoined *joined)
{
    for (size_t i = 0; i < joined->n_blocks; i++)
        g_free(joined->blocks[i].at);
    g_free(joined->blocks);
    *joined = (HeifJoined){0};
}

/*
 * Returns room for `size` bytes, zeroed. All items together have no more bytes than the file. NULL:
 * memory is short, or there are more.
 */
static uint8_t *add_block(HeifMeta *meta, size_t size)
{
    HeifJoined *joined = &meta->joined;
    if (size > bytes_left(&meta->file) - joined->size)
        return NULL;
    HeifBlock *blocks = g_try_renew(HeifBlock, joined->blocks, joined->n_blocks + 1);
    if (blocks == NULL)
        return NULL;
    joined->blocks = blocks;
    uint8_t *block = g_try_malloc0(size);
    if (block == NULL)
        return NULL;
    joined->blocks[joined->n_blocks++] = (HeifBlock){block, size};
    joined->size += size;
    return block;
}

/* Sets the bytes of an item, and joins those of parts that lie apart. */
static void set_data(HeifMeta *meta, HeifItem *item, const Parts *parts)
{
    Bytes part, all = {0};
    uint64_t size = 0;
    bool is_whole = true;
    item->data = (Bytes){0};
    for (Parts rest = *parts; rest.n > 0 && bytes_left(&rest.body) > 0;) {
        item->is_outside = !next_part(&rest, &part);
        if (item->is_outside)
            return;
        is_whole = is_whole && (size == 0 || part.at == all.end);
        all = size == 0 ? part : (Bytes){all.at, part.end};
        size += bytes_left(&part);
        /* The same place may be named any number of times. */
        if (size > bytes_left(&meta->file))
            return;
    }
    if (size == 0 || is_whole) {
        item->data = size == 0 ? (Bytes){0} : all;
        return;
    }
    uint8_t *block = add_block(meta, (size_t)size);
    if (block == NULL)
        return;
    item->data = (Bytes){block, block + size};
    for (Parts rest = *parts; next_part(&rest, &part) && part.at != NULL;
         block += bytes_left(&part))
        memcpy(block, part.at, bytes_left(&part));
}

static void skip_parts(Bytes *body, const Parts *parts)
{
    const PlaceForm *form = parts->form;
    size_t bytes = form->index_bytes + form->offset_bytes + form->len_bytes;
    body->at += MIN(parts->n * bytes, bytes_left(body));
}

/* Reads from the `iloc` box where in the file the data of each item lies. */
static void read_places(HeifMeta *meta)
{
    Bytes body;
    if (!box_find(meta->meta, BOX_ILOC, &body))
        return;
    uint64_t version = bytes_read(&body, 4) >> 24, sizes = bytes_read(&body, 2);
    size_t base_bytes = sizes >> 4 & 15;
    const PlaceForm form = {.offset_bytes = sizes >> 12,
                            .len_bytes = sizes >> 8 & 15,
                            .index_bytes = version > 0 ? sizes & 15 : 0};
    if (form.offset_bytes > 8 || form.len_bytes > 8 || base_bytes > 8 || form.index_bytes > 8)
        return;
    uint32_t n = heif_read_id(&body, version > 1);
    for (uint32_t i = 0; i < n && bytes_left(&body) > 0; i++) {
        HeifItem *item = heif_meta_find(meta, heif_read_id(&body, version > 1));
        uint64_t construction = version > 0 ? bytes_read(&body, 2) & 15 : 0;
        bool is_elsewhere = bytes_read(&body, 2) != 0;
        Parts parts = {.whole = construction == 1 ? meta->idat : meta->file, .form = &form};
        parts.base = bytes_read(&body, base_bytes);
        parts.n = bytes_read(&body, 2);
        parts.body = body;
        /* Parts without a length have no bytes. */
        if (item != NULL && !is_elsewhere && construction <= 1 && form.len_bytes > 0)
            set_data(meta, item, &parts);
        skip_parts(&body, &parts);
    }
}

static bool has_name_of_alpha(Bytes body)
{
    static const char *const names[] = {"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
                                        "urn:mpeg:hevc:2015:auxid:1"};
    bytes_read(&body, 4);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t len = strlen(names[i]) + 1;
        if (bytes_left(&body) >= len && memcmp(body.at, names[i], len) == 0)
            return true;
    }
    return false;
}

/* Adds a turn of the picture as far as it is turned already. */
static void turn(HeifItem *item, unsigned quarters)
{
    item->is_turned = true;
    item->quarters = (item->quarters + quarters) % 4;
}

/* Adds a mirroring to the turns that the item has so far. */
static void mirror(HeifItem *item, bool from_left_to_right)
{
    item->is_turned = true;
    item->quarters = (from_left_to_right ? 4 - item->quarters : 6 - item->quarters) % 4;
    item->is_mirrored = !item->is_mirrored;
}

static void set_config(HeifItem *item, HeifCoding coding, Bytes body)
{
    item->is_odd = item->is_odd || item->coding != HEIF_OTHER;
    item->coding = coding;
    item->config = body;
}

static void read_colors(HeifItem *item, Bytes body)
{
    uint64_t kind = bytes_read(&body, 4);
    if (kind == COLORS_PROF || kind == COLORS_RICC)
        item->profile = body;
    if (kind != COLORS_NCLX || bytes_left(&body) < 7)
        return;
    item->has_colors = true;
    item->colors.primaries = (int)bytes_read(&body, 2);
    item->colors.transfer = (int)bytes_read(&body, 2);
    item->colors.matrix = (int)bytes_read(&body, 2);
    item->colors.is_full = bytes_read(&body, 1) >> 7;
}

/*
 * Adds one property to an item. A property that is not known makes the item odd if readers have to
 * understand it.
 */
static void read_property(HeifItem *item, const Box *box, bool is_essential)
{
    Bytes body = box->body;
    switch (box->name) {
    case BOX_NAME('i', 's', 'p', 'e'):
        bytes_read(&body, 4);
        item->width = (int64_t)bytes_read(&body, 4);
        item->height = (int64_t)bytes_read(&body, 4);
        item->has_late_size = item->is_turned || item->has_crop;
        break;
    case BOX_NAME('h', 'v', 'c', 'C'):
        set_config(item, HEIF_HEVC, body);
        break;
    case BOX_NAME('a', 'v', '1', 'C'):
        set_config(item, HEIF_AV1, body);
        break;
    case BOX_NAME('a', 'u', 'x', 'C'):
        item->is_alpha = has_name_of_alpha(body);
        break;
    case BOX_NAME('c', 'o', 'l', 'r'):
        read_colors(item, body);
        break;
    case BOX_NAME('c', 'l', 'a', 'p'):
        item->is_odd = item->is_odd || item->has_crop || item->is_turned;
        item->has_crop = true;
        item->crop = body;
        break;
    case BOX_NAME('i', 'r', 'o', 't'):
        turn(item, bytes_read(&body, 1) & 3);
        break;
    case BOX_NAME('i', 'm', 'i', 'r'):
        mirror(item, bytes_read(&body, 1) & 1);
        break;
    case BOX_NAME('p', 'i', 'x', 'i'):
    case BOX_NAME('p', 'a', 's', 'p'):
        break;
    default:
        item->is_odd = item->is_odd || is_essential;
    }
}

/* Reads from the `ipma` box which item has which properties. */
static void read_associations(HeifMeta *meta, Bytes body)
{
    uint64_t head = bytes_read(&body, 4);
    bool is_long = head >> 24 > 0, is_wide = head & 1;
    bytes_read(&body, 4);
    while (bytes_left(&body) > 2) {
        HeifItem *item = heif_meta_find(meta, heif_read_id(&body, is_long));
        uint64_t n = bytes_read(&body, 1);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t value = bytes_read(&body, is_wide ? 2 : 1);
            uint64_t index = value & (is_wide ? 0x7fff : 0x7f);
            if (item != NULL && index > 0 && index <= meta->n_properties)
                read_property(item, &meta->properties[index - 1], value >> (is_wide ? 15 : 7));
        }
    }
}

/* Reads the properties of all items. False: memory is short. */
static bool read_properties(HeifMeta *meta)
{
    Bytes iprp, boxes;
    Box box;
    if (!box_find(meta->meta, BOX_IPRP, &iprp) || !box_find(iprp, BOX_IPCO, &boxes))
        return true;
    size_t n = 0;
    for (Bytes rest = boxes; n < PROPERTIES_MAX && box_next(&rest, &box);)
        n++;
    meta->properties = g_try_new0(Box, n + 1);
    if (meta->properties == NULL)
        return false;
    while (meta->n_properties < n && box_next(&boxes, &meta->properties[meta->n_properties]))
        meta->n_properties++;
    while (box_next(&iprp, &box)) {
        if (box.name == BOX_IPMA)
            read_associations(meta, box.body);
    }
    return true;
}

bool heif_next_references(Bytes *iref, bool is_long, uint32_t kind, uint32_t *ret_from,
                          Bytes *ret_to)
{
    Box box;
    while (box_next(iref, &box)) {
        if (box.name != kind)
            continue;
        *ret_from = heif_read_id(&box.body, is_long);
        bytes_read(&box.body, 2);
        *ret_to = box.body;
        return true;
    }
    return false;
}

bool heif_meta_references(const HeifMeta *meta, Bytes *ret_iref, bool *ret_is_long)
{
    if (!box_find(meta->meta, BOX_IREF, ret_iref))
        return false;
    *ret_is_long = bytes_read(ret_iref, 4) >> 24 > 0;
    return true;
}

/* Tells each item which other item is its alpha. */
static void read_alphas(HeifMeta *meta)
{
    Bytes iref, to;
    bool is_long;
    uint32_t from;
    if (!heif_meta_references(meta, &iref, &is_long))
        return;
    while (heif_next_references(&iref, is_long, BOX_AUXL, &from, &to)) {
        const HeifItem *alpha = heif_meta_find(meta, from);
        while (alpha != NULL && alpha->is_alpha && bytes_left(&to) > 0) {
            HeifItem *item = heif_meta_find(meta, heif_read_id(&to, is_long));
            if (item != NULL && item->alpha == NULL)
                item->alpha = alpha;
        }
    }
}

bool heif_meta_read(Bytes file, Bytes body, HeifMeta *ret_meta)
{
    HeifMeta *meta = ret_meta;
    Bytes primary;
    *meta = (HeifMeta){.file = file, .meta = body};
    bytes_read(&meta->meta, 4);
    if (!box_find(meta->meta, BOX_PITM, &primary))
        return true;
    bool is_long = bytes_read(&primary, 4) >> 24 > 0;
    meta->primary = heif_read_id(&primary, is_long);
    meta->has_primary = true;
    (void)box_find(meta->meta, BOX_IDAT, &meta->idat);
    if (!read_items(meta))
        return false;
    read_places(meta);
    if (!read_properties(meta))
        return false;
    read_alphas(meta);
    return true;
}

void heif_meta_clear(HeifMeta *meta)
{
    g_clear_pointer(&meta->items, g_free);
    g_clear_pointer(&meta->properties, g_free);
    heif_joined_clear(&meta->joined);
}
