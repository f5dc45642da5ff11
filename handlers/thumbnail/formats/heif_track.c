/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_track.h"

#include <glib.h>
#include <string.h>

/* Source: ISO/IEC 14496-12, 8.2 to 8.7 and 12.1. */
#define BOX_MOOV         BOX_NAME('m', 'o', 'o', 'v')
#define BOX_TRAK         BOX_NAME('t', 'r', 'a', 'k')
#define BOX_TKHD         BOX_NAME('t', 'k', 'h', 'd')
#define BOX_MDIA         BOX_NAME('m', 'd', 'i', 'a')
#define BOX_HDLR         BOX_NAME('h', 'd', 'l', 'r')
#define BOX_MINF         BOX_NAME('m', 'i', 'n', 'f')
#define BOX_STBL         BOX_NAME('s', 't', 'b', 'l')
#define BOX_STSD         BOX_NAME('s', 't', 's', 'd')
#define BOX_STSZ         BOX_NAME('s', 't', 's', 'z')
#define BOX_STCO         BOX_NAME('s', 't', 'c', 'o')
#define BOX_CO64         BOX_NAME('c', 'o', '6', '4')
#define HANDLER_PICTURES BOX_NAME('p', 'i', 'c', 't')
#define HANDLER_VIDEO    BOX_NAME('v', 'i', 'd', 'e')
#define SAMPLES_HVC1     BOX_NAME('h', 'v', 'c', '1')
#define SAMPLES_HEV1     BOX_NAME('h', 'e', 'v', '1')
#define SAMPLES_AV01     BOX_NAME('a', 'v', '0', '1')
#define COLORS_NCLX      BOX_NAME('n', 'c', 'l', 'x')

/* Bytes of a description of samples before its size, and behind it. */
#define ENTRY_HEAD 24
#define ENTRY_TAIL 50
/* Bytes of `tkhd` before its matrix, with times of 4 and of 8 bytes. */
#define MATRIX_AT      40
#define MATRIX_AT_LONG 52
#define ONE            0x10000

static const char other_coding[] = "an image sequence of another coding than HEVC and AV1";
static const char no_samples[] = "an image sequence without a table of its pictures";

/* Moves by `n` bytes. */
static void skip(Bytes *bytes, size_t n)
{
    bytes->at += MIN(n, bytes_left(bytes));
}

/* Finds the first picture in the file. Empty: it does not lie there. */
static Bytes first_sample(Bytes file, Bytes table)
{
    Bytes sizes, places;
    size_t place_bytes = 4;
    if (!box_find(table, BOX_STSZ, &sizes))
        return (Bytes){0};
    if (!box_find(table, BOX_STCO, &places)) {
        place_bytes = 8;
        if (!box_find(table, BOX_CO64, &places))
            return (Bytes){0};
    }
    skip(&sizes, 4);
    uint64_t len = bytes_read(&sizes, 4);
    if (bytes_read(&sizes, 4) == 0)
        return (Bytes){0};
    if (len == 0)
        len = bytes_read(&sizes, 4);
    skip(&places, 8);
    uint64_t at = bytes_read(&places, place_bytes), size = bytes_left(&file);
    if (len == 0 || at >= size || len > size - at)
        return (Bytes){0};
    return (Bytes){file.at + at, file.at + at + len};
}

static void read_colors(Bytes body, HeifPicture *picture)
{
    if (bytes_read(&body, 4) != COLORS_NCLX || bytes_left(&body) < 7)
        return;
    picture->has_colors = true;
    picture->colors.primaries = (int)bytes_read(&body, 2);
    picture->colors.transfer = (int)bytes_read(&body, 2);
    picture->colors.matrix = (int)bytes_read(&body, 2);
    picture->colors.is_full = bytes_read(&body, 1) >> 7;
}

/* Returns the orientation of EXIF that means the same as the matrix of a track. */
static int orientation_of(Bytes head)
{
    static const int32_t known[][4] = {{1, 0, 0, 1}, {-1, 0, 0, 1}, {-1, 0, 0, -1}, {1, 0, 0, -1},
                                       {0, 1, 1, 0}, {0, 1, -1, 0}, {0, -1, -1, 0}, {0, -1, 1, 0}};
    int32_t matrix[4];
    skip(&head, bytes_left(&head) > 0 && head.at[0] == 0 ? MATRIX_AT : MATRIX_AT_LONG);
    for (int i = 0; i < 4; i++) {
        matrix[i] = (int32_t)(uint32_t)bytes_read(&head, 4) / ONE;
        /* Between two rows of the matrix. */
        if (i == 1)
            skip(&head, 4);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (memcmp(matrix, known[i], sizeof matrix) == 0)
            return (int)i + 1;
    }
    return 1;
}

/* Reads the first description of samples. False: the coding is another one. */
static bool read_entry(Bytes body, HeifPicture *picture, HeifCoded *coded)
{
    Box entry, box;
    skip(&body, 8);
    if (!box_next(&body, &entry))
        return false;
    bool is_hevc = entry.name == SAMPLES_HVC1 || entry.name == SAMPLES_HEV1;
    if (!is_hevc && entry.name != SAMPLES_AV01)
        return false;
    HeifLayer *layer = &picture->color;
    layer->coding = is_hevc ? HEIF_HEVC : HEIF_AV1;
    uint32_t wanted = is_hevc ? BOX_NAME('h', 'v', 'c', 'C') : BOX_NAME('a', 'v', '1', 'C');
    skip(&entry.body, ENTRY_HEAD);
    layer->width = layer->tile_width = (int)bytes_read(&entry.body, 2);
    layer->height = layer->tile_height = (int)bytes_read(&entry.body, 2);
    skip(&entry.body, ENTRY_TAIL);
    while (box_next(&entry.body, &box)) {
        if (box.name == wanted)
            coded->config = box.body;
        else if (box.name == BOX_NAME('c', 'o', 'l', 'r'))
            read_colors(box.body, picture);
    }
    return bytes_left(&coded->config) > 0 && layer->width > 0 && layer->height > 0;
}

/* Reads a track. False: memory is short. */
static bool read_track(Bytes file, Bytes track, HeifPicture *picture)
{
    Bytes media, body, table;
    HeifCoded coded = {0};
    if (!box_find(track, BOX_MDIA, &media) || !box_find(media, BOX_HDLR, &body))
        return true;
    skip(&body, 8);
    uint64_t handler = bytes_read(&body, 4);
    if (handler != HANDLER_PICTURES && handler != HANDLER_VIDEO)
        return true;
    g_strlcpy(picture->unread, other_coding, sizeof picture->unread);
    if (!box_find(media, BOX_MINF, &body) || !box_find(body, BOX_STBL, &table) ||
        !box_find(table, BOX_STSD, &body) || !read_entry(body, picture, &coded))
        return true;
    g_strlcpy(picture->unread, no_samples, sizeof picture->unread);
    coded.data = first_sample(file, table);
    if (bytes_left(&coded.data) == 0)
        return true;
    HeifLayer *layer = &picture->color;
    layer->columns = layer->rows = 1;
    layer->tiles = g_try_new0(HeifCoded, 1);
    if (layer->tiles == NULL)
        return false;
    layer->tiles[0] = coded;
    picture->width = layer->width;
    picture->height = layer->height;
    picture->unread[0] = '\0';
    picture->is_plain = picture->is_track = picture->is_turned = true;
    picture->orientation = box_find(track, BOX_TKHD, &body) ? orientation_of(body) : 1;
    return true;
}

bool heif_track_read(const void *data, size_t size, HeifPicture *picture)
{
    const uint8_t *start = data;
    Bytes file = {start, start + size}, tracks;
    Box box;
    if (!box_find(file, BOX_MOOV, &tracks))
        return true;
    while (!picture->is_track && box_next(&tracks, &box)) {
        if (box.name == BOX_TRAK && !read_track(file, box.body, picture))
            return false;
    }
    return true;
}
