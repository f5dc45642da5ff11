/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg_scans.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

/* Source: ITU-T T.81, table B.1. */
#define MARKER_TEM  0x01
#define MARKER_RST0 0xd0
#define MARKER_RST7 0xd7
#define MARKER_SOI  0xd8
#define MARKER_EOI  0xd9
#define MARKER_SOS  0xda

typedef struct {
    const uint8_t *at, *end;
} Reader;

/* The code of the next marker, with the reader behind it. False at the end. */
static bool next_marker(Reader *reader, uint8_t *ret_code)
{
    while (reader->at < reader->end) {
        const uint8_t *mark = memchr(reader->at, 0xff, (size_t)(reader->end - reader->at));
        if (mark == NULL)
            break;
        while (mark < reader->end && *mark == 0xff)
            mark++;
        if (mark == reader->end)
            break;
        reader->at = mark + 1;
        if (*mark != 0) { /* else a byte of the coded data */
            *ret_code = *mark;
            return true;
        }
    }
    return false;
}

static bool stands_alone(uint8_t code)
{
    return code == MARKER_TEM || (code >= MARKER_RST0 && code <= MARKER_RST7);
}

static int64_t component_samples(const struct jpeg_decompress_struct *cinfo,
                                 const jpeg_component_info *component)
{
    /* Zero factors do not pass jpeg_read_header. */
    int64_t pixels = (int64_t)cinfo->image_width * cinfo->image_height;
    int max_h = 1, max_v = 1;
    for (int i = 0; i < cinfo->num_components; i++) {
        max_h =
            cinfo->comp_info[i].h_samp_factor > max_h ? cinfo->comp_info[i].h_samp_factor : max_h;
        max_v =
            cinfo->comp_info[i].v_samp_factor > max_v ? cinfo->comp_info[i].v_samp_factor : max_v;
    }
    return pixels * component->h_samp_factor * component->v_samp_factor / (max_h * max_v);
}

/* The body of a start of scan: how many components, and the name of each with its tables. */
static int64_t scan_samples(const struct jpeg_decompress_struct *cinfo, const uint8_t *body,
                            size_t size)
{
    int64_t samples = 0;
    for (size_t at = 1; size > 0 && at + 1 < size && at < 1 + 2 * (size_t)body[0]; at += 2) {
        for (int i = 0; i < cinfo->num_components; i++) {
            if (cinfo->comp_info[i].component_id == body[at]) {
                samples += component_samples(cinfo, &cinfo->comp_info[i]);
                break;
            }
        }
    }
    return samples;
}

static void add_first(const struct jpeg_decompress_struct *cinfo, JpegScans *scans)
{
    scans->n = 1;
    for (int i = 0; i < cinfo->comps_in_scan; i++)
        scans->samples += component_samples(cinfo, cinfo->cur_comp_info[i]);
}

void jpeg_scans_count(const struct jpeg_decompress_struct *cinfo, JpegScans *ret_scans)
{
    *ret_scans = (JpegScans){0};
    add_first(cinfo, ret_scans);
    if (!cinfo->progressive_mode && cinfo->comps_in_scan == cinfo->num_components)
        return; /* libjpeg reads no other */
    Reader reader = {cinfo->src->next_input_byte,
                     cinfo->src->next_input_byte + cinfo->src->bytes_in_buffer};
    uint8_t code;
    while (next_marker(&reader, &code) && code != MARKER_EOI && code != MARKER_SOI) {
        if (stands_alone(code))
            continue;
        if (reader.end - reader.at < 2)
            return;
        size_t size = (size_t)reader.at[0] << 8 | reader.at[1];
        if (size < 2 || size > (size_t)(reader.end - reader.at))
            return;
        if (code == MARKER_SOS) {
            ret_scans->n++;
            ret_scans->samples += scan_samples(cinfo, reader.at + 2, size - 2);
        }
        reader.at += size;
    }
}
