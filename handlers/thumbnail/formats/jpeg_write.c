/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes a picture as JPEG. */
#include "formats/jpeg.h"
#include "formats/jpeg_private.h"
#include "pixels/planes.h"

#include <string.h>

/* From this quality on colours are kept in full resolution. */
#define FULL_CHROMA_QUALITY 90

typedef struct {
    struct jpeg_compress_struct cinfo;
    JpegErrors errors;
    struct jpeg_destination_mgr destination;
    /* The length of the array is the room for output, until the end. */
    GByteArray *bytes;
} Writer;

/* Room for most thumbnails at once, bytes. */
#define WRITE_BYTES (64 << 10)

/*
 * Grows the output. The module has its own destination, as jpeg_mem_dest leaves a dangling pointer
 * behind when writing fails after it has grown.
 */
static void grow(Writer *writer, guint used)
{
    g_byte_array_set_size(writer->bytes, used + MAX(used, WRITE_BYTES));
    writer->destination.next_output_byte = writer->bytes->data + used;
    writer->destination.free_in_buffer = writer->bytes->len - used;
}

static void on_start(j_compress_ptr cinfo)
{
    grow(cinfo->client_data, 0);
}

static boolean on_full(j_compress_ptr cinfo)
{
    Writer *writer = cinfo->client_data;
    grow(writer, writer->bytes->len);
    return TRUE;
}

static void on_end(j_compress_ptr cinfo)
{
    Writer *writer = cinfo->client_data;
    g_byte_array_set_size(writer->bytes,
                          writer->bytes->len - (guint)writer->destination.free_in_buffer);
}

/*
 * Writes all rows. Of a grey picture with three equal bands it writes one. Call it with the escape
 * set.
 */
static void write_rows(struct jpeg_compress_struct *cinfo, const Picture *picture, bool is_grey)
{
    size_t stride = picture_stride(picture);
    JSAMPARRAY grey = NULL;
    if (is_grey && picture->bands > 1)
        grey = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE, cinfo->image_width, 1);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = picture->pixels + cinfo->next_scanline * stride;
        for (int x = 0; grey != NULL && x < picture->width; x++)
            grey[0][x] = row[3 * x];
        (void)jpeg_write_scanlines(cinfo, grey != NULL ? grey : &row, 1);
    }
}

/* Copies a row as the encoder takes it, in whole blocks: repeats the last pixel. */
static void copy_row(const Picture *plane, int y, uint8_t *to, size_t to_width)
{
    size_t width = (size_t)plane->width;
    const uint8_t *from = plane->pixels + (size_t)MIN(y, plane->height - 1) * width;
    memcpy(to, from, width);
    memset(to + width, from[width - 1], to_width - width);
}

/* Writes luma and two colour planes without conversion. Call it with the escape set. */
static void write_planes(struct jpeg_compress_struct *cinfo, const Picture *picture)
{
    const Picture *planes[3] = {picture, picture->chroma[0], picture->chroma[1]};
    JSAMPARRAY rows[3];
    JDIMENSION widths[3];
    for (int i = 0; i < 3; i++) {
        const jpeg_component_info *plane = &cinfo->comp_info[i];
        widths[i] = plane->width_in_blocks * DCTSIZE;
        rows[i] = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE, widths[i],
                                           (JDIMENSION)plane->v_samp_factor * DCTSIZE);
    }
    while (cinfo->next_scanline < cinfo->image_height) {
        int unit = (int)cinfo->next_scanline / (cinfo->max_v_samp_factor * DCTSIZE);
        for (int i = 0; i < 3; i++) {
            int n = cinfo->comp_info[i].v_samp_factor * DCTSIZE;
            for (int y = 0; y < n; y++)
                copy_row(planes[i], unit * n + y, rows[i][y], widths[i]);
        }
        (void)jpeg_write_raw_data(cinfo, rows, (JDIMENSION)cinfo->max_v_samp_factor * DCTSIZE);
    }
}

/* Writes the whole file. Call it with the escape set. */
static void write_picture(Writer *writer, const Picture *picture, bool is_grey, int quality)
{
    bool planes = planes_are(picture);
    struct jpeg_compress_struct *cinfo = &writer->cinfo;
    jpeg_create_compress(cinfo);
    cinfo->client_data = writer;
    cinfo->dest = &writer->destination;
    cinfo->image_width = (JDIMENSION)picture->width;
    cinfo->image_height = (JDIMENSION)picture->height;
    cinfo->input_components = is_grey ? 1 : 3;
    cinfo->in_color_space = is_grey ? JCS_GRAYSCALE : planes ? JCS_YCbCr : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    cinfo->optimize_coding = TRUE;
    cinfo->raw_data_in = planes && !is_grey;
    if (quality >= FULL_CHROMA_QUALITY)
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(cinfo, TRUE);
    if (cinfo->raw_data_in)
        write_planes(cinfo, picture);
    else
        write_rows(cinfo, picture, is_grey);
    jpeg_finish_compress(cinfo);
}

bool jpeg_accepts_planes(int quality)
{
    return quality < FULL_CHROMA_QUALITY;
}

GBytes *jpeg_encode(const Picture *picture, int quality, GError **error)
{
    g_autofree Writer *writer = g_new0(Writer, 1);
    bool is_grey = planes_are(picture) ? planes_are_grey(picture) : picture_is_grey(picture);
    jpeg_errors_init(&writer->errors);
    writer->cinfo.err = &writer->errors.base;
    writer->bytes = g_byte_array_new();
    writer->destination.init_destination = on_start;
    writer->destination.empty_output_buffer = on_full;
    writer->destination.term_destination = on_end;

    if (setjmp(writer->errors.escape) != 0) {
        jpeg_errors_set((j_common_ptr)&writer->cinfo, error);
        jpeg_destroy_compress(&writer->cinfo);
        g_byte_array_unref(writer->bytes);
        return NULL;
    }
    write_picture(writer, picture, is_grey, quality);
    jpeg_destroy_compress(&writer->cinfo);
    return g_byte_array_free_to_bytes(writer->bytes);
}
