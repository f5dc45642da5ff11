/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/webp.h"

#include <glib.h>
#include <string.h>

static void add_chunk(GByteArray *file, const char *type, uint8_t size)
{
    const uint8_t len[4] = {size, 0, 0, 0};
    g_byte_array_append(file, (const uint8_t *)type, 4);
    g_byte_array_append(file, len, 4);
    for (int i = 0; i < size + size % 2; i++)
        g_byte_array_append(file, (const uint8_t *)"x", 1);
}

/* Makes an animation of frames of 10, 7 (padded) and 20 bytes; `ends` has the end of each. */
static GByteArray *make_file(guint ends[3])
{
    static const uint8_t sizes[3] = {10, 7, 20};
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (const uint8_t *)"RIFF\0\0\0\0WEBP", 12);
    add_chunk(file, "VP8X", 10);
    add_chunk(file, "ANIM", 6);
    for (int i = 0; i < 3; i++) {
        add_chunk(file, "ANMF", sizes[i]);
        ends[i] = file->len;
    }
    add_chunk(file, "EXIF", 4);
    file->data[4] = (uint8_t)(file->len - 8);
    return file;
}

/* With any cut of the file, the rest ends with the last complete frame, and its header agrees. */
static void test_cut(void)
{
    guint ends[3];
    g_autoptr(GByteArray) file = make_file(ends);
    for (guint size = 0; size < file->len; size++) {
        g_autofree uint8_t *exact = g_memdup2(file->data, size);
        g_autoptr(GBytes) whole = webp_whole_frames(exact, size);
        guint end = size >= ends[2] ? ends[2] : size >= ends[1] ? ends[1] : ends[0];
        if (size < ends[0]) {
            g_assert_null(whole);
            continue;
        }
        const uint8_t *bytes = g_bytes_get_data(whole, NULL);
        g_assert_cmpuint(g_bytes_get_size(whole), ==, end);
        g_assert_cmpuint(bytes[4], ==, end - 8);
        g_assert_cmpmem(bytes + 8, end - 8, file->data + 8, end - 8);
    }
}

/* A file that does not end early needs no repair. */
static void test_whole(void)
{
    guint ends[3];
    g_autoptr(GByteArray) file = make_file(ends);
    g_assert_null(webp_whole_frames(file->data, file->len));
    file->data[8] = 'A';
    g_assert_null(webp_whole_frames(file->data, ends[1]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/webp/cut", test_cut);
    g_test_add_func("/webp/whole", test_whole);
    return g_test_run();
}
