/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg_maker.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#define CODE_MAX 16

/*
 * Gives each of `n` symbols the length of a code. All lengths that fit are possible: it starts from
 * the longest and shortens codes at random, as long as one code of all ones stays free.
 */
static void choose_lengths(GRand *rand, int n, uint8_t *lengths)
{
    int room = (1 << CODE_MAX) - 1 - n;
    memset(lengths, CODE_MAX, (size_t)n);
    int tries = g_rand_int_range(rand, 0, 4000);
    /* Some codes are short by plan, so that a look-up holds several symbols. */
    int favoured = g_rand_int_range(rand, 0, n);
    for (int i = 0; i < tries; i++) {
        int symbol = i % 2 == 0 ? g_rand_int_range(rand, 0, n) : favoured;
        int cost = 1 << (CODE_MAX - lengths[symbol]);
        if (lengths[symbol] > 1 && cost <= room) {
            lengths[symbol]--;
            room -= cost;
        }
    }
}

/* Replaces a table by a random code of the same symbols. */
static void choose_code(GRand *rand, JHUFF_TBL *table, const uint8_t *symbols, int n)
{
    uint8_t lengths[256], order[256];
    choose_lengths(rand, n, lengths);
    for (int i = 0; i < n; i++)
        order[i] = (uint8_t)i;
    for (int i = n - 1; i > 0; i--) {
        int j = g_rand_int_range(rand, 0, i + 1);
        uint8_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    int at = 0;
    memset(table->bits, 0, sizeof table->bits);
    for (int len = 1; len <= CODE_MAX; len++) {
        for (int i = 0; i < n; i++) {
            if (lengths[order[i]] != len)
                continue;
            table->bits[len]++;
            table->huffval[at++] = symbols[order[i]];
        }
    }
    table->sent_table = FALSE;
}

static void choose_codes(GRand *rand, struct jpeg_compress_struct *cinfo)
{
    uint8_t dc[12], ac[162];
    int n = 0;
    for (int i = 0; i < 12; i++)
        dc[i] = (uint8_t)i;
    for (int run = 0; run < 16; run++)
        for (int size = 1; size <= 10; size++)
            ac[n++] = (uint8_t)(run << 4 | size);
    ac[n++] = 0x00;
    ac[n++] = 0xf0;
    for (int i = 0; i < 2; i++) {
        choose_code(rand, cinfo->dc_huff_tbl_ptrs[i], dc, 12);
        choose_code(rand, cinfo->ac_huff_tbl_ptrs[i], ac, n);
    }
}

/* Sets the samplings of each component. libjpeg scales whole factors only. */
static void choose_sampling(GRand *rand, struct jpeg_compress_struct *cinfo)
{
    static const int sides[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {1, 4}, {4, 2}};
    /* An MCU has ten blocks at most. */
    int n = cinfo->num_components == 3 ? G_N_ELEMENTS(sides) : G_N_ELEMENTS(sides) - 1;
    const int *side = sides[g_rand_int_range(rand, 0, n)];
    int others = g_rand_int_range(rand, 0, 3);
    for (int i = 0; i < cinfo->num_components; i++) {
        bool is_large = i == 0 || i == 3 || (others == 1 && side[0] * side[1] <= 2);
        cinfo->comp_info[i].h_samp_factor = is_large ? side[0] : 1;
        cinfo->comp_info[i].v_samp_factor = is_large ? side[1] : 1;
    }
}

static void choose_colors(GRand *rand, struct jpeg_compress_struct *cinfo)
{
    static const struct {
        int bands;
        J_COLOR_SPACE from, to;
    } colors[] = {{3, JCS_RGB, JCS_YCbCr},           {3, JCS_RGB, JCS_YCbCr},
                  {1, JCS_GRAYSCALE, JCS_GRAYSCALE}, {3, JCS_RGB, JCS_RGB},
                  {4, JCS_CMYK, JCS_CMYK},           {4, JCS_CMYK, JCS_YCCK}};
    int i = g_rand_int_range(rand, 0, G_N_ELEMENTS(colors));
    cinfo->input_components = colors[i].bands;
    cinfo->in_color_space = colors[i].from;
    jpeg_set_defaults(cinfo);
    jpeg_set_colorspace(cinfo, colors[i].to);
}

#define SCANS_MAX (1 + 2 * 4)

/* Sets scans without refinements: the DC of all components, then two or one of AC for each. */
static void choose_scans(GRand *rand, struct jpeg_compress_struct *cinfo, jpeg_scan_info *scans)
{
    int n = 0;
    jpeg_scan_info *dc = &scans[n++];
    *dc = (jpeg_scan_info){.comps_in_scan = cinfo->num_components};
    for (int i = 0; i < cinfo->num_components; i++)
        dc->component_index[i] = i;
    for (int i = 0; i < cinfo->num_components; i++) {
        int last = g_rand_int_range(rand, 1, 64);
        scans[n++] =
            (jpeg_scan_info){.comps_in_scan = 1, .component_index = {i}, .Ss = 1, .Se = last};
        if (last < 63)
            scans[n++] = (jpeg_scan_info){
                .comps_in_scan = 1, .component_index = {i}, .Ss = last + 1, .Se = 63};
    }
    cinfo->scan_info = scans;
    cinfo->num_scans = n;
}

/* Writes a picture of waves and noise, more or less of each. */
static void write_rows(GRand *rand, struct jpeg_compress_struct *cinfo)
{
    size_t n = (size_t)cinfo->image_width * (size_t)cinfo->input_components;
    g_autofree uint8_t *row = g_malloc(n);
    JSAMPROW rows[] = {row};
    int noise = g_rand_int_range(rand, 0, 3) * 127 + 1;
    int steps[3];
    for (int i = 0; i < 3; i++)
        steps[i] = g_rand_int_range(rand, 0, 40);
    for (int y = 0; y < (int)cinfo->image_height; y++) {
        for (size_t x = 0; x < n; x++) {
            int value = (int)x * steps[0] / 4 + y * steps[1] / 4 + (int)x * y * steps[2] / 64;
            row[x] = (uint8_t)(value + g_rand_int_range(rand, 0, noise));
        }
        (void)jpeg_write_scanlines(cinfo, rows, 1);
    }
}

GBytes *jpeg_make(GRand *rand, const JpegMaker *maker)
{
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    /* An error ends the program. */
    cinfo.err = jpeg_std_error(&errors);
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &data, &size);
    cinfo.image_width = (JDIMENSION)g_rand_int_range(rand, 1, maker->side_max + 1);
    cinfo.image_height = (JDIMENSION)g_rand_int_range(rand, 1, maker->side_max + 1);
    choose_colors(rand, &cinfo);
    choose_sampling(rand, &cinfo);
    jpeg_set_quality(&cinfo, g_rand_int_range(rand, 1, 101), TRUE);
    int restarts = g_rand_int_range(rand, 0, 4);
    cinfo.restart_interval = restarts == 1 ? (unsigned)g_rand_int_range(rand, 1, 20) : 0;
    cinfo.restart_in_rows = restarts == 2 ? 1 : 0;
    int codes = g_rand_int_range(rand, 0, 4);
    jpeg_scan_info scans[SCANS_MAX];
    if (maker->progressive && codes == 0 && cinfo.num_components < 4)
        choose_scans(rand, &cinfo, scans);
    else if (maker->progressive)
        jpeg_simple_progression(&cinfo);
    else if (codes == 0)
        cinfo.optimize_coding = TRUE;
    else if (codes > 1)
        choose_codes(rand, &cinfo);
    jpeg_start_compress(&cinfo, TRUE);
    write_rows(rand, &cinfo);
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    return g_bytes_new_with_free_func(data, size, free, data);
}
