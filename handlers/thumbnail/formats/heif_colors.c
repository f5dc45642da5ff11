/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_colors.h"

#include "formats/coded_av1.h"
#include "formats/coded_hevc.h"
#include "formats/hevc_config.h"

#include <glib.h>

/* Bytes of `av1C` before its OBUs. */
#define AV1_CONFIG_HEAD 4
/* The code point for "unspecified" of primaries, transfer and matrix. */
#define CODE_UNKNOWN 2

/* Finds the colours that the coded picture states. False: it states none. */
static bool read_coded(const HeifLayer *layer, CodedColors *ret_colors)
{
    const HeifCoded *coded = &layer->tiles[0];
    HevcConfig config;
    Bytes nal;
    if (layer->coding == HEIF_HEVC) {
        if (!hevc_config_open(coded->config, &config))
            return false;
        while (hevc_config_next(&config, &nal)) {
            if (coded_hevc_colors(nal.at, bytes_left(&nal), ret_colors))
                return true;
        }
        return false;
    }
    Bytes obus = {coded->config.at + MIN(AV1_CONFIG_HEAD, bytes_left(&coded->config)),
                  coded->config.end};
    return coded_av1_colors(obus.at, bytes_left(&obus), ret_colors) ||
           coded_av1_colors(coded->data.at, bytes_left(&coded->data), ret_colors);
}

static int known_or(int code, int other)
{
    return code != CODE_UNKNOWN ? code : other;
}

void heif_colors_complete(HeifPicture *picture)
{
    CodedColors coded = {.primaries = CODE_UNKNOWN,
                         .transfer = CODE_UNKNOWN,
                         .matrix = CODE_UNKNOWN,
                         .is_full = false};
    bool is_known = picture->color.tiles != NULL && read_coded(&picture->color, &coded);
    CodedColors *colors = &picture->colors;
    if (!picture->has_colors) {
        /* HEVC that does not state its range has the narrow one. */
        *colors = coded;
        picture->has_colors = is_known;
        return;
    }
    colors->primaries = known_or(colors->primaries, coded.primaries);
    colors->transfer = known_or(colors->transfer, coded.transfer);
    colors->matrix = known_or(colors->matrix, coded.matrix);
}

void heif_colors_complete_small(HeifPicture *small, const HeifPicture *picture)
{
    bool has_own = small->has_colors || bytes_left(&small->profile) > 0;
    heif_colors_complete(small);
    if (has_own)
        return;
    small->profile = picture->profile;
    if (!picture->has_colors)
        return;
    CodedColors coded = small->colors, *colors = &small->colors;
    *colors = picture->colors;
    if (small->has_colors) {
        colors->primaries = known_or(colors->primaries, coded.primaries);
        colors->transfer = known_or(colors->transfer, coded.transfer);
        colors->matrix = known_or(coded.matrix, colors->matrix);
        colors->is_full = coded.is_full;
    }
    small->has_colors = true;
}
