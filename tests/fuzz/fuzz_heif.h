/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of each picture of a HEIC or AVIF file. They hold for any bytes. */
#pragma once

#include "formats/heif_picture.h"

#include <glib.h>

/* All bytes that a file names lie in it. */
static inline void check_inside(Bytes part, Bytes file)
{
    if (bytes_left(&part) == 0)
        return;
    g_assert_true(part.at >= file.at && part.end <= file.end);
}

/* The bytes of a picture lie in the file, or in one block that is joined of parts of it. */
static inline void check_data(Bytes data, Bytes file, const HeifJoined *joined)
{
    g_assert_cmpuint(joined->size, <=, bytes_left(&file));
    for (size_t i = 0; i < joined->n_blocks; i++) {
        const HeifBlock *block = &joined->blocks[i];
        if (data.at >= block->at && data.end <= block->at + block->size)
            return;
    }
    check_inside(data, file);
}

static inline void check_layer(const HeifLayer *layer, Bytes file, const HeifJoined *joined)
{
    if (layer->tiles == NULL)
        return;
    g_assert_cmpint(layer->columns, >=, 1);
    g_assert_cmpint(layer->rows, >=, 1);
    g_assert_cmpint(layer->tile_width, >=, 1);
    g_assert_cmpint(layer->tile_height, >=, 1);
    g_assert_cmpint((gint64)layer->columns * layer->tile_width, >=, layer->width);
    g_assert_cmpint((gint64)layer->rows * layer->tile_height, >=, layer->height);
    for (int i = 0; i < layer->columns * layer->rows; i++) {
        check_inside(layer->tiles[i].config, file);
        check_data(layer->tiles[i].data, file, joined);
    }
}

/* The part that is shown lies in the picture. */
static inline void check_picture(const HeifPicture *picture, Bytes file)
{
    check_layer(&picture->color, file, &picture->joined);
    check_layer(&picture->alpha, file, &picture->joined);
    check_inside(picture->profile, file);
    check_data(picture->exif, file, &picture->joined);
    g_assert_cmpint(picture->orientation, >=, 1);
    g_assert_cmpint(picture->orientation, <=, 8);
    if (!picture->is_plain)
        return;
    g_assert_nonnull(picture->color.tiles);
    g_assert_cmpint(picture->left, >=, 0);
    g_assert_cmpint(picture->top, >=, 0);
    g_assert_cmpint(picture->width, >=, 1);
    g_assert_cmpint(picture->height, >=, 1);
    g_assert_cmpint((gint64)picture->left + picture->width, <=, picture->color.width);
    g_assert_cmpint((gint64)picture->top + picture->height, <=, picture->color.height);
}
