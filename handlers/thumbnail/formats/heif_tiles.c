/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_tiles.h"

#include "base/error.h"
#include "formats/boxes.h"

#include <stdlib.h>

/* Source: ISO/IEC 14496-12 (boxes, `meta`, `iref`), 23008-12 (`iprp`, `ispe`, derived images). */
#define BOX_META BOX_NAME('m', 'e', 't', 'a')
#define BOX_PITM BOX_NAME('p', 'i', 't', 'm')
#define BOX_IREF BOX_NAME('i', 'r', 'e', 'f')
#define BOX_IPRP BOX_NAME('i', 'p', 'r', 'p')
#define BOX_IPCO BOX_NAME('i', 'p', 'c', 'o')
#define BOX_IPMA BOX_NAME('i', 'p', 'm', 'a')
#define BOX_ISPE BOX_NAME('i', 's', 'p', 'e')
#define BOX_UUID BOX_NAME('u', 'u', 'i', 'd')
/* From a picture to the pictures that it is made of. */
#define REFERENCE_DIMG BOX_NAME('d', 'i', 'm', 'g')
/* To a picture from its alpha, depth, ... */
#define REFERENCE_AUXL BOX_NAME('a', 'u', 'x', 'l')

/* Property numbers have 15 bits. */
#define PROPERTIES_MAX (1 << 15)
/* More than any decoder takes; a product of two does not overflow. */
#define SIDE_MAX (1 << 20)

/*
 * The longest chain of references: a picture of pictures of tiles, which have alpha, which is of
 * tiles.
 */
#define HOPS_MAX 4

typedef struct {
    uint32_t item;
    /* As its property says; 0: none. */
    int64_t pixels;
    /* The references of the item: the first, and how many. */
    size_t first, n;
    bool derived;
} Node;

/* A reference: one item has to be decoded for the other. */
typedef struct {
    /* Items. */
    uint32_t from, to;
    /* `from` is made of `to`; otherwise `to` is its alpha or the like. */
    bool derives;
    /* Node of `to`, once there are nodes. */
    const Node *node;
} Reference;

typedef struct {
    /* Sorted by `from` in the end. */
    Reference *references;
    size_t n_references;
    /* Sorted by `item`. */
    Node *nodes;
    size_t n_nodes;
    /* Pixels by the number of the property, from 1 on; 0: no size. */
    int64_t *sizes;
    int64_t max_pixels;
    bool has_primary;
    /* The item that is shown. */
    uint32_t primary;
    HeifClaims claims;
} Heif;

/* The work of decoding one picture. */
typedef struct {
    uint32_t item;
    int tiles, derived;
    int64_t pixels;
} Work;

typedef bool (*Visit)(Heif *heif, Bytes body, GError **error);

/* Calls `visit` for each box of a name among `boxes`, until it returns false. */
static bool each_box(Heif *heif, Bytes boxes, uint32_t name, Visit visit, GError **error)
{
    Box box;
    while (box_next(&boxes, &box)) {
        if (box.name == name && !visit(heif, box.body, error))
            return false;
    }
    return true;
}

static bool add_reference(Heif *heif, uint32_t from, uint32_t to, bool derives, GError **error)
{
    if (heif->n_references == HEIF_REFERENCES_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "more than %d references to tiles, which is the limit", HEIF_REFERENCES_MAX);
        return false;
    }
    heif->references[heif->n_references++] = (Reference){from, to, derives, NULL};
    return true;
}

/*
 * Reads references of one kind from one item. Some readers go by the size of the box, others
 * (libheif) by the number of references, and these read 16 bytes more behind a name "uuid". A box
 * that a reader could understand otherwise is an error.
 */
static bool read_references(Heif *heif, const Box *box, size_t id_bytes, GError **error)
{
    Bytes body = box->body;
    bool cut = bytes_left(&body) < id_bytes + 2;
    uint32_t from = (uint32_t)bytes_read(&body, id_bytes);
    size_t n = (size_t)bytes_read(&body, 2);
    if (cut || bytes_left(&body) != n * id_bytes || box->name == BOX_UUID) {
        g_set_error(error, THUMBQ_ERROR, ERROR_DAMAGED,
                    "the references of item %u do not fill their box", from);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t to = (uint32_t)bytes_read(&body, id_bytes);
        if ((box->name == REFERENCE_DIMG && !add_reference(heif, from, to, true, error)) ||
            (box->name == REFERENCE_AUXL && !add_reference(heif, to, from, false, error)))
            return false;
    }
    return true;
}

static bool read_iref(Heif *heif, Bytes body, GError **error)
{
    size_t id_bytes = bytes_read(&body, 4) >> 24 == 0 ? 2 : 4;
    Box box;
    while (box_next(&body, &box)) {
        if (!read_references(heif, &box, id_bytes, error))
            return false;
    }
    return true;
}

/* Reads from the `ipco` box the sizes that items can refer to. */
static bool read_ipco(Heif *heif, Bytes body, GError **error)
{
    (void)error;
    Box box;
    for (size_t i = 1; i < PROPERTIES_MAX && box_next(&body, &box); i++) {
        if (box.name != BOX_ISPE)
            continue;
        bytes_read(&box.body, 4);
        int64_t width = (int64_t)bytes_read(&box.body, 4),
                height = (int64_t)bytes_read(&box.body, 4);
        width = MIN(width, SIDE_MAX);
        height = MIN(height, SIDE_MAX);
        heif->sizes[i] = MAX(heif->sizes[i], width * height);
        heif->claims.largest = MAX(heif->claims.largest, width * height);
    }
    return true;
}

static int compare_nodes(const void *a, const void *b)
{
    uint32_t first = ((const Node *)a)->item, second = ((const Node *)b)->item;
    return (first > second) - (first < second);
}

static Node *find_node(const Heif *heif, uint32_t item)
{
    return bsearch(&(Node){.item = item}, heif->nodes, heif->n_nodes, sizeof(Node), compare_nodes);
}

/* Reads from the `ipma` box which item has which property, and so the size of each. */
static bool read_ipma(Heif *heif, Bytes body, GError **error)
{
    (void)error;
    uint32_t head = (uint32_t)bytes_read(&body, 4);
    size_t id_bytes = head >> 24 == 0 ? 2 : 4;
    size_t index_bytes = head & 1 ? 2 : 1;
    /* The number of entries, which is not needed: reading ends with the body. */
    bytes_read(&body, 4);
    while (bytes_left(&body) > id_bytes) {
        uint32_t item = (uint32_t)bytes_read(&body, id_bytes);
        bool is_primary = heif->has_primary && item == heif->primary;
        Node *node = find_node(heif, item);
        size_t n = (size_t)bytes_read(&body, 1);
        for (size_t i = 0; i < n; i++) {
            uint64_t index = bytes_read(&body, index_bytes) & (head & 1 ? 0x7fff : 0x7f);
            if (node != NULL)
                node->pixels = MAX(node->pixels, heif->sizes[index]);
            if (is_primary)
                heif->claims.primary = MAX(heif->claims.primary, heif->sizes[index]);
        }
    }
    return true;
}

/* Reads the primary item. The first such box counts, as it does for libheif. */
static bool read_pitm(Heif *heif, Bytes body, GError **error)
{
    (void)error;
    size_t id_bytes = bytes_read(&body, 4) >> 24 == 0 ? 2 : 4;
    if (!heif->has_primary)
        heif->primary = (uint32_t)bytes_read(&body, id_bytes);
    heif->has_primary = true;
    return true;
}

static bool read_iprp_sizes(Heif *heif, Bytes body, GError **error)
{
    return each_box(heif, body, BOX_IPCO, read_ipco, error);
}

static bool read_iprp_items(Heif *heif, Bytes body, GError **error)
{
    return each_box(heif, body, BOX_IPMA, read_ipma, error);
}

static bool read_meta_references(Heif *heif, Bytes body, GError **error)
{
    bytes_read(&body, 4);
    return each_box(heif, body, BOX_IREF, read_iref, error);
}

/* Reads the sizes of the pictures in a `meta` box, which begins with four bytes of flags. */
static bool read_meta_sizes(Heif *heif, Bytes body, GError **error)
{
    bytes_read(&body, 4);
    (void)each_box(heif, body, BOX_PITM, read_pitm, NULL);
    return each_box(heif, body, BOX_IPRP, read_iprp_sizes, error);
}

static bool read_meta_items(Heif *heif, Bytes body, GError **error)
{
    bytes_read(&body, 4);
    return each_box(heif, body, BOX_IPRP, read_iprp_items, error);
}

static int compare_references(const void *a, const void *b)
{
    uint32_t first = ((const Reference *)a)->from, second = ((const Reference *)b)->from;
    return (first > second) - (first < second);
}

/* Makes one node for each item that a reference names. */
static void make_nodes(Heif *heif)
{
    qsort(heif->references, heif->n_references, sizeof(Reference), compare_references);
    size_t n = 0;
    for (size_t i = 0; i < heif->n_references; i++) {
        heif->nodes[n++] = (Node){.item = heif->references[i].from};
        heif->nodes[n++] = (Node){.item = heif->references[i].to};
    }
    qsort(heif->nodes, n, sizeof(Node), compare_nodes);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || heif->nodes[i].item != heif->nodes[i - 1].item)
            heif->nodes[heif->n_nodes++] = heif->nodes[i];
    }
    for (size_t i = heif->n_references; i-- > 0;) {
        Node *node = find_node(heif, heif->references[i].from);
        node->first = i;
        node->n++;
        node->derived = node->derived || heif->references[i].derives;
        heif->references[i].node = find_node(heif, heif->references[i].to);
    }
}

/* Fails if decoding one picture takes more than one of the limits. */
static bool check_work(const Heif *heif, const Work *work, GError **error)
{
    int64_t limit =
        heif->max_pixels * HEIF_PIXELS_FACTOR + (int64_t)HEIF_REFERENCES_MAX * HEIF_TILE_PIXELS_MIN;
    if (work->tiles > HEIF_REFERENCES_MAX)
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "picture %u is made of more than %d tiles, which is the limit", work->item,
                    HEIF_REFERENCES_MAX);
    else if (work->derived > HEIF_DERIVED_MAX)
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "picture %u is made of more than %d pictures of tiles, which is the limit",
                    work->item, HEIF_DERIVED_MAX);
    else if (work->pixels > limit)
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "picture %u is made of tiles with more than %" G_GINT64_FORMAT
                    " pixels, which is the limit",
                    work->item, (gint64)limit);
    else
        return true;
    return false;
}

/*
 * Adds the work of decoding `node`, which lies in `depth` pictures that are made of others. `hops`
 * references lead to it. Each visit adds to `work`, whose limits end the recursion.
 */
static bool add_work(const Heif *heif, const Node *node, int depth, int hops, Work *work,
                     GError **error)
{
    int inside = depth + node->derived;
    if (inside > HEIF_DEPTH_MAX || hops > HOPS_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE,
                    "picture %u is made of pictures that are made of others in turn, more than "
                    "%d deep",
                    work->item, HEIF_DEPTH_MAX);
        return false;
    }
    if (node->derived) {
        work->derived++;
    } else {
        work->tiles++;
        work->pixels += MAX(node->pixels, HEIF_TILE_PIXELS_MIN);
    }
    if (!check_work(heif, work, error))
        return false;
    for (size_t i = node->first; i < node->first + node->n; i++) {
        const Reference *reference = &heif->references[i];
        /* The alpha of a picture is no deeper than the picture. */
        if (!add_work(heif, reference->node, reference->derives ? inside : depth, hops + 1, work,
                      error))
            return false;
    }
    return true;
}

/* Counts the work of decoding each picture that refers to others. Fails if that is too much. */
static bool check(Heif *heif, Bytes file, GError **error)
{
    if (!each_box(heif, file, BOX_META, read_meta_references, error))
        return false;
    make_nodes(heif);
    (void)each_box(heif, file, BOX_META, read_meta_sizes, NULL);
    (void)each_box(heif, file, BOX_META, read_meta_items, NULL);
    for (size_t i = 0; i < heif->n_nodes; i++) {
        Work work = {.item = heif->nodes[i].item};
        if (heif->nodes[i].n > 0 && !add_work(heif, &heif->nodes[i], 0, 0, &work, error))
            return false;
    }
    return true;
}

bool heif_tiles_check(const void *data, size_t size, int64_t max_pixels, HeifClaims *ret_claims,
                      GError **error)
{
    g_autofree Reference *references = g_try_new(Reference, HEIF_REFERENCES_MAX);
    g_autofree Node *nodes = g_try_new(Node, (gsize)2 * HEIF_REFERENCES_MAX);
    g_autofree int64_t *sizes = g_try_new0(int64_t, PROPERTIES_MAX);
    if (references == NULL || nodes == NULL || sizes == NULL) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                            "not enough memory to count the tiles");
        return false;
    }
    Heif heif = {
        .references = references, .nodes = nodes, .sizes = sizes, .max_pixels = max_pixels};
    const uint8_t *start = data;
    if (!check(&heif, (Bytes){start, start + size}, error))
        return false;
    *ret_claims = heif.claims;
    return true;
}
