/* SPDX-License-Identifier: Apache-2.0 */
#include "heif_tiles.h"

#include "error.h"

#include <stdlib.h>

/* Source: ISO/IEC 14496-12 (boxes, `meta`, `iref`), 23008-12 (`iprp`, `ispe`, derived images). */
#define NAME(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define BOX_META         NAME('m', 'e', 't', 'a')
#define BOX_IREF         NAME('i', 'r', 'e', 'f')
#define BOX_IPRP         NAME('i', 'p', 'r', 'p')
#define BOX_IPCO         NAME('i', 'p', 'c', 'o')
#define BOX_IPMA         NAME('i', 'p', 'm', 'a')
#define BOX_ISPE         NAME('i', 's', 'p', 'e')
#define BOX_UUID         NAME('u', 'u', 'i', 'd')
#define REFERENCE_DIMG   NAME('d', 'i', 'm', 'g') /* from a picture to those it is made of */
#define REFERENCE_AUXL   NAME('a', 'u', 'x', 'l') /* to a picture from its alpha, depth, ... */

#define PROPERTIES_MAX (1 << 15) /* what 15 bits can name */
#define SIDE_MAX       (1 << 20) /* more than any decoder takes; a product of two is no overflow */

/* A chain of references: a picture of pictures of tiles, which have alpha, which is of tiles. */
#define HOPS_MAX 4

typedef struct {
    const uint8_t *at, *end;
} Bytes;

typedef struct {
    uint32_t name;
    Bytes body;
} Box;

typedef struct {
    uint32_t item;
    int64_t pixels;  /* as its property says; 0: none */
    size_t first, n; /* its references from it on */
    bool derived;
} Node;

/* One has to be decoded for the other. */
typedef struct {
    uint32_t from, to; /* items */
    bool derives;      /* `from` is made of `to`; else `to` is its alpha or the like */
    const Node *node;  /* of `to`, once there are nodes */
} Reference;

typedef struct {
    Reference *references; /* in the end by `from` */
    size_t n_references;
    Node *nodes; /* by `item` */
    size_t n_nodes;
    int64_t *sizes; /* pixels by the number of the property, from 1 on; 0: no size */
    int64_t max_pixels;
} Heif;

/* What decoding one picture takes. */
typedef struct {
    uint32_t item;
    int tiles, derived;
    int64_t pixels;
} Work;

static size_t left(const Bytes *bytes)
{
    return (size_t)(bytes->end - bytes->at);
}

/* A number of `n` bytes, at most 8; 0 where there are fewer, and nothing is left then. */
static uint64_t take(Bytes *bytes, size_t n)
{
    uint64_t value = 0;
    if (left(bytes) < n) {
        bytes->at = bytes->end;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        value = value << 8 | *bytes->at++;
    return value;
}

/* The next box, with the reader behind it. One that ends outside ends where the reader does. */
static bool next_box(Bytes *bytes, Box *ret_box)
{
    if (left(bytes) < 8)
        return false;
    const uint8_t *start = bytes->at;
    uint64_t most = left(bytes);
    uint64_t size = take(bytes, 4);
    ret_box->name = (uint32_t)take(bytes, 4);
    if (size == 1) {
        if (left(bytes) < 8)
            return false;
        size = take(bytes, 8);
    } else if (size == 0) {
        size = most;
    }
    if (size < (uint64_t)(bytes->at - start))
        return false;
    ret_box->body = (Bytes){bytes->at, start + MIN(size, most)};
    bytes->at = ret_box->body.end;
    return true;
}

typedef bool (*Visit)(Heif *heif, Bytes body, GError **error);

/* Each box of a name among `boxes`, until `visit` is false. */
static bool each_box(Heif *heif, Bytes boxes, uint32_t name, Visit visit, GError **error)
{
    Box box;
    while (next_box(&boxes, &box)) {
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
 * References of one kind from one item. Some readers go by the size of the box, others (libheif) by
 * the number of references, and these read 16 bytes more behind a name "uuid": none of them may
 * find other boxes than are found here.
 */
static bool read_references(Heif *heif, const Box *box, size_t id_bytes, GError **error)
{
    Bytes body = box->body;
    bool cut = left(&body) < id_bytes + 2;
    uint32_t from = (uint32_t)take(&body, id_bytes);
    size_t n = (size_t)take(&body, 2);
    if (cut || left(&body) != n * id_bytes || box->name == BOX_UUID) {
        g_set_error(error, THUMBQ_ERROR, ERROR_DAMAGED,
                    "the references of item %u do not fill their box", from);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t to = (uint32_t)take(&body, id_bytes);
        if ((box->name == REFERENCE_DIMG && !add_reference(heif, from, to, true, error)) ||
            (box->name == REFERENCE_AUXL && !add_reference(heif, to, from, false, error)))
            return false;
    }
    return true;
}

static bool read_iref(Heif *heif, Bytes body, GError **error)
{
    size_t id_bytes = take(&body, 4) >> 24 == 0 ? 2 : 4;
    Box box;
    while (next_box(&body, &box)) {
        if (!read_references(heif, &box, id_bytes, error))
            return false;
    }
    return true;
}

static bool read_ipco(Heif *heif, Bytes body, GError **error)
{
    (void)error;
    Box box;
    for (size_t i = 1; i < PROPERTIES_MAX && next_box(&body, &box); i++) {
        if (box.name != BOX_ISPE)
            continue;
        take(&box.body, 4);
        int64_t width = (int64_t)take(&box.body, 4), height = (int64_t)take(&box.body, 4);
        width = MIN(width, SIDE_MAX);
        height = MIN(height, SIDE_MAX);
        heif->sizes[i] = MAX(heif->sizes[i], width * height);
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

static bool read_ipma(Heif *heif, Bytes body, GError **error)
{
    (void)error;
    uint32_t head = (uint32_t)take(&body, 4);
    size_t id_bytes = head >> 24 == 0 ? 2 : 4;
    size_t index_bytes = head & 1 ? 2 : 1;
    take(&body, 4); /* how many follow: never more than there are */
    while (left(&body) > id_bytes) {
        Node *node = find_node(heif, (uint32_t)take(&body, id_bytes));
        size_t n = (size_t)take(&body, 1);
        for (size_t i = 0; i < n; i++) {
            uint64_t index = take(&body, index_bytes) & (head & 1 ? 0x7fff : 0x7f);
            if (node != NULL)
                node->pixels = MAX(node->pixels, heif->sizes[index]);
        }
    }
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
    take(&body, 4);
    return each_box(heif, body, BOX_IREF, read_iref, error);
}

static bool read_meta_sizes(Heif *heif, Bytes body, GError **error)
{
    take(&body, 4);
    return each_box(heif, body, BOX_IPRP, read_iprp_sizes, error);
}

static bool read_meta_items(Heif *heif, Bytes body, GError **error)
{
    take(&body, 4);
    return each_box(heif, body, BOX_IPRP, read_iprp_items, error);
}

static int compare_references(const void *a, const void *b)
{
    uint32_t first = ((const Reference *)a)->from, second = ((const Reference *)b)->from;
    return (first > second) - (first < second);
}

/* One node for each item that a reference names. */
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
 * Adds what decoding `node` takes, which lies in `depth` pictures that are made of others. Each
 * visit adds to `work`, whose limits end it. `hops` references lead here.
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
        /* The alpha of a picture lies beside it. */
        if (!add_work(heif, reference->node, reference->derives ? inside : depth, hops + 1, work,
                      error))
            return false;
    }
    return true;
}

static bool check(Heif *heif, Bytes file, GError **error)
{
    if (!each_box(heif, file, BOX_META, read_meta_references, error))
        return false;
    make_nodes(heif);
    if (heif->n_nodes == 0)
        return true;
    (void)each_box(heif, file, BOX_META, read_meta_sizes, NULL);
    (void)each_box(heif, file, BOX_META, read_meta_items, NULL);
    for (size_t i = 0; i < heif->n_nodes; i++) {
        Work work = {.item = heif->nodes[i].item};
        if (heif->nodes[i].n > 0 && !add_work(heif, &heif->nodes[i], 0, 0, &work, error))
            return false;
    }
    return true;
}

bool heif_tiles_check(const void *data, size_t size, int64_t max_pixels, GError **error)
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
    return check(&heif, (Bytes){start, start + size}, error);
}
