/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg_compare.h"

#include "formats/jpeg_private.h"
#include "jpeg/jpeg_hook.h"

#include <setjmp.h>
#include <string.h>

#include <jerror.h>

#define COMPONENTS_MAX 4
/* Four blocks. */
#define ROWS_MAX (4 * DCTSIZE)

typedef struct {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    bool damaged;
    GByteArray *pixels, *room;
    JpegSource source;
    int16_t *values;
} Reader;

static void on_error(j_common_ptr cinfo)
{
    longjmp(((Reader *)cinfo->client_data)->escape, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    if (level >= 0)
        return;
    switch (cinfo->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        ((Reader *)cinfo->client_data)->damaged = true;
        break;
    default:
        break;
    }
}

static void read_planes(Reader *reader)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    JSAMPROW rows[COMPONENTS_MAX][ROWS_MAX];
    JSAMPARRAY planes[COMPONENTS_MAX] = {rows[0], rows[1], rows[2], rows[3]};
    while (cinfo->output_scanline < cinfo->output_height) {
        size_t total = 0;
        for (int i = 0; i < cinfo->num_components; i++) {
            const jpeg_component_info *plane = &cinfo->comp_info[i];
            total += (size_t)plane->width_in_blocks * (size_t)plane->DCT_scaled_size *
                     (size_t)(plane->v_samp_factor * plane->DCT_scaled_size);
        }
        g_byte_array_set_size(reader->room, (guint)total);
        memset(reader->room->data, 0, total);
        uint8_t *at = reader->room->data;
        for (int i = 0; i < cinfo->num_components; i++) {
            const jpeg_component_info *plane = &cinfo->comp_info[i];
            for (int y = 0; y < plane->v_samp_factor * plane->DCT_scaled_size; y++) {
                rows[i][y] = at;
                at += (size_t)plane->width_in_blocks * (size_t)plane->DCT_scaled_size;
            }
        }
        (void)jpeg_read_raw_data(
            cinfo, planes, (JDIMENSION)(cinfo->max_v_samp_factor * cinfo->min_DCT_scaled_size));
        g_byte_array_append(reader->pixels, reader->room->data, (guint)total);
    }
}

static void read_pixels(Reader *reader)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    g_byte_array_set_size(reader->room, cinfo->output_width * (guint)cinfo->output_components);
    while (cinfo->output_scanline < cinfo->output_height) {
        JSAMPROW row = reader->room->data;
        (void)jpeg_read_scanlines(cinfo, &row, 1);
        g_byte_array_append(reader->pixels, reader->room->data, reader->room->len);
    }
}

static bool read_rows(Reader *reader, bool planes)
{
    if (planes)
        read_planes(reader);
    else
        read_pixels(reader);
    return true;
}

/* Call it with the escape set. False if the hook refuses the data. */
static bool start_libjpeg(Reader *reader, JpegWay way, JpegDecoded *decoded)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    JpegParts parts;
    JpegDcScans dc;
    bool is_flat = false;
    if (way.leaves_out && jpeg_scans_select_dc(cinfo, way.planes, &parts, &dc)) {
        jpeg_source_set(&reader->source, &parts, cinfo);
        cinfo->do_block_smoothing = FALSE;
        decoded->left_out = true;
        is_flat = way.flattens && jpeg_hook_flatten(cinfo, &dc);
        decoded->flattened = is_flat;
    }
    (void)jpeg_start_decompress(cinfo);
    if (way.planes)
        jpeg_limit_colors(cinfo);
    if (way.hooks)
        decoded->hooked = jpeg_hook_set(cinfo);
    return !is_flat || jpeg_hook_set_values(cinfo, &dc, &reader->values);
}

/* Call it with the escape set. */
static bool read_picture(Reader *reader, const uint8_t *data, size_t size, JpegWay way,
                         JpegDecoded *decoded)
{
    struct jpeg_decompress_struct *cinfo = &reader->cinfo;
    jpeg_create_decompress(cinfo);
    cinfo->client_data = reader;
    jpeg_mem_src(cinfo, data, size);
    (void)jpeg_read_header(cinfo, TRUE);
    if ((int64_t)cinfo->image_width * cinfo->image_height > JPEG_COMPARE_PIXELS_MAX ||
        cinfo->num_components > COMPONENTS_MAX)
        return false;
    cinfo->scale_num = 1;
    cinfo->scale_denom = way.denominator;
    if (way.planes) {
        cinfo->out_color_space = cinfo->jpeg_color_space;
        cinfo->raw_data_out = TRUE;
        cinfo->do_fancy_upsampling = FALSE;
    }
    jpeg_calc_output_dimensions(cinfo);
    return start_libjpeg(reader, way, decoded) && read_rows(reader, way.planes);
}

void jpeg_decode_way(const uint8_t *data, size_t size, JpegWay way, JpegDecoded *ret_decoded)
{
    Reader *reader = g_new0(Reader, 1);
    JpegDecoded *decoded = g_new0(JpegDecoded, 1);
    reader->pixels = g_byte_array_new();
    reader->room = g_byte_array_new();
    reader->cinfo.err = jpeg_std_error(&reader->errors);
    /* For an error before jpeg_create_decompress ends. */
    reader->cinfo.client_data = reader;
    reader->errors.error_exit = on_error;
    reader->errors.emit_message = on_message;
    if (setjmp(reader->escape) == 0)
        decoded->complete = read_picture(reader, data, size, way, decoded);
    decoded->damaged = reader->damaged;
    decoded->pixels = reader->pixels;
    *ret_decoded = *decoded;
    jpeg_destroy_decompress(&reader->cinfo);
    g_byte_array_unref(reader->room);
    g_free(reader->values);
    g_free(decoded);
    g_free(reader);
}

void jpeg_decoded_clear(JpegDecoded *decoded)
{
    g_clear_pointer(&decoded->pixels, g_byte_array_unref);
}

bool jpeg_compare(const uint8_t *data, size_t size, unsigned denominator, bool planes)
{
    JpegWay way = {.denominator = denominator, .planes = planes, .hooks = true};
    g_auto(JpegDecoded) made = {0}, expected = {0};
    jpeg_decode_way(data, size, way, &made);
    if (!made.hooked || !made.complete)
        return false;
    way.hooks = false;
    jpeg_decode_way(data, size, way, &expected);
    g_assert_true(expected.complete);
    g_assert_false(expected.damaged);
    g_assert_cmpmem(made.pixels->data, made.pixels->len, expected.pixels->data,
                    expected.pixels->len);
    return true;
}

/* True if the file is without fault in this way. */
static bool is_fine(const JpegDecoded *decoded)
{
    return decoded->complete && !decoded->damaged;
}

bool jpeg_compare_scans(const uint8_t *data, size_t size, unsigned denominator, bool planes,
                        bool *ret_flattened)
{
    JpegWay way = {.denominator = denominator, .planes = planes};
    g_auto(JpegDecoded) flat = {0}, cut = {0}, whole = {0};
    jpeg_decode_way(data, size, way, &whole);
    way.leaves_out = true;
    jpeg_decode_way(data, size, way, &cut);
    way.flattens = true;
    jpeg_decode_way(data, size, way, &flat);
    *ret_flattened = flat.flattened && is_fine(&flat);
    if (*ret_flattened && !is_fine(&cut)) {
        /* Tables of scans that are left out are read in one of the ways only. */
        g_assert_false(cut.complete);
    } else if (*ret_flattened) {
        g_assert_cmpmem(flat.pixels->data, flat.pixels->len, cut.pixels->data, cut.pixels->len);
    }
    if (!cut.left_out || !is_fine(&cut) || !is_fine(&whole))
        return false;
    if (denominator == 8)
        g_assert_cmpmem(cut.pixels->data, cut.pixels->len, whole.pixels->data, whole.pixels->len);
    else
        g_assert_cmpuint(cut.pixels->len, ==, whole.pixels->len);
    return true;
}
