/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/jpeg_scans.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

/* Source: ITU-T T.81, table B.1. */
#define MARKER_TEM   0x01
#define MARKER_RST0  0xd0
#define MARKER_RST7  0xd7
#define MARKER_SOI   0xd8
#define MARKER_EOI   0xd9
#define MARKER_SOS   0xda
#define MARKER_DHT   0xc4
#define MARKER_DQT   0xdb
#define MARKER_DRI   0xdd
#define MARKER_APP0  0xe0
#define MARKER_APP1  0xe1
#define MARKER_APP2  0xe2
#define MARKER_APP15 0xef
#define MARKER_COM   0xfe

typedef struct {
    const uint8_t *at, *end;
} ScanReader;

/* Finds the code of the next marker, and moves behind it. False at the end. */
static bool next_marker(ScanReader *reader, uint8_t *ret_code)
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
        /* 0 marks a byte of the coded data. */
        if (*mark != 0) {
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

/* Returns the number of samples that the component has for the whole picture. */
static int64_t component_samples(const struct jpeg_decompress_struct *cinfo,
                                 const jpeg_component_info *component)
{
    /* jpeg_read_header refuses factors of zero. */
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

/*
 * Counts the samples of a scan. `body` is that of a start of scan: the number of components, and
 * the name of each with its tables.
 */
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
    /* libjpeg reads no other scan. */
    if (!cinfo->progressive_mode && cinfo->comps_in_scan == cinfo->num_components)
        return;
    ScanReader reader = {cinfo->src->next_input_byte,
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

/* libjpeg guesses missing bits of the first coefficients, in one version or another of these. */
#define COEFFICIENTS 10

/* The selection of parts while the markers of a file are read. */
typedef struct {
    const struct jpeg_decompress_struct *cinfo;
    bool same_scale;
    JpegParts parts;
    /* The part that is going to be added begins here; NULL within a scan that is left out. */
    const uint8_t *begin;
    /* The low bits that the scans so far leave out, for the first coefficients; -1: no scan. */
    int8_t missing[MAX_COMPS_IN_SCAN][COEFFICIENTS];
    unsigned restart_interval;
    JpegDcScans dc;
    /* The scans of DC are not those of JpegDcScans. */
    bool dc_differs;
} ScanSelection;

/* Ends the current part. False if there are too many. */
static bool end_part(ScanSelection *selection, const uint8_t *end)
{
    if (selection->begin == NULL || selection->begin == end)
        return true;
    if (selection->parts.n == JPEG_PARTS_MAX)
        return false;
    selection->parts.items[selection->parts.n++] =
        (JpegPart){selection->begin, (size_t)(end - selection->begin)};
    return true;
}

/* At 2 x 2 samples a block, the coefficients up to here are (0, 1), (1, 0) and (1, 1), and two
 * more. */
#define LAST_AC_OF_TWO 5

/* True if the scale needs a scan of AC, of one component. */
static bool needs_ac(const ScanSelection *selection, int component, int from, bool refines)
{
    int least = selection->cinfo->min_DCT_scaled_size;
    int size =
        selection->same_scale ? least : selection->cinfo->comp_info[component].DCT_scaled_size;
    if (size == 2 && least == 2)
        return from <= LAST_AC_OF_TWO && !refines;
    return size > 1;
}

/* Returns the place of a component by its name in a scan, -1 if there is none. */
static int find_component(const struct jpeg_decompress_struct *cinfo, uint8_t id)
{
    for (int i = 0; i < cinfo->num_components; i++)
        if (cinfo->comp_info[i].component_id == id)
            return i;
    return -1;
}

typedef struct {
    int component;
    int from, to, high, low;
} ScanHeader;

static void note_bits(ScanSelection *selection, const ScanHeader *scan)
{
    for (int i = scan->from; i <= scan->to && i < COEFFICIENTS; i++)
        selection->missing[scan->component][i] = (int8_t)scan->low;
}

/* True if a header is one that libjpeg takes. */
static bool is_legal(const ScanHeader *scan, int n)
{
    if (scan->from == 0 ? scan->to != 0 : n != 1 || scan->to < scan->from || scan->to >= DCTSIZE2)
        return false;
    return scan->low <= 13 && (scan->high == 0 || scan->low == scan->high - 1);
}

/* Adds a scan of DC. `body` and `size`: as in judge_scan. */
static void add_dc(ScanSelection *selection, const ScanHeader *scan, const uint8_t *body,
                   size_t size)
{
    const struct jpeg_decompress_struct *cinfo = selection->cinfo;
    JpegDcScans *dc = &selection->dc;
    bool fits = scan->high != 0 && selection->restart_interval == cinfo->restart_interval &&
                dc->n < JPEG_DC_SCANS_MAX && body[0] == cinfo->comps_in_scan &&
                scan->high == dc->items[dc->n - 1].low;
    for (int i = 0; fits && i < cinfo->comps_in_scan; i++)
        fits = body[1 + 2 * i] == cinfo->cur_comp_info[i]->component_id;
    selection->dc_differs = selection->dc_differs || !fits;
    if (fits) {
        dc->items[dc->n].data = body + size;
        dc->items[dc->n++].low = scan->low;
    }
}

/*
 * Judges a scan by its header, from the number of components on. False if the header is odd.
 * *ret_needed: its coefficients are needed.
 */
static bool judge_scan(ScanSelection *selection, const uint8_t *body, size_t size, bool *ret_needed)
{
    int n = size > 0 ? body[0] : 0;
    if (n < 1 || n > MAX_COMPS_IN_SCAN || size != 4 + 2 * (size_t)n)
        return false;
    const uint8_t *behind = body + 1 + 2 * n;
    ScanHeader scan = {
        .from = behind[0], .to = behind[1], .high = behind[2] >> 4, .low = behind[2] & 0xf};
    if (!is_legal(&scan, n))
        return false;
    for (int i = 0; i < n; i++) {
        scan.component = find_component(selection->cinfo, body[1 + 2 * i]);
        if (scan.component < 0)
            return false;
        note_bits(selection, &scan);
    }
    if (scan.from == 0)
        add_dc(selection, &scan, body, size);
    *ret_needed = scan.from == 0 || needs_ac(selection, scan.component, scan.from, scan.high != 0);
    selection->dc.only_dc = selection->dc.only_dc && (scan.from == 0 || !*ret_needed);
    return true;
}

/* Segments that may stand between scans: tables, restart interval, comments, programs' own data. */
static bool is_plain_segment(uint8_t code)
{
    return code == MARKER_DHT || code == MARKER_DQT || code == MARKER_DRI || code == MARKER_COM ||
           (code >= MARKER_APP0 && code <= MARKER_APP15);
}

/* Takes the segment that begins behind the reader's marker. False if the file is odd there. */
static bool select_segment(ScanSelection *selection, ScanReader *reader, uint8_t code)
{
    /* The marker's two bytes; more of 0xff may precede it. */
    const uint8_t *mark = reader->at - 2;
    if (reader->end - reader->at < 2)
        return false;
    size_t size = (size_t)reader->at[0] << 8 | reader->at[1];
    if (size < 2 || size > (size_t)(reader->end - reader->at))
        return false;
    bool needed = true;
    if (code == MARKER_SOS ? !judge_scan(selection, reader->at + 2, size - 2, &needed)
                           : !is_plain_segment(code))
        return false;
    if (code == MARKER_DRI) {
        if (size != 4)
            return false;
        selection->restart_interval = (unsigned)(reader->at[2] << 8 | reader->at[3]);
    }
    if (needed && selection->begin == NULL)
        selection->begin = mark;
    if (!needed) {
        if (!end_part(selection, mark))
            return false;
        selection->begin = NULL;
    }
    reader->at += size;
    return true;
}

/* True if the scans leave out no bit: otherwise libjpeg guesses, from all that there is. */
static bool has_all_bits(const ScanSelection *selection)
{
    for (int i = 0; i < selection->cinfo->num_components; i++)
        for (int k = 0; k < COEFFICIENTS; k++)
            if (selection->missing[i][k] != 0)
                return false;
    return true;
}

/* Begins with the scan whose header libjpeg has read. False if no scan may be left out. */
static bool begin_selection(ScanSelection *selection)
{
    const struct jpeg_decompress_struct *cinfo = selection->cinfo;
    memset(selection->missing, -1, sizeof selection->missing);
    if (!cinfo->progressive_mode || cinfo->num_components > MAX_COMPS_IN_SCAN || cinfo->Ss != 0 ||
        cinfo->Se != 0 || cinfo->Ah != 0)
        return false;
    for (int i = 0; i < cinfo->comps_in_scan; i++)
        selection->missing[cinfo->cur_comp_info[i]->component_index][0] = (int8_t)cinfo->Al;
    selection->restart_interval = cinfo->restart_interval;
    selection->dc = (JpegDcScans){.n = 1, .only_dc = true};
    selection->dc.items[0].data = cinfo->src->next_input_byte;
    selection->dc.items[0].low = cinfo->Al;
    selection->dc.end = cinfo->src->next_input_byte + cinfo->src->bytes_in_buffer;
    selection->dc_differs = cinfo->comps_in_scan != cinfo->num_components;
    return true;
}

bool jpeg_scans_select_dc(const struct jpeg_decompress_struct *cinfo, bool same_scale,
                          JpegParts *ret_parts, JpegDcScans *ret_scans)
{
    ScanReader reader = {cinfo->src->next_input_byte,
                         cinfo->src->next_input_byte + cinfo->src->bytes_in_buffer};
    ScanSelection selection = {.cinfo = cinfo, .same_scale = same_scale, .begin = reader.at};
    uint8_t code = 0;
    if (!begin_selection(&selection))
        return false;
    while (next_marker(&reader, &code) && code != MARKER_EOI) {
        if (!stands_alone(code) && !select_segment(&selection, &reader, code))
            return false;
    }
    if (code != MARKER_EOI || !has_all_bits(&selection))
        return false;
    if (selection.begin == NULL)
        selection.begin = reader.at - 2;
    if (!end_part(&selection, reader.at) || selection.parts.n == 1)
        return false;
    *ret_parts = selection.parts;
    *ret_scans = selection.dc;
    if (selection.dc_differs)
        ret_scans->n = 0;
    return true;
}

bool jpeg_scans_select(const struct jpeg_decompress_struct *cinfo, bool same_scale,
                       JpegParts *ret_parts)
{
    JpegDcScans scans;
    return jpeg_scans_select_dc(cinfo, same_scale, ret_parts, &scans);
}

bool jpeg_has_many_segments(const void *data, size_t size)
{
    ScanReader reader = {data, (const uint8_t *)data + size};
    int kept = 0;
    uint8_t code;
    while (next_marker(&reader, &code) && code != MARKER_EOI && code != MARKER_SOS) {
        if (stands_alone(code) || code == MARKER_SOI)
            continue;
        size_t left = (size_t)(reader.end - reader.at);
        size_t len = left >= 2 ? (size_t)reader.at[0] << 8 | reader.at[1] : 0;
        if (len < 2 || len > left)
            break;
        kept += code == MARKER_APP1 || code == MARKER_APP2;
        if (kept > JPEG_KEPT_SEGMENTS_MAX)
            return true;
        reader.at += len;
    }
    return false;
}
