/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/metadata.h"

#include "model/rendition.h"

#include <gio/gio.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112
#define ENTRY_SIZE      12
/* Bytes after the length of a JPEG segment. */
#define SEGMENT_MAX  65533
#define ICC_PART_MAX (SEGMENT_MAX - 14)

static const char exif_prefix[6] = "Exif\0";
static const char xmp_prefix[29] = "http://ns.adobe.com/xap/1.0/";

static void set_block(GBytes **block, const void *data, size_t size)
{
    g_clear_pointer(block, g_bytes_unref);
    if (size > 0 && size <= METADATA_BLOCK_MAX)
        *block = g_bytes_new(data, size);
}

void metadata_set_icc(Metadata *metadata, const void *data, size_t size)
{
    set_block(&metadata->icc, data, size);
}

void metadata_set_xmp(Metadata *metadata, const void *data, size_t size)
{
    set_block(&metadata->xmp, data, size);
}

static uint32_t get(const uint8_t *at, int n, bool big)
{
    uint32_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | at[big ? i : n - 1 - i];
    return value;
}

/*
 * Changes the block to that of an upright picture without a thumbnail. False if it is no TIFF
 * block.
 */
static bool settle_exif(uint8_t *data, size_t size)
{
    if (size < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return false;
    bool big = data[0] == 'M';
    size_t directory = get(data + 4, 4, big);
    if (directory > size - 2)
        return false;
    size_t n = get(data + directory, 2, big), end = directory + 2 + n * ENTRY_SIZE;
    if (end + 4 > size)
        return false;
    for (size_t at = directory + 2; at < end; at += ENTRY_SIZE) {
        if (get(data + at, 2, big) != TAG_ORIENTATION)
            continue;
        memset(data + at + 8, 0, 4);
        data[at + (big ? 9 : 8)] = 1;
    }
    /* No next directory: that one would have the thumbnail. */
    memset(data + end, 0, 4);
    return true;
}

void metadata_set_exif(Metadata *metadata, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    g_clear_pointer(&metadata->exif, g_bytes_unref);
    if (size > sizeof exif_prefix && memcmp(bytes, exif_prefix, sizeof exif_prefix) == 0) {
        bytes += sizeof exif_prefix;
        size -= sizeof exif_prefix;
    }
    if (size == 0 || size > METADATA_BLOCK_MAX)
        return;
    g_autofree uint8_t *copy = g_memdup2(bytes, size);
    if (settle_exif(copy, size))
        metadata->exif = g_bytes_new_take(g_steal_pointer(&copy), size);
}

void metadata_clear(Metadata *metadata)
{
    g_clear_pointer(&metadata->icc, g_bytes_unref);
    g_clear_pointer(&metadata->exif, g_bytes_unref);
    g_clear_pointer(&metadata->xmp, g_bytes_unref);
}

static void append_number(GByteArray *out, uint32_t value, int n, bool big)
{
    for (int i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * (big ? n - 1 - i : i));
        g_byte_array_append(out, &byte, 1);
    }
}

static void append(GByteArray *out, const void *data, size_t size)
{
    g_byte_array_append(out, data, (guint)size);
}

static void append_bytes(GByteArray *out, GBytes *bytes)
{
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    append(out, data, size);
}

static void append_segment(GByteArray *out, uint8_t marker, const void *prefix, size_t prefix_size,
                           const void *data, size_t size)
{
    if (prefix_size + size > SEGMENT_MAX)
        return;
    append(out, (const uint8_t[]){0xff, marker}, 2);
    append_number(out, (uint32_t)(prefix_size + size + 2), 2, true);
    append(out, prefix, prefix_size);
    append(out, data, size);
}

/* Appends the colour profile, in as many segments as it takes. */
static void append_jpeg_icc(GByteArray *out, GBytes *icc)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(icc, &size);
    size_t n = (size + ICC_PART_MAX - 1) / ICC_PART_MAX;
    for (size_t i = 0; i < n && n <= 255; i++) {
        uint8_t prefix[14] = "ICC_PROFILE";
        prefix[12] = (uint8_t)(i + 1);
        prefix[13] = (uint8_t)n;
        size_t at = i * ICC_PART_MAX;
        append_segment(out, 0xe2, prefix, sizeof prefix, data + at, MIN(ICC_PART_MAX, size - at));
    }
}

/* Puts the blocks behind the start marker and the JFIF segment. */
void metadata_embed_jpeg(GByteArray *out, const uint8_t *file, size_t size,
                         const Metadata *metadata)
{
    size_t head = 2;
    if (size > 6 && file[2] == 0xff && file[3] == 0xe0)
        head += 2 + get(file + 4, 2, true);
    head = MIN(head, size);
    append(out, file, head);
    size_t length;
    const void *data;
    if (metadata->exif != NULL) {
        data = g_bytes_get_data(metadata->exif, &length);
        append_segment(out, 0xe1, exif_prefix, sizeof exif_prefix, data, length);
    }
    if (metadata->xmp != NULL) {
        data = g_bytes_get_data(metadata->xmp, &length);
        append_segment(out, 0xe1, xmp_prefix, sizeof xmp_prefix, data, length);
    }
    if (metadata->icc != NULL)
        append_jpeg_icc(out, metadata->icc);
    append(out, file + head, size - head);
}

/* Computes the checksum of PNG: ISO 3309. */
static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static void append_chunk(GByteArray *out, const char *name, const void *prefix, size_t prefix_size,
                         GBytes *body)
{
    append_number(out, (uint32_t)(prefix_size + g_bytes_get_size(body)), 4, true);
    guint start = out->len;
    append(out, name, 4);
    append(out, prefix, prefix_size);
    append_bytes(out, body);
    append_number(out, crc32_of(out->data + start, out->len - start), 4, true);
}

static GBytes *deflate_bytes(GBytes *bytes)
{
    g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 6);
    g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
    g_autoptr(GOutputStream) stream =
        g_converter_output_stream_new(memory, G_CONVERTER(compressor));
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    if (!g_output_stream_write_all(stream, data, size, NULL, NULL, NULL) ||
        !g_output_stream_close(stream, NULL, NULL))
        return NULL;
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
}

/* Puts the blocks behind the header, as the profile has to come before the pixels. */
void metadata_embed_png(GByteArray *out, const uint8_t *file, size_t size, const Metadata *metadata)
{
    /* Name, and the method of compression: 0. */
    static const char icc_prefix[] = "icc\0";
    static const char itxt_prefix[22] = "XML:com.adobe.xmp";
    size_t head = MIN(size, 8 + 25);
    append(out, file, head);
    g_autoptr(GBytes) icc = metadata->icc != NULL ? deflate_bytes(metadata->icc) : NULL;
    if (icc != NULL)
        append_chunk(out, "iCCP", icc_prefix, sizeof icc_prefix, icc);
    if (metadata->exif != NULL)
        append_chunk(out, "eXIf", "", 0, metadata->exif);
    if (metadata->xmp != NULL)
        append_chunk(out, "iTXt", itxt_prefix, sizeof itxt_prefix, metadata->xmp);
    append(out, file + head, size - head);
}

static void append_riff(GByteArray *out, const char *name, GBytes *body)
{
    size_t size = g_bytes_get_size(body);
    append(out, name, 4);
    append_number(out, (uint32_t)size, 4, false);
    append_bytes(out, body);
    if (size % 2 != 0)
        append(out, "", 1);
}

/* Writes the header of an extended file, with the canvas size and alpha of a simple one. */
static void append_vp8x(GByteArray *out, const uint8_t *chunk, uint8_t flags)
{
    uint32_t width, height;
    if (memcmp(chunk, "VP8L", 4) == 0) {
        uint32_t bits = get(chunk + 9, 4, false);
        width = bits & 0x3fff;
        height = bits >> 14 & 0x3fff;
        flags |= bits >> 28 & 1 ? 0x10 : 0;
    } else {
        width = (get(chunk + 14, 2, false) & 0x3fff) - 1;
        height = (get(chunk + 16, 2, false) & 0x3fff) - 1;
    }
    append(out, "VP8X\12\0\0", 8);
    append_number(out, flags, 4, false);
    append_number(out, width, 3, false);
    append_number(out, height, 3, false);
}

void metadata_embed_webp(GByteArray *out, const uint8_t *file, size_t size,
                         const Metadata *metadata)
{
    uint8_t flags =
        (uint8_t)((metadata->icc != NULL ? 0x20 : 0) | (metadata->exif != NULL ? 0x08 : 0) |
                  (metadata->xmp != NULL ? 0x04 : 0));
    size_t head = 12;
    append(out, file, head);
    if (size >= 30 && memcmp(file + head, "VP8X", 4) == 0) {
        append(out, file + head, 18);
        out->data[head + 8] |= flags;
        head += 18;
    } else if (size >= 30) {
        append_vp8x(out, file + head, flags);
    }
    if (metadata->icc != NULL)
        append_riff(out, "ICCP", metadata->icc);
    append(out, file + head, size - head);
    if (metadata->exif != NULL)
        append_riff(out, "EXIF", metadata->exif);
    if (metadata->xmp != NULL)
        append_riff(out, "XMP ", metadata->xmp);
    for (int i = 0; i < 4; i++)
        out->data[4 + i] = (uint8_t)((out->len - 8) >> 8 * i);
}

GBytes *metadata_embed(GBytes *bytes, MetadataEmbed *embed, const Metadata *metadata, unsigned keep)
{
    const Metadata chosen = {.icc = keep & KEEP_ICC ? metadata->icc : NULL,
                             .exif = keep & KEEP_EXIF ? metadata->exif : NULL,
                             .xmp = keep & KEEP_XMP ? metadata->xmp : NULL};
    if (embed == NULL || (chosen.icc == NULL && chosen.exif == NULL && chosen.xmp == NULL))
        return g_bytes_ref(bytes);
    size_t size;
    const uint8_t *file = g_bytes_get_data(bytes, &size);
    GByteArray *out = g_byte_array_new();
    embed(out, file, size, &chosen);
    return g_byte_array_free_to_bytes(out);
}
