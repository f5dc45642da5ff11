/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_costs.h"

#include "base/error.h"
#include "formats/tiff_layout.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHORT     3
#define LONG      4
#define LONG8     16
#define UNDEFINED 7

#define BLOB_BYTES  (1 << 20)
#define ENTRIES_MAX 1200

/* An entry in a file of one or several directories, with a blob of BLOB_BYTES behind them. */
typedef struct {
    uint16_t tag, type;
    uint32_t n;
    /* The value, if it is not in the blob. */
    uint32_t value;
    bool in_blob;
} Entry;

typedef struct {
    bool is_big_endian, is_big_tiff;
} Form;

static void put(GByteArray *out, Form form, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * (form.is_big_endian ? n - 1 - i : i));
        g_byte_array_append(out, &byte, 1);
    }
}

static size_t directory_bytes(Form form, size_t n)
{
    return form.is_big_tiff ? 8 + 20 * n + 8 : 2 + 12 * n + 4;
}

/* Makes `n_pages` equal directories. If `is_loop`, the last one leads to the first. */
static GByteArray *make(Form form, const Entry *entries, size_t n, size_t n_pages, bool is_loop)
{
    GByteArray *out = g_byte_array_new();
    size_t word = form.is_big_tiff ? 8 : 4, first = 2 * word;
    size_t blob_at = first + n_pages * directory_bytes(form, n);
    g_byte_array_append(out, (const uint8_t *)(form.is_big_endian ? "MM" : "II"), 2);
    put(out, form, form.is_big_tiff ? 43 : 42, 2);
    if (form.is_big_tiff)
        put(out, form, form.is_big_endian ? 8 << 16 : 8, 4);
    put(out, form, first, word);
    for (size_t page = 0; page < n_pages; page++) {
        put(out, form, n, form.is_big_tiff ? 8 : 2);
        for (size_t i = 0; i < n; i++) {
            const Entry *entry = &entries[i];
            put(out, form, entry->tag, 2);
            put(out, form, entry->type, 2);
            put(out, form, entry->n, word);
            bool is_apart = entry->in_blob && entry->n > 1;
            size_t bytes = is_apart ? word : entry->type == SHORT ? 2 : 4;
            put(out, form, entry->in_blob ? blob_at : entry->value, bytes);
            put(out, form, 0, word - bytes);
        }
        bool is_last = page + 1 == n_pages;
        size_t next = is_last ? (is_loop ? first : 0) : out->len + word;
        put(out, form, next, word);
    }
    g_assert_cmpuint(out->len, ==, blob_at);
    return out;
}

static void add_blob(GByteArray *file)
{
    g_autofree uint8_t *blob = g_malloc0(BLOB_BYTES);
    g_byte_array_append(file, blob, BLOB_BYTES);
}

static bool check_costs(const void *data, size_t size, int max_pages, GError **error)
{
    Tiff tiff;
    TiffChoice choice;
    if (!tiff_open(data, size, &tiff))
        return true;
    tiff_choose(&tiff, &choice);
    return tiff_costs_check(&tiff, choice.at, max_pages, error);
}

/* The file is alone in memory, so that a sanitizer detects each read beyond it. */
static bool check(const GByteArray *file, int max_pages, GError **error)
{
    g_autofree void *copy = g_memdup2(file->data, file->len);
    return check_costs(copy, file->len, max_pages, error);
}

/* Asserts the answer; ERROR_NONE: the file passes. */
static void assert_answer(const GByteArray *file, int max_pages, ErrorCode code)
{
    g_autoptr(GError) error = NULL;
    bool is_fine = check(file, max_pages, &error);
    g_assert_cmpint(is_fine, ==, error == NULL);
    if (code == ERROR_NONE)
        g_assert_no_error(error);
    else
        g_assert_error(error, THUMBQ_ERROR, code);
}

static Form form_of(int i)
{
    return (Form){i & 1, i & 2};
}

static void test_pages(void)
{
    static const Entry entry = {.tag = 256, .type = LONG, .n = 1, .value = 1};
    for (int i = 0; i < 4; i++) {
        for (size_t n = 1; n <= 4; n++) {
            for (int is_loop = 0; is_loop < 2; is_loop++) {
                g_autoptr(GByteArray) file = make(form_of(i), &entry, 1, n, is_loop);
                assert_answer(file, 3, ERROR_NONE);
            }
        }
    }
}

static void test_entries(void)
{
    g_autofree Entry *entries = g_new0(Entry, ENTRIES_MAX);
    const size_t most = TIFF_ENTRIES_MAX + TIFF_ENTRIES_EACH_MAX;
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        entries[i] = (Entry){.tag = (uint16_t)(1000 + i), .type = LONG, .n = 1};
    for (int i = 0; i < 4; i++) {
        g_autoptr(GByteArray) fine = make(form_of(i), entries, most, 1, false);
        g_autoptr(GByteArray) more = make(form_of(i), entries, most + 1, 1, false);
        g_autoptr(GByteArray) pages = make(form_of(i), entries, TIFF_ENTRIES_EACH_MAX, 90, false);
        g_autoptr(GByteArray) many = make(form_of(i), entries, 200, 90, false);
        assert_answer(fine, 200, ERROR_NONE);
        assert_answer(more, 200, ERROR_DAMAGED);
        assert_answer(pages, 200, ERROR_NONE);
        assert_answer(many, 200, ERROR_DAMAGED);
    }
}

/* Each of `n` entries has the same megabyte as its value. */
static void check_values(Form form, size_t n, size_t n_pages, ErrorCode code)
{
    g_autofree Entry *entries = g_new0(Entry, n);
    for (size_t i = 0; i < n; i++)
        entries[i] = (Entry){
            .tag = (uint16_t)(1000 + i), .type = UNDEFINED, .n = BLOB_BYTES, .in_blob = true};
    g_autoptr(GByteArray) file = make(form, entries, n, n_pages, false);
    add_blob(file);
    assert_answer(file, 200, code);
}

static void test_values(void)
{
    for (int i = 0; i < 4; i++) {
        check_values(form_of(i), 65, 1, ERROR_NONE);
        check_values(form_of(i), 66, 1, ERROR_DAMAGED);
        check_values(form_of(i), 13, 5, ERROR_NONE);
        check_values(form_of(i), 11, 6, ERROR_DAMAGED);
    }
}

/* Makes n tiles that each claim the whole blob. The blob begins with these numbers. */
static void check_tiles(Form form, uint32_t n, uint32_t tables, ErrorCode code)
{
    const uint32_t bytes = tables > 0 ? 100 : BLOB_BYTES;
    const Entry entries[] = {{.tag = 259, .type = SHORT, .n = 1, .value = tables > 0 ? 7 : 8},
                             {.tag = 322, .type = LONG, .n = 1, .value = 16},
                             {.tag = 325, .type = LONG, .n = n, .in_blob = true},
                             {.tag = 347, .type = UNDEFINED, .n = tables, .in_blob = true}};
    size_t n_entries = tables > 0 ? G_N_ELEMENTS(entries) : G_N_ELEMENTS(entries) - 1;
    g_autoptr(GByteArray) file = make(form, entries, n_entries, 1, false);
    size_t at = file->len;
    g_autoptr(GByteArray) lengths = g_byte_array_new();
    for (uint32_t i = 0; i < n; i++)
        put(lengths, form, bytes, 4);
    add_blob(file);
    memcpy(file->data + at, lengths->data, lengths->len);
    assert_answer(file, 200, code);
}

static void test_tiles(void)
{
    for (int i = 0; i < 4; i++) {
        check_tiles(form_of(i), 64, 0, ERROR_NONE);
        check_tiles(form_of(i), 66, 0, ERROR_TOO_MANY_PIXELS);
        check_tiles(form_of(i), 600, 100000, ERROR_NONE);
        check_tiles(form_of(i), 700, 100000, ERROR_TOO_MANY_PIXELS);
        check_tiles(form_of(i), 60000, 600, ERROR_NONE);
    }
}

/* Makes one tile or strip with so many starts of scans. */
static void check_scans(Form form, bool is_tile, uint32_t length, int scans, ErrorCode code)
{
    const Entry entries[] = {
        {.tag = 259, .type = SHORT, .n = 1, .value = 7},
        {.tag = is_tile ? 322 : 278, .type = LONG, .n = 1, .value = 16},
        {.tag = is_tile ? 324 : 273, .type = LONG, .n = 1, .in_blob = true},
        {.tag = is_tile ? 325 : 279, .type = LONG, .n = 1, .value = length},
    };
    g_autoptr(GByteArray) file = make(form, entries, G_N_ELEMENTS(entries), 1, false);
    for (int i = 0; i < scans; i++)
        g_byte_array_append(file, (const uint8_t *)"\xff\x00\xff\xff\xda\xda", 6);
    assert_answer(file, 200, code);
}

/* Makes two tiles and a single length: the entry behind the length is not the second one. */
static void check_missing_length(Form form)
{
    const Entry entries[] = {
        {.tag = 259, .type = SHORT, .n = 1, .value = 7},
        {.tag = 322, .type = LONG, .n = 1, .value = 16},
        {.tag = 324, .type = LONG, .n = 2, .in_blob = true},
        {.tag = 325, .type = LONG, .n = 1, .value = 1},
        {.tag = 347, .type = UNDEFINED, .n = 1, .value = 0},
    };
    g_autoptr(GByteArray) file = make(form, entries, G_N_ELEMENTS(entries), 1, false);
    uint32_t scans_at = file->len + 8;
    put(file, form, scans_at, 4);
    put(file, form, scans_at, 4);
    for (int i = 0; i < 21; i++)
        g_byte_array_append(file, (const uint8_t *)"\xff\x00\xff\xff\xda\xda", 6);
    assert_answer(file, 200, ERROR_NONE);
}

static void test_scans(void)
{
    for (int i = 0; i < 4; i++) {
        check_scans(form_of(i), true, 6 * 21, 20, ERROR_NONE);
        check_scans(form_of(i), true, 6 * 21, 21, ERROR_TOO_MANY_PIXELS);
        /* The tile is alone in the file. */
        check_scans(form_of(i), true, 0, 21, ERROR_TOO_MANY_PIXELS);
        /* libtiff counts the scans. */
        check_scans(form_of(i), false, 6 * 21, 21, ERROR_NONE);
        check_missing_length(form_of(i));
    }
}

/* Bytes of the memory that stands at each place of a huge file. */
#define CHUNK_BYTES (16 << 20)

/* Maps a file of `size` bytes whose bytes are all `value`, and which begins with `head`. */
static uint8_t *map_huge(size_t size, int value, const GByteArray *head)
{
    int fd = memfd_create("chunk", MFD_CLOEXEC);
    uint8_t *file = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    g_assert_cmpint(ftruncate(fd, CHUNK_BYTES), ==, 0);
    g_assert_true(file != MAP_FAILED);
    for (size_t at = 0; at < size; at += CHUNK_BYTES)
        g_assert_true(mmap(file + at, CHUNK_BYTES, PROT_READ | PROT_WRITE,
                           (at == 0 ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED, fd, 0) == file + at);
    memset(file + CHUNK_BYTES, value, CHUNK_BYTES);
    memcpy(file, head->data, head->len);
    close(fd);
    return file;
}

typedef struct {
    size_t size;
    int value;
    /* Lengths of tiles, and bytes of the tables of JPEG. */
    uint64_t n, tables;
} HugeCase;

/* The sums of these files are 2^64, which would look like 0. */
static void test_huge(void)
{
    static const HugeCase cases[] = {
        {UINT64_C(1) << 34, 0xff, UINT64_C(1) << 30, 0},
        {UINT64_C(1) << 36, 0, UINT64_C(1) << 32, UINT64_C(1) << 32},
    };
    const Form form = {.is_big_tiff = true};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const HugeCase *row = &cases[i];
        g_autoptr(GByteArray) head = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        const uint64_t entries[][4] = {{259, SHORT, 1, row->tables > 0 ? 7 : 8},
                                       {322, LONG, 1, 16},
                                       {325, LONG8, row->n, CHUNK_BYTES},
                                       {347, UNDEFINED, row->tables, CHUNK_BYTES}};
        g_byte_array_append(head, (const uint8_t *)"II", 2);
        put(head, form, 43, 2);
        put(head, form, 8, 4);
        put(head, form, 16, 8);
        put(head, form, G_N_ELEMENTS(entries), 8);
        for (size_t j = 0; j < G_N_ELEMENTS(entries); j++) {
            put(head, form, entries[j][0], 2);
            put(head, form, entries[j][1], 2);
            put(head, form, entries[j][2], 8);
            put(head, form, entries[j][3], 8);
        }
        put(head, form, 0, 8);
        uint8_t *file = map_huge(row->size, row->value, head);
        g_assert_false(check_costs(file, row->size, 200, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS);
        g_assert_cmpint(munmap(file, row->size), ==, 0);
    }
}

/* libtiff reads a strip of JPEG of TIFF 6.0 without a length up to the end of the file. */
static void test_old_jpeg(void)
{
    static const struct {
        uint32_t compression, offsets, lengths;
        ErrorCode code;
    } rows[] = {
        {6, 60, 60, ERROR_NONE},
        {6, 100, 100, ERROR_TOO_MANY_PIXELS},
        /* Lengths of the last strips are missing. */
        {6, 100, 2, ERROR_TOO_MANY_PIXELS},
        {6, 60, 2, ERROR_NONE},
        /* Strips of other kinds are empty then. */
        {1, 100, 100, ERROR_NONE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (int form = 0; form < 4; form++) {
            const Entry entries[] = {
                {.tag = 259, .type = SHORT, .n = 1, .value = rows[i].compression},
                {.tag = 273, .type = LONG, .n = rows[i].offsets, .in_blob = true},
                {.tag = 279, .type = LONG, .n = rows[i].lengths, .in_blob = true}};
            g_autoptr(GByteArray) file = make(form_of(form), entries, 3, 1, false);
            add_blob(file);
            assert_answer(file, 10, rows[i].code);
        }
    }
}

static void test_others(void)
{
    static const char *const files[] = {"", "II*", "GIF89a", "II*\0\0\0\0\0",
                                        "MM\0*\xff\xff\xff\xff"};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GByteArray) file = g_byte_array_new();
        g_byte_array_append(file, (const uint8_t *)files[i], (guint)strlen(files[i]));
        assert_answer(file, 1, ERROR_NONE);
    }
}

/* With any cut of the file, and any changed bytes, the reader does not go beyond the end,
 * and its answers agree. */
static void test_noise(void)
{
    static const Entry entries[] = {{.tag = 259, .type = SHORT, .n = 1, .value = 7},
                                    {.tag = 322, .type = LONG, .n = 1, .value = 16},
                                    {.tag = 324, .type = LONG, .n = 9, .value = 8},
                                    {.tag = 325, .type = LONG, .n = 9, .value = 40},
                                    {.tag = 347, .type = UNDEFINED, .n = 9, .value = 9}};
    for (unsigned i = 0; i < 4000; i++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(i);
        g_autoptr(GByteArray) file =
            make(form_of((int)i), entries, G_N_ELEMENTS(entries), 3, i % 3 == 0);
        for (int changes = 0; changes < 3; changes++) {
            guint at = (guint)g_rand_int_range(random, 2, (gint)file->len);
            file->data[at] = (uint8_t)g_rand_int_range(random, 0, 256);
        }
        g_byte_array_set_size(file, (guint)g_rand_int_range(random, 1, (gint)file->len + 1));
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(check(file, 2 + (int)(i % 2), &error), ==, error == NULL);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tiff-costs/others", test_others);
    g_test_add_func("/tiff-costs/pages", test_pages);
    g_test_add_func("/tiff-costs/entries", test_entries);
    g_test_add_func("/tiff-costs/values", test_values);
    g_test_add_func("/tiff-costs/tiles", test_tiles);
    g_test_add_func("/tiff-costs/huge", test_huge);
    g_test_add_func("/tiff-costs/scans", test_scans);
    g_test_add_func("/tiff-costs/old-jpeg", test_old_jpeg);
    g_test_add_func("/tiff-costs/noise", test_noise);
    return g_test_run();
}
