/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_tiles.h"

#include "base/error.h"

#include <string.h>

typedef struct {
    /* Kind of the references; "" ends the list. */
    char kind[5];
    uint32_t from, to;
    /* Number of references to the same item, in one box. */
    int times;
} Refs;

typedef struct {
    /* Number of the item; 0 ends the list. */
    uint32_t item;
    uint32_t width, height;
} Size;

typedef struct {
    const char *name;
    Refs refs[8];
    Size sizes[4];
    ErrorCode error;
    /* Part of the message. */
    const char *message;
} Case;

#define MAX_PIXELS 100000000

#define TILES HEIF_REFERENCES_MAX

static const Case cases[] = {
    {"no-references", {{"", 0, 0, 0}}, {{1, 60000, 60000}}, ERROR_NONE, NULL},
    {"others", {{"thmb", 2, 1, 60000}, {"cdsc", 3, 1, 60000}}, {{0}}, ERROR_NONE, NULL},
    /* A picture of a phone: tiles of 512 x 512, half as many for a gain map, and a picture made of
     * the two. */
    {"phone",
     {{"dimg", 100, 1, 192},
      {"dimg", 200, 1, 48},
      {"auxl", 200, 100, 1},
      {"dimg", 300, 100, 1},
      {"dimg", 300, 200, 1}},
     {{1, 512, 512}},
     ERROR_NONE,
     NULL},
    {"grid-of-most", {{"dimg", 100, 1, TILES}}, {{1, 64, 64}}, ERROR_NONE, NULL},
    {"grid-of-more",
     {{"dimg", 100, 1, TILES + 1}},
     {{1, 64, 64}},
     ERROR_TOO_MANY_PIXELS,
     "more than 4096 references"},
    {"grids-of-more",
     {{"dimg", 100, 1, TILES / 2}, {"dimg", 101, 1, TILES / 2}, {"dimg", 102, 1, 1}},
     {{0}},
     ERROR_TOO_MANY_PIXELS,
     "more than 4096 references"},
    {"alphas-of-more", {{"auxl", 2, 1, TILES + 1}}, {{0}}, ERROR_TOO_MANY_PIXELS, "4096"},
    /* Few references give many tiles. */
    {"grid-of-grids",
     {{"dimg", 100, 1, 512}, {"dimg", 101, 100, 9}},
     {{0}},
     ERROR_TOO_MANY_PIXELS,
     "picture 101 is made of more than 4096 tiles"},
    {"grid-of-few-grids", {{"dimg", 100, 1, 512}, {"dimg", 101, 100, 8}}, {{0}}, ERROR_NONE, NULL},
    {"tiles-with-alpha",
     {{"dimg", 100, 1, 1000}, {"auxl", 2, 1, 1}, {"auxl", 3, 1, 1}, {"auxl", 4, 1, 1}},
     {{0}},
     ERROR_NONE,
     NULL},
    {"tiles-with-alphas",
     {{"dimg", 100, 1, 1000}, {"auxl", 2, 1, 4}},
     {{0}},
     ERROR_TOO_MANY_PIXELS,
     "picture 100 is made of more than 4096 tiles"},
    {"most-derived", {{"dimg", 100, 1, 1}, {"dimg", 101, 100, 15}}, {{0}}, ERROR_NONE, NULL},
    {"more-derived",
     {{"dimg", 100, 1, 1}, {"dimg", 101, 100, 16}},
     {{0}},
     ERROR_TOO_MANY_PIXELS,
     "more than 16 pictures of tiles"},
    /* The pixels of the tiles may be twice the limit plus 16.8 million. */
    {"pixels-most", {{"dimg", 100, 1, 216}}, {{1, 1000, 1000}}, ERROR_NONE, NULL},
    {"pixels-more",
     {{"dimg", 100, 1, 217}},
     {{1, 1000, 1000}},
     ERROR_TOO_MANY_PIXELS,
     "tiles with more than 216777216 pixels"},
    {"pixels-largest-of-two",
     {{"dimg", 100, 1, 217}},
     {{1, 1000, 1000}, {1, 64, 64}},
     ERROR_TOO_MANY_PIXELS,
     "pixels"},
    {"pixels-overflow",
     {{"dimg", 100, 1, TILES}},
     {{1, UINT32_MAX, UINT32_MAX}},
     ERROR_TOO_MANY_PIXELS,
     "pixels"},
    {"depth-most", {{"dimg", 100, 1, 1}, {"dimg", 101, 100, 1}}, {{0}}, ERROR_NONE, NULL},
    {"depth-more",
     {{"dimg", 100, 1, 1}, {"dimg", 101, 100, 1}, {"dimg", 102, 101, 1}},
     {{0}},
     ERROR_UNSUPPORTED_TYPE,
     "picture 102 is made of pictures that are made of others in turn, more than 2 deep"},
    {"of-itself", {{"dimg", 100, 100, 1}}, {{0}}, ERROR_UNSUPPORTED_TYPE, "deep"},
    {"circle",
     {{"dimg", 100, 101, 1}, {"dimg", 101, 100, 1}},
     {{0}},
     ERROR_UNSUPPORTED_TYPE,
     "deep"},
    {"alpha-of-itself", {{"auxl", 1, 1, 1}}, {{0}}, ERROR_UNSUPPORTED_TYPE, "deep"},
    {"references-named-uuid", {{"uuid", 100, 1, 1}}, {{0}}, ERROR_DAMAGED, "do not fill"},
};

/* The forms in which numbers of items and properties are written. */
typedef struct {
    bool wide_items, wide_indices;
} Form;

static void put(GByteArray *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        g_byte_array_append(out, &byte, 1);
    }
}

static guint open_box(GByteArray *out, const char *name)
{
    guint start = out->len;
    put(out, 0, 4);
    g_byte_array_append(out, (const uint8_t *)name, 4);
    return start;
}

static void close_box(GByteArray *out, guint start)
{
    guint size = out->len - start;
    for (guint i = 0; i < 4; i++)
        out->data[start + i] = (uint8_t)(size >> (24 - 8 * i));
}

static void put_iref(GByteArray *out, const Case *row, Form form)
{
    int id_bytes = form.wide_items ? 4 : 2;
    guint iref = open_box(out, "iref");
    put(out, form.wide_items ? 1 << 24 : 0, 4);
    for (const Refs *refs = row->refs; refs->kind[0] != '\0'; refs++) {
        guint box = open_box(out, refs->kind);
        put(out, refs->from, id_bytes);
        put(out, (uint64_t)refs->times, 2);
        for (int i = 0; i < refs->times; i++)
            put(out, refs->to, id_bytes);
        close_box(out, box);
    }
    close_box(out, iref);
}

static void put_iprp(GByteArray *out, const Case *row, Form form)
{
    guint iprp = open_box(out, "iprp");
    guint ipco = open_box(out, "ipco");
    close_box(out, open_box(out, "hvcC"));
    size_t n = 0;
    for (; row->sizes[n].item != 0; n++) {
        guint ispe = open_box(out, "ispe");
        put(out, 0, 4);
        put(out, row->sizes[n].width, 4);
        put(out, row->sizes[n].height, 4);
        close_box(out, ispe);
    }
    close_box(out, ipco);
    guint ipma = open_box(out, "ipma");
    put(out, (form.wide_items ? 1U << 24 : 0) | form.wide_indices, 4);
    put(out, n, 4);
    for (size_t i = 0; i < n; i++) {
        put(out, row->sizes[i].item, form.wide_items ? 4 : 2);
        put(out, 2, 1);
        put(out, form.wide_indices ? 0x8001 : 0x81, form.wide_indices ? 2 : 1);
        put(out, 2 + i, form.wide_indices ? 2 : 1);
    }
    close_box(out, ipma);
    close_box(out, iprp);
}

static GByteArray *make(const Case *row, Form form)
{
    GByteArray *out = g_byte_array_new();
    close_box(out, open_box(out, "ftyp"));
    guint meta = open_box(out, "meta");
    put(out, 0, 4);
    put_iref(out, row, form);
    put_iprp(out, row, form);
    close_box(out, meta);
    return out;
}

/* The file is alone in memory, so that a sanitizer detects each read beyond it. */
static void check(const void *bytes, size_t size, ErrorCode expected, const char *message)
{
    g_autofree void *copy = g_memdup2(bytes, size);
    g_autoptr(GError) error = NULL;
    HeifClaims claims;
    bool fine = heif_tiles_check(copy, size, MAX_PIXELS, &claims, &error);
    g_assert_cmpstr(error_name(error ? (ErrorCode)error->code : ERROR_NONE), ==,
                    error_name(expected));
    g_assert_cmpint(fine, ==, expected == ERROR_NONE);
    if (message != NULL && strstr(error->message, message) == NULL)
        g_error("'%s' is not in: %s", message, error->message);
}

static void test_case(const void *data)
{
    const Case *row = data;
    for (int i = 0; i < 4; i++) {
        g_autoptr(GByteArray) file = make(row, (Form){i & 1, i & 2});
        check(file->data, file->len, row->error, row->message);
    }
}

/* With any cut of the file, the reader does not go beyond the end, and refuses nothing that it
 * accepts in the whole. */
static void test_cut(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) file = make(&cases[i], (Form){false, false});
        for (size_t size = 0; size < file->len; size += file->len < 1000 ? 1 : 997) {
            g_autofree void *copy = g_memdup2(file->data, size);
            g_autoptr(GError) error = NULL;
            HeifClaims claims;
            if (!heif_tiles_check(copy, size, MAX_PIXELS, &claims, &error) &&
                error->code != (int)cases[i].error)
                g_assert_cmpstr(error_name((ErrorCode)error->code), ==, "damaged");
        }
    }
}

typedef struct {
    const char *name;
    const char *bytes;
    size_t size;
    ErrorCode error;
} Raw;

#define RAW(name, literal, error)                                                                  \
    {                                                                                              \
        name, literal, sizeof(literal) - 1, error                                                  \
    }

/* A picture that is derived from itself; readers refuse it. */
#define ITSELF                                                                                     \
    "\0\0\0\x0e"                                                                                   \
    "dimg\0\7\0\1\0\7"
#define REFUSED ERROR_UNSUPPORTED_TYPE

static const Raw raws[] = {
    RAW("nothing", "", ERROR_NONE),
    RAW("zeros", "\0\0\0\0\0\0\0\0", ERROR_NONE),
    RAW("no-meta",
        "\0\0\0\x1a"
        "free\0\0\0\0\0\0\0\x1a"
        "iref\0\0\0\0" ITSELF,
        ERROR_NONE),
    RAW("plain", "\0\0\0\x26meta\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF, REFUSED),
    RAW("behind-another",
        "\0\0\0\x0a"
        "free\1\2\0\0\0\x26meta\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF,
        REFUSED),
    RAW("second-meta", "\0\0\0\x0cmeta\0\0\0\0\0\0\0\x26meta\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF,
        REFUSED),
    RAW("second-iref", "\0\0\0\x32meta\0\0\0\0\0\0\0\x0ciref\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF,
        REFUSED),
    RAW("to-the-end", "\0\0\0\0meta\0\0\0\0\0\0\0\0iref\0\0\0\0" ITSELF, REFUSED),
    RAW("long-size",
        "\0\0\0\1meta\0\0\0\0\0\0\0\x36\0\0\0\0\0\0\0\1iref\0\0\0\0\0\0\0\x22\0\0\0\0" ITSELF,
        REFUSED),
    RAW("size-beyond-the-file", "\x7f\0\0\0meta\0\0\0\0\x7f\0\0\0iref\0\0\0\0" ITSELF, REFUSED),
    RAW("size-of-all-ones",
        "\0\0\0\1meta\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF,
        REFUSED),
    RAW("size-below-its-head", "\0\0\0\7meta\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF, ERROR_NONE),
    RAW("long-size-below-its-head",
        "\0\0\0\1meta\0\0\0\0\0\0\0\x0f\0\0\0\0\0\0\0\x1airef\0\0\0\0" ITSELF, ERROR_NONE),
    RAW("long-size-cut", "\0\0\0\1meta\0\0\0", ERROR_NONE),
    /* If the number of references counts, the first box ends where the second seems to begin. */
    RAW("fewer-than-the-box-holds",
        "\0\0\0\x2ameta\0\0\0\0\0\0\0\x1eiref\0\0\0\0\0\0\0\x12thmb\0\7\0\0dimg\0\7",
        ERROR_DAMAGED),
    RAW("more-than-the-box-holds",
        "\0\0\0\x26meta\0\0\0\0\0\0\0\x1airef\0\0\0\0\0\0\0\x0e"
        "dimg\0\7\0\2\0\7",
        ERROR_DAMAGED),
    RAW("references-cut",
        "\0\0\0\x26meta\0\0\0\0\0\0\0\x1airef\0\0\0\0\0\0\0\x0e"
        "dimg\0\7\0",
        ERROR_DAMAGED),
};

static void test_raw(const void *data)
{
    const Raw *row = data;
    check(row->bytes, row->size, row->error, NULL);
}

/* The reader accepts any bytes. */
static void test_noise(void)
{
    const Case *row = &cases[2];
    for (unsigned i = 0; i < 2000; i++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(i);
        g_autoptr(GByteArray) file = make(row, (Form){i & 1, i & 2});
        for (int changes = 0; changes < 4; changes++) {
            guint at = (guint)g_rand_int_range(random, 0, (gint)file->len);
            file->data[at] = (uint8_t)g_rand_int_range(random, 0, 256);
        }
        g_autofree void *copy = g_memdup2(file->data, file->len);
        g_autoptr(GError) error = NULL;
        HeifClaims claims;
        bool fine = heif_tiles_check(copy, file->len, MAX_PIXELS, &claims, &error);
        g_assert_cmpint(fine, ==, error == NULL);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/heif-tiles/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(raws); i++) {
        g_autofree char *path = g_strdup_printf("/heif-tiles/raw/%s", raws[i].name);
        g_test_add_data_func(path, &raws[i], test_raw);
    }
    g_test_add_func("/heif-tiles/cut", test_cut);
    g_test_add_func("/heif-tiles/noise", test_noise);
    return g_test_run();
}
