/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_picture.h"

#include "formats/heif_colors.h"
#include "formats/heif_meta.h"
#include "formats/heif_tiles.h"
#include "formats/heif_track.h"

#include <glib.h>
#include <math.h>

/* Source: ISO/IEC 14496-12, 23008-12; AV1 Image File Format. */
#define BOX_META  BOX_NAME('m', 'e', 't', 'a')
#define BOX_DIMG  BOX_NAME('d', 'i', 'm', 'g')
#define ITEM_HVC1 BOX_NAME('h', 'v', 'c', '1')
#define ITEM_AV01 BOX_NAME('a', 'v', '0', '1')
#define ITEM_GRID BOX_NAME('g', 'r', 'i', 'd')
#define ITEM_IDEN BOX_NAME('i', 'd', 'e', 'n')
#define ITEM_IOVL BOX_NAME('i', 'o', 'v', 'l')
#define ITEM_EXIF BOX_NAME('E', 'x', 'i', 'f')
#define BOX_THMB  BOX_NAME('t', 'h', 'm', 'b')
#define BOX_CDSC  BOX_NAME('c', 'd', 's', 'c')

/* The longest chain of pictures that are others, turned or cut. */
#define CHAIN_MAX 4

/*
 * The most pictures that are examined for missing bytes, each as often as it is referred to. A file
 * that passes heif_tiles_check has no more.
 */
#define VISITS_MAX (HEIF_REFERENCES_MAX + HEIF_DERIVED_MAX)

/* The most smaller pictures of one picture that are examined. */
#define SMALL_MAX 8

static bool is_coded(const HeifItem *item)
{
    return !item->is_odd && bytes_left(&item->data) > 0 &&
           ((item->type == ITEM_HVC1 && item->coding == HEIF_HEVC) ||
            (item->type == ITEM_AV01 && item->coding == HEIF_AV1));
}

static bool has_size(const HeifItem *item)
{
    return item->width > 0 && item->height > 0 && item->width <= HEIF_SIDE_MAX &&
           item->height <= HEIF_SIDE_MAX;
}

/* Notes a picture of a coding that nothing here reads. */
static void note_coded(const HeifItem *item, HeifLayer *layer)
{
    if (item->type != ITEM_HVC1 && item->type != ITEM_AV01 && item->type != ITEM_GRID &&
        item->type != ITEM_IDEN && item->type != ITEM_IOVL)
        layer->unread_type = item->type;
}

static HeifCoded coded_of(const HeifItem *item)
{
    return (HeifCoded){item->config, item->data};
}

/* Takes the tiles of a grid. False: they are no equal coded pictures that fill it. */
static bool read_tiles(const HeifMeta *meta, Bytes to, bool is_long, HeifLayer *layer)
{
    int n = layer->columns * layer->rows;
    const HeifItem *first = NULL;
    /* Behind the end, each reference would be one to item 0. */
    if (bytes_left(&to) != (size_t)n * (is_long ? 4 : 2))
        return false;
    for (int i = 0; i < n; i++) {
        const HeifItem *tile = heif_meta_find(meta, heif_read_id(&to, is_long));
        if (tile != NULL)
            note_coded(tile, layer);
        if (tile == NULL || !is_coded(tile) || !has_size(tile) || tile->is_turned ||
            tile->has_crop || tile->alpha != NULL)
            return false;
        if (first == NULL)
            first = tile;
        if (tile->coding != first->coding || tile->width != first->width ||
            tile->height != first->height)
            return false;
        layer->tiles[i] = coded_of(tile);
    }
    if (first == NULL)
        return false;
    layer->coding = first->coding;
    layer->has_colors = first->has_colors;
    layer->colors = first->colors;
    layer->tile_width = (int)first->width;
    layer->tile_height = (int)first->height;
    return first->width * layer->columns >= layer->width &&
           first->height * layer->rows >= layer->height &&
           first->width * (layer->columns - 1) < layer->width &&
           first->height * (layer->rows - 1) < layer->height;
}

/* Finds the references of one kind from an item. False: it has none. */
static bool find_references(const HeifMeta *meta, uint32_t kind, uint32_t id, Bytes *ret_to,
                            bool *ret_is_long)
{
    Bytes iref;
    uint32_t from = 0;
    if (!heif_meta_references(meta, &iref, ret_is_long))
        return false;
    do {
        if (!heif_next_references(&iref, *ret_is_long, kind, &from, ret_to))
            return false;
    } while (from != id);
    return true;
}

/* Reads a grid of tiles. False: memory is short; a layer without tiles is no plain grid. */
static bool read_grid(const HeifMeta *meta, const HeifItem *item, HeifLayer *layer)
{
    Bytes body = item->data, to;
    bool is_long, is_wide;
    bytes_read(&body, 1);
    is_wide = bytes_read(&body, 1) & 1;
    layer->rows = (int)bytes_read(&body, 1) + 1;
    layer->columns = (int)bytes_read(&body, 1) + 1;
    uint32_t width = heif_read_id(&body, is_wide), height = heif_read_id(&body, is_wide);
    layer->width = (int)MIN(width, HEIF_SIDE_MAX);
    layer->height = (int)MIN(height, HEIF_SIDE_MAX);
    if (item->is_odd || width > HEIF_SIDE_MAX || height > HEIF_SIDE_MAX || width == 0 ||
        height == 0 || !find_references(meta, BOX_DIMG, item->id, &to, &is_long))
        return true;
    layer->tiles = g_try_new0(HeifCoded, (gsize)layer->columns * (gsize)layer->rows);
    if (layer->tiles == NULL)
        return false;
    if (!read_tiles(meta, to, is_long, layer))
        g_clear_pointer(&layer->tiles, g_free);
    return true;
}

/* Finds the tiles of an item. False: memory is short; a layer without tiles is no plain picture. */
static bool read_layer(const HeifMeta *meta, const HeifItem *item, HeifLayer *layer)
{
    *layer = (HeifLayer){.columns = 1, .rows = 1};
    if (item->type == ITEM_GRID)
        return read_grid(meta, item, layer);
    note_coded(item, layer);
    if (!is_coded(item) || !has_size(item))
        return true;
    layer->coding = item->coding;
    layer->width = layer->tile_width = (int)item->width;
    layer->height = layer->tile_height = (int)item->height;
    layer->tiles = g_try_new0(HeifCoded, 1);
    if (layer->tiles == NULL)
        return false;
    layer->tiles[0] = coded_of(item);
    return true;
}

/* Reads a size and the distance of the middles, which are fractions. False: they make no sense. */
static bool read_crop(Bytes body, double ret_numbers[4])
{
    for (int i = 0; i < 4; i++) {
        double above = (int32_t)(uint32_t)bytes_read(&body, 4);
        uint32_t below = (uint32_t)bytes_read(&body, 4);
        if (below == 0)
            return false;
        ret_numbers[i] = above / below;
    }
    return ret_numbers[0] >= 1 && ret_numbers[1] >= 1;
}

/* How a picture is shown: a part of it, then mirrored from left to right, then turned. */
typedef struct {
    int left, top, width, height;
    bool is_mirrored;
    unsigned quarters;
} View;

/* Moves a part of the picture as it is shown, anti-clockwise, back to the stored picture. */
static void turn_back(const View *view, int *left, int *top, int *width, int *height)
{
    int across = view->quarters % 2 == 0 ? view->width : view->height;
    int down = view->quarters % 2 == 0 ? view->height : view->width;
    for (unsigned i = 0; i < view->quarters; i++) {
        int from_right = down - *top - *height, side = *width, turned = across;
        *top = *left;
        *left = from_right;
        *width = *height;
        *height = side;
        across = down;
        down = turned;
    }
    if (view->is_mirrored)
        *left = view->width - *left - *width;
}

/* Cuts the shown picture by an item's `clap`. False: the part does not lie in the picture. */
static bool cut(const HeifItem *item, View *view)
{
    bool swapped = view->quarters % 2 != 0;
    int width = swapped ? view->height : view->width, height = swapped ? view->width : view->height;
    double numbers[4];
    if (!item->has_crop)
        return true;
    if (!read_crop(item->crop, numbers) || numbers[0] > width || numbers[1] > height)
        return false;
    double left = floor(numbers[2] + (width - 1) / 2.0 - (numbers[0] - 1) / 2);
    double top = floor(numbers[3] + (height - 1) / 2.0 - (numbers[1] - 1) / 2);
    int across = (int)round(numbers[0]), down = (int)round(numbers[1]);
    if (left < 0 || top < 0 || left + across > width || top + down > height)
        return false;
    int at_left = (int)left, at_top = (int)top;
    turn_back(view, &at_left, &at_top, &across, &down);
    view->left += at_left;
    view->top += at_top;
    view->width = across;
    view->height = down;
    return true;
}

/* Shows the picture as an item says, which is shown as `view` says already. */
static bool add_view(const HeifItem *item, View *view)
{
    if (!cut(item, view))
        return false;
    if (item->is_mirrored)
        view->quarters = 4 - view->quarters;
    view->quarters = (view->quarters + item->quarters) % 4;
    view->is_mirrored = view->is_mirrored != item->is_mirrored;
    return true;
}

static int orientation_of(const View *view)
{
    static const int plain[] = {1, 8, 3, 6}, mirrored[] = {2, 5, 4, 7};
    return view->is_mirrored ? mirrored[view->quarters] : plain[view->quarters];
}

/*
 * Finds the pictures from the primary one to the one that is coded, or made of tiles. Returns how
 * many; 0: the primary one is missing.
 */
static int read_chain(const HeifMeta *meta, const HeifItem *ret_chain[CHAIN_MAX])
{
    const HeifItem *item = heif_meta_find(meta, meta->primary);
    int n = 0;
    while (item != NULL && n < CHAIN_MAX) {
        Bytes to;
        bool is_long;
        ret_chain[n++] = item;
        bool goes_on = item->type == ITEM_IDEN &&
                       find_references(meta, BOX_DIMG, item->id, &to, &is_long) &&
                       bytes_left(&to) == (is_long ? 4 : 2);
        item = goes_on ? heif_meta_find(meta, heif_read_id(&to, is_long)) : NULL;
    }
    return n;
}

/* True if the picture is another one (`iden`), or is made of such pictures. */
static bool has_identity(const HeifMeta *meta, const HeifItem *const *chain, int n)
{
    Bytes to;
    bool is_long;
    if (n == 0)
        return false;
    if (chain[0]->type == ITEM_IDEN)
        return true;
    if (!find_references(meta, BOX_DIMG, chain[n - 1]->id, &to, &is_long))
        return false;
    while (bytes_left(&to) > 0) {
        const HeifItem *part = heif_meta_find(meta, heif_read_id(&to, is_long));
        if (part != NULL && part->type == ITEM_IDEN)
            return true;
    }
    return false;
}

/*
 * True if bytes of a picture, or a picture of which it is made, are missing in the file. `depth`
 * ends a circle of references. Each visit takes one of `n_left`; without one, it finds nothing.
 */
static bool is_incomplete(const HeifMeta *meta, const HeifItem *item, int depth, int *n_left)
{
    Bytes to, body = item->data;
    bool is_long;
    bool is_grid = item->type == ITEM_GRID;
    if (*n_left == 0)
        return false;
    (*n_left)--;
    if (item->is_outside)
        return true;
    if (depth == 0 || (!is_grid && item->type != ITEM_IDEN && item->type != ITEM_IOVL))
        return false;
    if (!find_references(meta, BOX_DIMG, item->id, &to, &is_long))
        return true;
    bytes_read(&body, 2);
    uint64_t rows = bytes_read(&body, 1) + 1, columns = bytes_read(&body, 1) + 1;
    if (is_grid && bytes_left(&to) / (is_long ? 4 : 2) < rows * columns)
        return true;
    while (bytes_left(&to) > 0 && *n_left > 0) {
        const HeifItem *part = heif_meta_find(meta, heif_read_id(&to, is_long));
        if (part == NULL || is_incomplete(meta, part, depth - 1, n_left))
            return true;
    }
    return false;
}

/* Sets the part and the turn. False: an item of the chain is not understood. */
static bool set_view(const HeifItem *const *chain, int n, HeifPicture *picture)
{
    View view = {.width = picture->color.width, .height = picture->color.height};
    bool is_known = true;
    for (int i = n - 1; i >= 0; i--) {
        is_known = is_known && !chain[i]->is_odd && add_view(chain[i], &view);
        picture->is_turned |= chain[i]->is_turned;
        picture->has_late_size |= chain[i]->has_late_size;
    }
    picture->left = view.left;
    picture->top = view.top;
    picture->width = view.width;
    picture->height = view.height;
    picture->orientation = orientation_of(&view);
    return is_known;
}

/* Finds the EXIF of an item. */
static Bytes find_exif(const HeifMeta *meta, const HeifItem *item)
{
    Bytes iref, to;
    bool is_long;
    uint32_t from;
    if (!heif_meta_references(meta, &iref, &is_long))
        return (Bytes){0};
    while (heif_next_references(&iref, is_long, BOX_CDSC, &from, &to)) {
        const HeifItem *exif = heif_meta_find(meta, from);
        Bytes body = exif != NULL && exif->type == ITEM_EXIF ? exif->data : (Bytes){0};
        if (bytes_left(&body) > 4 && heif_read_id(&to, is_long) == item->id)
            return (Bytes){body.at + 4, body.end};
    }
    return (Bytes){0};
}

/* Sets the colours of the last item of the chain that states them. */
static void set_colors(const HeifItem *const *chain, int n, HeifPicture *picture)
{
    const HeifLayer *color = &picture->color;
    picture->has_colors = color->has_colors;
    picture->colors = color->colors;
    for (int i = n - 1; i >= 0; i--) {
        if (bytes_left(&chain[i]->profile) > 0)
            picture->profile = chain[i]->profile;
        if (chain[i]->has_colors) {
            picture->has_colors = true;
            picture->colors = chain[i]->colors;
        }
    }
}

static void set_unread(HeifPicture *picture)
{
    uint32_t type = picture->color.unread_type;
    char name[] = {(char)(type >> 24), (char)(type >> 16), (char)(type >> 8), (char)type, '\0'};
    if (type != 0)
        g_snprintf(picture->unread, sizeof picture->unread, "a picture of the coding '%s'",
                   g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS, '?'));
}

/* True if one picture is the other one at another scale: the sides differ by less than a pixel. */
static bool has_aspect_of(const HeifPicture *small, const HeifPicture *picture)
{
    int64_t difference =
        (int64_t)small->width * picture->height - (int64_t)small->height * picture->width;
    return ABS(difference) <= MAX(picture->width, picture->height);
}

/* Reads an item as a smaller picture of this one. NULL: it is none, or memory is short. */
static HeifPicture *read_small(const HeifMeta *meta, const HeifItem *item,
                               const HeifPicture *picture)
{
    HeifPicture *small = g_try_new0(HeifPicture, 1);
    if (small == NULL)
        return NULL;
    small->is_plain = read_layer(meta, item, &small->color) && small->color.tiles != NULL &&
                      item->alpha == NULL && set_view(&item, 1, small);
    set_colors(&item, 1, small);
    if (small->is_plain && has_aspect_of(small, picture) &&
        small->orientation == picture->orientation && small->width < picture->width)
        return small;
    heif_picture_free(small);
    return NULL;
}

/* Adds a picture to the smaller ones, of which the largest is the first. */
static void add_small(HeifPicture *picture, HeifPicture *small)
{
    HeifPicture **place = &picture->small;
    while (*place != NULL && (*place)->width >= small->width)
        place = &(*place)->small;
    small->small = *place;
    *place = small;
}

/* Finds the smaller pictures that the file has of an item. */
static void find_small(const HeifMeta *meta, const HeifItem *item, HeifPicture *picture)
{
    Bytes iref, to;
    bool is_long;
    uint32_t from;
    if (!heif_meta_references(meta, &iref, &is_long))
        return;
    for (int i = 0; i < SMALL_MAX && heif_next_references(&iref, is_long, BOX_THMB, &from, &to);) {
        const HeifItem *other = heif_meta_find(meta, from);
        if (other == NULL || heif_read_id(&to, is_long) != item->id)
            continue;
        i++;
        HeifPicture *small = read_small(meta, other, picture);
        if (small != NULL)
            add_small(picture, small);
    }
}

/* Reads the picture that the primary item shows. False: memory is short. */
static bool read_primary(const HeifMeta *meta, HeifPicture *picture)
{
    const HeifItem *chain[CHAIN_MAX];
    int n = read_chain(meta, chain);
    picture->has_identity = has_identity(meta, chain, n);
    if (n == 0)
        return true;
    const HeifItem *item = chain[n - 1];
    const HeifItem *alpha = item->alpha != NULL ? item->alpha : chain[0]->alpha;
    int n_left = VISITS_MAX;
    picture->is_incomplete = is_incomplete(meta, chain[0], CHAIN_MAX, &n_left) ||
                             (alpha != NULL && is_incomplete(meta, alpha, CHAIN_MAX, &n_left));
    if (!read_layer(meta, item, &picture->color) ||
        (alpha != NULL && !read_layer(meta, alpha, &picture->alpha)))
        return false;
    const HeifLayer *color = &picture->color, *other = &picture->alpha;
    bool is_known = set_view(chain, n, picture);
    set_colors(chain, n, picture);
    set_unread(picture);
    picture->exif = find_exif(meta, chain[0]);
    picture->is_plain = color->tiles != NULL && is_known &&
                        (alpha == NULL || (other->tiles != NULL && other->width == color->width &&
                                           other->height == color->height));
    if (picture->is_plain && n == 1 && alpha == NULL)
        find_small(meta, item, picture);
    return true;
}

bool heif_picture_read(const void *data, size_t size, HeifPicture *ret_picture)
{
    const uint8_t *start = data;
    Bytes file = {start, start + size}, body;
    HeifMeta meta = {0};
    *ret_picture = (HeifPicture){.orientation = 1};
    bool fine = !box_find(file, BOX_META, &body) || heif_meta_read(file, body, &meta);
    if (fine)
        fine = meta.has_primary ? read_primary(&meta, ret_picture)
                                : heif_track_read(data, size, ret_picture);
    if (fine)
        heif_colors_complete(ret_picture);
    for (HeifPicture *small = ret_picture->small; fine && small != NULL; small = small->small)
        heif_colors_complete_small(small, ret_picture);
    ret_picture->joined = meta.joined;
    meta.joined = (HeifJoined){0};
    heif_meta_clear(&meta);
    return fine;
}

void heif_picture_clear(HeifPicture *picture)
{
    g_clear_pointer(&picture->color.tiles, g_free);
    g_clear_pointer(&picture->alpha.tiles, g_free);
    g_clear_pointer(&picture->small, heif_picture_free);
    heif_joined_clear(&picture->joined);
}

void heif_picture_free(HeifPicture *picture)
{
    if (picture != NULL)
        heif_picture_clear(picture);
    g_free(picture);
}
