/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg/jpeg_hook.h"

/* Debian installs it beside jpeglib.h; libjpeg-turbo alone does not install it. */
#if __has_include(<jpegint.h>)

#include "jpeg/entropy.h"
#include "jpeg/libjpeg_version.h"

#include <glib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpegint.h>

/* Each of the four tables of a file that a scan can name, of two kinds. */
#define TABLES 4

typedef struct {
    HuffmanCode code;
    bool is_made;
    HuffmanDc table;
} KeptDc;

typedef struct {
    HuffmanCode code;
    bool is_made;
    HuffmanAc table;
} KeptAc;

/* Most files have the same tables, and fresh memory costs more than a small picture. */
static struct {
    KeptDc dc[TABLES];
    KeptAc ac[TABLES];
    Entropy entropy;
    /* See jpeg_hook_set_values. */
    const int16_t *next_value;
} kept;

/* libjpeg's own decoder for baseline Huffman data; NULL: the hook is never set. */
static boolean (*own_decoder)(j_decompress_ptr cinfo, JBLOCKROW *blocks);

static boolean decode_mcu(j_decompress_ptr cinfo, JBLOCKROW *blocks)
{
    if (!entropy_read(&kept.entropy, blocks))
        ERREXIT(cinfo, JERR_BAD_LENGTH);
    return TRUE;
}

static HuffmanCode code_of(const JHUFF_TBL *table)
{
    HuffmanCode code;
    G_STATIC_ASSERT(sizeof code.counts == sizeof table->bits);
    G_STATIC_ASSERT(sizeof code.symbols == sizeof table->huffval);
    memcpy(code.counts, table->bits, sizeof code.counts);
    /* libjpeg ignores it. */
    code.counts[0] = 0;
    memcpy(code.symbols, table->huffval, sizeof code.symbols);
    return code;
}

/* Returns a table for the code, kept or new in place `i`; NULL: it is none of baseline. */
static const HuffmanDc *find_dc(const JHUFF_TBL *source, int i)
{
    KeptDc *place = &kept.dc[i];
    HuffmanCode code = code_of(source);
    if (!place->is_made || memcmp(&code, &place->code, sizeof code) != 0) {
        place->code = code;
        place->is_made = huffman_make_dc(&place->table, &code);
    }
    return place->is_made ? &place->table : NULL;
}

/*
 * Returns the decoding table for a Huffman table of libjpeg; made again only if that has changed.
 * NULL if it is invalid.
 */
static const HuffmanAc *find_ac(const JHUFF_TBL *source, int i, bool skips)
{
    KeptAc *place = &kept.ac[i];
    HuffmanCode code = code_of(source);
    if (!place->is_made || memcmp(&code, &place->code, sizeof code) != 0) {
        place->code = code;
        place->is_made = huffman_make_ac(&place->table, &code);
    }
    if (!place->is_made)
        return NULL;
    if (skips)
        huffman_add_skip(&place->table);
    else
        huffman_add_pair(&place->table);
    return &place->table;
}

/* Describes the only scan of a picture. False if a table is none of baseline. */
static bool describe_scan(const struct jpeg_decompress_struct *cinfo, EntropyScan *scan)
{
    *scan = (EntropyScan){.data = cinfo->src->next_input_byte,
                          .size = cinfo->src->bytes_in_buffer,
                          .n_blocks = cinfo->blocks_in_MCU,
                          .n_mcus = (int64_t)cinfo->MCUs_per_row * cinfo->MCU_rows_in_scan,
                          .restart_interval = (int)cinfo->restart_interval};
    for (int i = 0; i < cinfo->comps_in_scan; i++) {
        const jpeg_component_info *component = cinfo->cur_comp_info[i];
        int dc = component->dc_tbl_no, ac = component->ac_tbl_no;
        /* libjpeg has checked the numbers, and that the tables are there. */
        bool skips = component->DCT_scaled_size == 1;
        scan->components[i] =
            (EntropyComponent){.dc = find_dc(cinfo->dc_huff_tbl_ptrs[dc], dc),
                               .ac = find_ac(cinfo->ac_huff_tbl_ptrs[ac], ac, skips),
                               .skips_ac = skips};
        if (scan->components[i].dc == NULL || scan->components[i].ac == NULL)
            return false;
    }
    for (int i = 0; i < scan->n_blocks; i++)
        scan->block_components[i] = (uint8_t)cinfo->MCU_membership[i];
    return true;
}

/* Lets this module decode the coefficients instead of libjpeg, if it can do so for this file. */
static bool set_hook(struct jpeg_decompress_struct *cinfo)
{
    G_STATIC_ASSERT(D_MAX_BLOCKS_IN_MCU <= ENTROPY_BLOCKS_MAX);
    G_STATIC_ASSERT(MAX_COMPS_IN_SCAN <= ENTROPY_COMPONENTS_MAX);
    EntropyScan scan;
    if (cinfo->data_precision != 8 || cinfo->progressive_mode || cinfo->arith_code ||
        jpeg_has_multiple_scans(cinfo) || cinfo->buffered_image ||
        cinfo->entropy->decode_mcu != own_decoder || !describe_scan(cinfo, &scan))
        return false;
    entropy_start(&kept.entropy, &scan);
    cinfo->entropy->decode_mcu = decode_mcu;
    return true;
}

/* Hands the values of DC to libjpeg that were decoded before. */
static boolean copy_values(j_decompress_ptr cinfo, JBLOCKROW *blocks)
{
    for (int i = 0; i < cinfo->blocks_in_MCU; i++)
        (*blocks[i])[0] = *kept.next_value++;
    return TRUE;
}

/* Adds a table of AC that is never used: libjpeg checks that one is there. */
static void add_ac_table(struct jpeg_decompress_struct *cinfo, int i)
{
    if (i < 0 || i >= NUM_HUFF_TBLS || cinfo->ac_huff_tbl_ptrs[i] != NULL)
        return;
    JHUFF_TBL *table = cinfo->ac_huff_tbl_ptrs[i] = jpeg_alloc_huff_table((j_common_ptr)cinfo);
    memset(table, 0, sizeof *table);
    table->bits[1] = 1;
}

bool jpeg_hook_flatten(struct jpeg_decompress_struct *cinfo, const JpegDcScans *scans)
{
    if (scans->n == 0 || !scans->only_dc || cinfo->arith_code || cinfo->data_precision != 8 ||
        !jpeg_hook_works())
        return false;
    for (int i = 0; i < cinfo->comps_in_scan; i++) {
        const int dc = cinfo->cur_comp_info[i]->dc_tbl_no;
        /* For a baseline file libjpeg would take a standard table in its place. */
        if (dc < 0 || dc >= NUM_HUFF_TBLS || cinfo->dc_huff_tbl_ptrs[dc] == NULL)
            return false;
    }
    for (int i = 0; i < cinfo->comps_in_scan; i++)
        add_ac_table(cinfo, cinfo->cur_comp_info[i]->ac_tbl_no);
    cinfo->progressive_mode = FALSE;
    cinfo->inputctl->has_multiple_scans = FALSE;
    cinfo->Se = DCTSIZE2 - 1;
    cinfo->Al = 0;
    return true;
}

/* Describes a scan of DC with the tables that the first has. False if one is none of baseline. */
static bool describe_dc(const struct jpeg_decompress_struct *cinfo, EntropyScan *scan)
{
    *scan = (EntropyScan){.n_blocks = cinfo->blocks_in_MCU,
                          .n_mcus = (int64_t)cinfo->MCUs_per_row * cinfo->MCU_rows_in_scan,
                          .restart_interval = (int)cinfo->restart_interval};
    for (int i = 0; i < cinfo->comps_in_scan; i++) {
        int dc = cinfo->cur_comp_info[i]->dc_tbl_no;
        scan->components[i].dc = find_dc(cinfo->dc_huff_tbl_ptrs[dc], dc);
        if (scan->components[i].dc == NULL)
            return false;
    }
    for (int i = 0; i < scan->n_blocks; i++)
        scan->block_components[i] = (uint8_t)cinfo->MCU_membership[i];
    return true;
}

/* Decodes a scan of DC into a value for each block. */
static bool read_values(const EntropyScan *scan, int16_t *values)
{
    entropy_start(&kept.entropy, scan);
    for (int64_t i = 0; i < scan->n_mcus; i++)
        if (!entropy_read_dc(&kept.entropy, values + i * scan->n_blocks))
            return false;
    return true;
}

bool jpeg_hook_set_values(struct jpeg_decompress_struct *cinfo, const JpegDcScans *scans,
                          int16_t **ret_values)
{
    EntropyScan scan;
    if (cinfo->entropy->decode_mcu != own_decoder || !describe_dc(cinfo, &scan))
        return false;
    int16_t *values = *ret_values = g_try_new0(int16_t, (gsize)(scan.n_mcus * scan.n_blocks));
    for (int i = 0; values != NULL && i < scans->n; i++) {
        scan.kind = i == 0 ? ENTROPY_DC_FIRST : ENTROPY_DC_REFINED;
        scan.low = scans->items[i].low;
        scan.data = scans->items[i].data;
        scan.size = (size_t)(scans->end - scan.data);
        if (!read_values(&scan, values))
            return false;
    }
    kept.next_value = values;
    cinfo->entropy->decode_mcu = copy_values;
    return values != NULL;
}

/* The start picture has to have restarts, differences of all kinds, and several pieces of an MCU.
 */
#define TRIAL_SIDE 48

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
} TrialErrors;

static void on_error(j_common_ptr cinfo)
{
    longjmp(((TrialErrors *)cinfo->err)->escape, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    (void)cinfo;
    (void)level;
}

static void set_errors(TrialErrors *errors)
{
    (void)jpeg_std_error(&errors->base);
    errors->base.error_exit = on_error;
    errors->base.emit_message = on_message;
}

/* Makes the start picture. NULL if libjpeg fails. Owner: the caller, who calls free. */
static uint8_t *make_trial(unsigned long *ret_size)
{
    struct jpeg_compress_struct cinfo;
    TrialErrors errors;
    uint8_t row[TRIAL_SIDE * 3];
    JSAMPROW rows[] = {row};
    /* volatile: they are read behind an escape. */
    uint8_t *volatile data = NULL;
    unsigned long size = 0;
    set_errors(&errors);
    cinfo.err = &errors.base;
    if (setjmp(errors.escape) == 0) {
        jpeg_create_compress(&cinfo);
        jpeg_mem_dest(&cinfo, (unsigned char **)&data, &size);
        cinfo.image_width = cinfo.image_height = TRIAL_SIDE;
        cinfo.input_components = 3;
        cinfo.in_color_space = JCS_RGB;
        jpeg_set_defaults(&cinfo);
        jpeg_set_quality(&cinfo, 90, TRUE);
        cinfo.restart_interval = 4;
        jpeg_start_compress(&cinfo, TRUE);
        for (unsigned y = 0; y < TRIAL_SIDE; y++) {
            for (unsigned x = 0; x < sizeof row; x++)
                row[x] = (uint8_t)(x * 5 + y * 3 + (x * y * 7919 >> 4 & 0x3f));
            (void)jpeg_write_scanlines(&cinfo, rows, 1);
        }
        jpeg_finish_compress(&cinfo);
    } else {
        free(data);
        data = NULL;
    }
    jpeg_destroy_compress(&cinfo);
    *ret_size = size;
    return data;
}

typedef uint8_t TrialPixels[TRIAL_SIDE * TRIAL_SIDE * 3];

/*
 * Decodes the start picture at 1 / `scale`, with the hook or without. Without, it learns which
 * decoder libjpeg has. False if libjpeg fails, or if the hook cannot be set.
 */
static bool decode_trial(const uint8_t *data, unsigned long size, unsigned scale, bool hooks,
                         TrialPixels *pixels)
{
    struct jpeg_decompress_struct cinfo;
    TrialErrors errors;
    volatile bool fine = false;
    set_errors(&errors);
    cinfo.err = &errors.base;
    if (setjmp(errors.escape) == 0) {
        jpeg_create_decompress(&cinfo);
        jpeg_mem_src(&cinfo, data, size);
        (void)jpeg_read_header(&cinfo, TRUE);
        cinfo.scale_denom = scale;
        (void)jpeg_start_decompress(&cinfo);
        if (!hooks)
            own_decoder = cinfo.entropy->decode_mcu;
        fine = !hooks || set_hook(&cinfo);
        while (fine && cinfo.output_scanline < cinfo.output_height) {
            JSAMPROW row = *pixels + (size_t)cinfo.output_scanline * cinfo.output_width * 3;
            (void)jpeg_read_scanlines(&cinfo, &row, 1);
        }
    } else {
        fine = false;
    }
    jpeg_destroy_decompress(&cinfo);
    return fine;
}

/* True if the start picture is the same with the hook and without. */
static bool try_hook(void)
{
    TrialPixels expected = {0}, made = {0};
    unsigned long size;
    uint8_t *data = make_trial(&size);
    bool fine = data != NULL;
    for (unsigned scale = 1; fine && scale <= 8; scale *= 2)
        fine = decode_trial(data, size, scale, false, &expected) &&
               libjpeg_has((const void *)own_decoder) &&
               decode_trial(data, size, scale, true, &made) &&
               memcmp(expected, made, sizeof made) == 0;
    free(data);
    return fine;
}

bool jpeg_hook_works(void)
{
    static enum { UNKNOWN, WORKS, FAILS } state = UNKNOWN;
    if (state == UNKNOWN)
        state = libjpeg_is_as_compiled() && try_hook() ? WORKS : FAILS;
    return state == WORKS;
}

bool jpeg_hook_set(struct jpeg_decompress_struct *cinfo)
{
    return jpeg_hook_works() && set_hook(cinfo);
}

#else

bool jpeg_hook_works(void)
{
    return false;
}

bool jpeg_hook_set(struct jpeg_decompress_struct *cinfo)
{
    (void)cinfo;
    return false;
}

bool jpeg_hook_flatten(struct jpeg_decompress_struct *cinfo, const JpegDcScans *scans)
{
    (void)cinfo;
    (void)scans;
    return false;
}

bool jpeg_hook_set_values(struct jpeg_decompress_struct *cinfo, const JpegDcScans *scans,
                          int16_t **ret_values)
{
    (void)cinfo;
    (void)scans;
    (void)ret_values;
    return false;
}

#endif
