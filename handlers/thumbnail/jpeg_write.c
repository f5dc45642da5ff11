#include "jpeg.h"
#include "jpeg_private.h"

/* From here on colours are kept in full resolution. */
#define FULL_CHROMA_QUALITY 90

typedef struct {
    struct jpeg_compress_struct cinfo;
    JpegErrors errors;
    struct jpeg_destination_mgr destination;
    GByteArray *bytes; /* its length is what there is room for, until the end */
} Writer;

/* Room for most thumbnails at once. */
#define WRITE_BYTES (64 << 10)

/*
 * Grows the output. A destination of our own, as jpeg_mem_dest leaves a dangling pointer behind
 * when writing fails after it has grown.
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

/* Three bands to one, where they are all the same. */
static void write_rows(struct jpeg_compress_struct *cinfo, const Picture *picture, uint8_t *grey)
{
    size_t stride = picture_stride(picture);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = picture->pixels + cinfo->next_scanline * stride;
        if (grey != NULL) {
            for (int x = 0; x < picture->width; x++)
                grey[x] = row[3 * x];
            row = grey;
        }
        (void)jpeg_write_scanlines(cinfo, &row, 1);
    }
}

/* Writes all of it. Call with the escape set. */
static void write_picture(Writer *writer, const Picture *picture, int quality, uint8_t *grey)
{
    struct jpeg_compress_struct *cinfo = &writer->cinfo;
    jpeg_create_compress(cinfo);
    cinfo->client_data = writer;
    cinfo->dest = &writer->destination;
    cinfo->image_width = (JDIMENSION)picture->width;
    cinfo->image_height = (JDIMENSION)picture->height;
    cinfo->input_components = grey != NULL ? 1 : 3;
    cinfo->in_color_space = grey != NULL ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    cinfo->optimize_coding = TRUE;
    if (quality >= FULL_CHROMA_QUALITY)
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(cinfo, TRUE);
    write_rows(cinfo, picture, grey);
    jpeg_finish_compress(cinfo);
}

GBytes *jpeg_encode(const Picture *picture, int quality, GError **error)
{
    g_autofree Writer *writer = g_new0(Writer, 1);
    g_autofree uint8_t *grey = picture_is_grey(picture) ? g_malloc((gsize)picture->width) : NULL;
    jpeg_errors_init(&writer->errors);
    writer->cinfo.err = &writer->errors.base;
    writer->bytes = g_byte_array_new();
    writer->destination.init_destination = on_start;
    writer->destination.empty_output_buffer = on_full;
    writer->destination.term_destination = on_end;

    if (setjmp(writer->errors.escape) != 0) {
        jpeg_errors_take((j_common_ptr)&writer->cinfo, error);
        jpeg_destroy_compress(&writer->cinfo);
        g_byte_array_unref(writer->bytes);
        return NULL;
    }
    write_picture(writer, picture, quality, grey);
    jpeg_destroy_compress(&writer->cinfo);
    return g_byte_array_free_to_bytes(writer->bytes);
}
