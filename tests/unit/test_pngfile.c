/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/pngfile.h"

#include <glib.h>
#include <string.h>

/* Adds a chunk by its letter: H IHDR, t tEXt, z zTXt, i iTXt, x XMP, p sPLT, D IDAT, E IEND. */
static void add_chunk(GByteArray *file, char letter)
{
    static const char xmp[] = "\0\0\0\x17iTXtXML:com.adobe.xmp\0\0\0\0\0a";
    if (letter == 'x') {
        g_byte_array_append(file, (const uint8_t *)xmp, sizeof xmp - 1);
        g_byte_array_append(file, (const uint8_t *)"1234", 4);
        return;
    }
    const char *type = letter == 'H'   ? "IHDR"
                       : letter == 't' ? "tEXt"
                       : letter == 'z' ? "zTXt"
                       : letter == 'i' ? "iTXt"
                       : letter == 'p' ? "sPLT"
                       : letter == 'D' ? "IDAT"
                                       : "IEND";
    g_byte_array_append(file, (const uint8_t *)"\0\0\0\5", 4);
    g_byte_array_append(file, (const uint8_t *)type, 4);
    /* Five bytes of data and a checksum. */
    g_byte_array_append(file, (const uint8_t *)"hello1234", 9);
}

static GByteArray *make_file(const char *letters)
{
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (const uint8_t *)"\x89PNG\r\n\x1a\n", 8);
    for (; *letters; letters++)
        add_chunk(file, *letters);
    return file;
}

typedef struct {
    const char *name, *chunks;
    /* Chunks that are kept; NULL: the file needs no change. */
    const char *kept;
} Case;

static const Case cases[] = {
    {"none", "HDE", NULL},
    {"few", "HtttxDE", NULL},
    {"sixteen", "HttttttttppppppppxDE", NULL},
    {"one-more", "HttttttttpppppppptDE", "HttttttttppppppppDE"},
    {"behind", "HDtttttttttttttttttttE", "HDttttttttttttttttE"},
    {"between", "HttttttttttttttttpDtDpE", "HttttttttttttttttDDE"},
    {"compressed", "HztiDzE", "HtDE"},
    {"second-xmp", "HxDxxE", "HxDE"},
};

static void test_texts(const void *data)
{
    const Case *row = data;
    g_autoptr(GByteArray) file = make_file(row->chunks);
    g_autoptr(GBytes) made = pngfile_without_texts(file->data, file->len);
    if (row->kept == NULL) {
        g_assert_null(made);
        return;
    }
    g_autoptr(GByteArray) expected = make_file(row->kept);
    g_assert_nonnull(made);
    g_assert_cmpmem(g_bytes_get_data(made, NULL), g_bytes_get_size(made), expected->data,
                    expected->len);
}

/*
 * With any cut of the file, and if lengths point beyond the end, no byte is read that is not there.
 */
static void test_cut(void)
{
    g_autoptr(GByteArray) file = make_file("HttttttttttttttttttttttttDE");
    memset(file->data + 8 + 17 * 20, 0xff, 4);
    for (guint size = 0; size <= file->len; size++) {
        g_autofree uint8_t *exact = g_memdup2(file->data, size);
        g_autoptr(GBytes) made = pngfile_without_texts(exact, size);
        if (made != NULL)
            g_assert_cmpuint(g_bytes_get_size(made), <, size);
        g_autoptr(Picture) picture = pngfile_decode_part(exact, size, 4, 4, NULL);
        /* The file has no pixel. */
        g_assert_null(picture);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/pngfile/texts/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_texts);
    }
    g_test_add_func("/pngfile/cut", test_cut);
    return g_test_run();
}
