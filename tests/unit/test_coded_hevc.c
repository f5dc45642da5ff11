/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/coded_hevc.h"

#include <glib.h>
#include <string.h>

#define TYPE_TRAIL 1
#define TYPE_IDR   19
#define TYPE_SPS   33
#define TYPE_PPS   34

/* The writer of NAL units. Source: ITU-T H.265, 7.3. */
typedef struct {
    uint8_t bytes[128];
    size_t n_bits;
} Nal;

static void put(Nal *nal, uint64_t value, int n)
{
    while (n-- > 0) {
        /* The compiler can see here that the write stays within the buffer. */
        g_assert(nal->n_bits / 8 < sizeof nal->bytes);
        nal->bytes[nal->n_bits / 8] |= (uint8_t)((value >> n & 1) << (7 - nal->n_bits % 8));
        nal->n_bits++;
    }
}

static void put_golomb(Nal *nal, uint64_t value)
{
    int n = 0;
    while ((value + 1) >> (n + 1) != 0)
        n++;
    put(nal, value + 1, 2 * n + 1);
}

static Nal begin(unsigned type, unsigned layer)
{
    Nal nal = {0};
    put(&nal, type, 7);
    put(&nal, layer, 6);
    put(&nal, 1, 3);
    return nal;
}

/* Reads a NAL unit with a 3 behind each two zeros, as a decoder gets it. */
static Coded read_nal(const Nal *nal, HevcStream *stream)
{
    g_autoptr(GByteArray) escaped = g_byte_array_new();
    int zeros = 0;
    for (size_t i = 0; i < (nal->n_bits + 7) / 8; i++) {
        if (zeros >= 2 && nal->bytes[i] <= 3) {
            g_byte_array_append(escaped, (const guint8 *)"\3", 1);
            zeros = 0;
        }
        g_byte_array_append(escaped, &nal->bytes[i], 1);
        zeros = nal->bytes[i] == 0 ? zeros + 1 : 0;
    }
    g_autofree uint8_t *copy = g_memdup2(escaped->data, escaped->len);
    return coded_hevc(copy, escaped->len, stream);
}

/* Makes the parameter set of pictures in blocks of `block` x `block`. */
static Nal sps(unsigned number, unsigned width, unsigned height, unsigned block_bits)
{
    Nal nal = begin(TYPE_SPS, 0);
    put(&nal, 0, 4 + 3 + 1);
    put(&nal, 0, 64);
    put(&nal, 0, 32);
    put_golomb(&nal, number);
    put_golomb(&nal, 1);
    put_golomb(&nal, width);
    put_golomb(&nal, height);
    put(&nal, 1, 1);
    for (int i = 0; i < 4; i++)
        put_golomb(&nal, 0);
    put_golomb(&nal, 0);
    put_golomb(&nal, 0);
    put_golomb(&nal, 4);
    put(&nal, 1, 1);
    for (int i = 0; i < 3; i++)
        put_golomb(&nal, 0);
    put_golomb(&nal, 0);
    put_golomb(&nal, block_bits - 3);
    put(&nal, 1, 1);
    return nal;
}

typedef struct {
    unsigned number;
    bool has_dependent, has_depths, is_explicit;
    /* 0: there are no tiles. */
    unsigned columns, rows;
    /* Sizes of all columns and then of all rows, except the last ones. */
    unsigned sizes[4];
} PpsCase;

static Nal pps(const PpsCase *row)
{
    Nal nal = begin(TYPE_PPS, 0);
    put_golomb(&nal, row->number);
    put_golomb(&nal, 0);
    put(&nal, row->has_dependent, 1);
    put(&nal, 0, 1 + 3 + 1 + 1);
    put_golomb(&nal, 0);
    put_golomb(&nal, 0);
    /* 17 stands for -8. */
    put_golomb(&nal, 17);
    put(&nal, 0, 2);
    put(&nal, row->has_depths, 1);
    if (row->has_depths)
        put_golomb(&nal, 2);
    put_golomb(&nal, 0);
    put_golomb(&nal, 3);
    put(&nal, 0, 4);
    put(&nal, row->columns > 0, 1);
    put(&nal, 0, 1);
    if (row->columns > 0) {
        put_golomb(&nal, row->columns - 1);
        put_golomb(&nal, row->rows - 1);
        put(&nal, !row->is_explicit, 1);
        for (unsigned i = 0; row->is_explicit && i < row->columns + row->rows - 2; i++)
            put_golomb(&nal, row->sizes[i] - 1);
    }
    put(&nal, 1, 4);
    return nal;
}

typedef struct {
    unsigned type, pps;
    /* -1: the slice is the first one. */
    int address;
    int address_bits;
    bool has_dependent;
} SliceCase;

static Nal slice(const SliceCase *row)
{
    Nal nal = begin(row->type, 0);
    put(&nal, row->address < 0, 1);
    if (row->type >= 16 && row->type <= 23)
        put(&nal, 1, 1);
    put_golomb(&nal, row->pps);
    if (row->address >= 0) {
        put(&nal, 0, row->has_dependent);
        put(&nal, (unsigned)row->address, row->address_bits);
    }
    put(&nal, 0xf5, 8);
    return nal;
}

typedef struct {
    const char *name;
    const char *bytes;
    size_t size;
    CodedKind kind;
    int64_t pixels;
} Case;

#define CASE(name, literal, kind, pixels)                                                          \
    {                                                                                              \
        name, literal, sizeof(literal) - 1, kind, pixels                                           \
    }

/* The headers are from x265; it rounds sizes up to its blocks of 8. */
static const Case cases[] = {
    CASE("nothing", "", CODED_OTHER, 0),
    CASE("head-only", "\x42\x01", CODED_OTHER, 0),
    CASE("64x64",
         "\x42\x01\x01\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xa0\x20\x81\x05"
         "\x96\xea\x49\x29\xae\x6e\x04\x04\x0c\x08",
         CODED_HEADER, 64 * 64),
    CASE("64x64-in-444",
         "\x42\x01\x01\x04\x08\x00\x00\x03\x00\x9e\x38\x00\x00\x03\x00\x00\x1e\x90\x04\x10\x20\xb2"
         "\xdd\x49\x25\x35\xcd\xc0\x80\x81\x81",
         CODED_HEADER, 64 * 64),
    CASE("1000x704",
         "\x42\x01\x01\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x5d\xa0\x07\xd2\x00"
         "\xb0\x7d\xe5\xba\x92\x4a\x6b\x9b\x81\x01\x03\x02",
         CODED_HEADER, 1000 * 704),
    CASE("cut", "\x42\x01\x01\x03\x70\x00\x00\x03\x00\x90", CODED_UNCLEAR, 0),
    CASE("second-view",
         "\x42\x09\x01\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xa0\x20\x81\x05"
         "\x96\xea",
         CODED_OTHER, 0),
    CASE("first-slice", "\x26\x01\xaf", CODED_PICTURE, 0),
    CASE("later-slice-of-nothing", "\x26\x01\x2f", CODED_UNCLEAR, 0),
    CASE("message", "\x4e\x01\x05", CODED_OTHER, 0),
};

static void test_case(const void *data)
{
    const Case *row = data;
    HevcStream stream = {0};
    g_autofree void *copy = g_memdup2(row->bytes, row->size);
    Coded coded = coded_hevc(copy, row->size, &stream);
    g_assert_cmpint(coded.kind, ==, row->kind);
    g_assert_cmpint(coded.pixels, ==, row->pixels);
}

/* Starts a picture of 4 x 4 blocks of 16 x 16; its last row and column are cut. */
static void start(HevcStream *stream, const PpsCase *row)
{
    *stream = (HevcStream){0};
    const Nal head = sps(0, 56, 56, 4), tiles = pps(row);
    Coded coded = read_nal(&head, stream);
    g_assert_cmpint(coded.kind, ==, CODED_HEADER);
    g_assert_cmpint(coded.pixels, ==, 56 * 56);
    g_assert_cmpint(read_nal(&tiles, stream).kind, ==, CODED_OTHER);
}

static Coded read_slice_at(HevcStream *stream, const PpsCase *row, int address)
{
    const Nal nal = slice(&(SliceCase){.type = address % 2 == 0 ? TYPE_IDR : TYPE_TRAIL,
                                       .pps = row->number,
                                       .address = address,
                                       .address_bits = 4,
                                       .has_dependent = row->has_dependent});
    return read_nal(&nal, stream);
}

static void assert_kind(HevcStream *stream, const PpsCase *row, int address, CodedKind kind)
{
    g_assert_cmpint(read_slice_at(stream, row, address).kind, ==, kind);
}

/* Asserts that `behind` of 16 blocks are coded before the block. */
static void assert_behind(HevcStream *stream, const PpsCase *row, int address, int behind)
{
    Coded coded = read_slice_at(stream, row, address);
    g_assert_cmpint(coded.kind, ==, CODED_SLICE);
    g_assert_cmpint(coded.part, ==, (16 - behind) * (CODED_WHOLE / 16));
}

static const PpsCase plain = {.number = 0};

static void test_in_order(void)
{
    static const PpsCase rows[] = {{.number = 0},
                                   {.number = 63},
                                   {.has_dependent = true},
                                   {.has_depths = true, .has_dependent = true}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        HevcStream stream;
        start(&stream, &rows[i]);
        for (int n = 0; n < 2; n++) {
            assert_kind(&stream, &rows[i], -1, CODED_PICTURE);
            for (int at = 1; at < 16; at++)
                assert_behind(&stream, &rows[i], at, at);
        }
    }
}

static void test_again(void)
{
    HevcStream stream;
    start(&stream, &plain);
    assert_kind(&stream, &plain, -1, CODED_PICTURE);
    assert_kind(&stream, &plain, 0, CODED_AGAIN);
    assert_behind(&stream, &plain, 4, 4);
    assert_kind(&stream, &plain, 4, CODED_AGAIN);
    assert_kind(&stream, &plain, 3, CODED_AGAIN);
    assert_behind(&stream, &plain, 5, 5);
}

static void test_tiles(void)
{
    /* Raster addresses, in the order of coding. */
    static const int quarters[] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
    static const int narrow[] = {0, 1, 2, 3, 4, 8, 12, 5, 6, 9, 10, 13, 14, 7, 11, 15};
    static const struct {
        PpsCase row;
        const int *order;
    } cases_of_tiles[] = {
        {{.columns = 2, .rows = 2}, quarters},
        {{.columns = 3, .rows = 2, .is_explicit = true, .sizes = {1, 2, 1}}, narrow},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases_of_tiles); i++) {
        const PpsCase *row = &cases_of_tiles[i].row;
        HevcStream stream;
        start(&stream, row);
        assert_kind(&stream, row, -1, CODED_PICTURE);
        for (int at = 1; at < 16; at++)
            assert_behind(&stream, row, cases_of_tiles[i].order[at], at);
        assert_kind(&stream, row, cases_of_tiles[i].order[8], CODED_AGAIN);
    }
}

static void test_unclear(void)
{
    static const PpsCase other = {.number = 1};
    HevcStream stream;
    start(&stream, &plain);
    /* The slice belongs to no picture. */
    assert_kind(&stream, &plain, 1, CODED_UNCLEAR);
    const Nal second = pps(&other);
    g_assert_cmpint(read_nal(&second, &stream).kind, ==, CODED_OTHER);
    assert_kind(&stream, &plain, -1, CODED_PICTURE);
    /* The slice names another parameter set. */
    assert_kind(&stream, &other, 1, CODED_UNCLEAR);
    assert_behind(&stream, &plain, 1, 1);
    const Nal unknown = slice(&(SliceCase){.type = TYPE_TRAIL, .pps = 5, .address = -1});
    g_assert_cmpint(read_nal(&unknown, &stream).kind, ==, CODED_PICTURE);
    /* The parameter set is unknown. */
    assert_kind(&stream, &(PpsCase){.number = 5}, 1, CODED_UNCLEAR);
}

static void test_outside(void)
{
    HevcStream stream = {0};
    const Nal head = sps(0, 48, 48, 4), set = pps(&plain);
    g_assert_cmpint(read_nal(&head, &stream).kind, ==, CODED_HEADER);
    g_assert_cmpint(read_nal(&set, &stream).kind, ==, CODED_OTHER);
    assert_kind(&stream, &plain, -1, CODED_PICTURE);
    /* There are 9 blocks; the address has the 4 bits of 16 blocks. */
    assert_kind(&stream, &plain, 9, CODED_UNCLEAR);
}

static void test_replaced(void)
{
    static const PpsCase tiles = {.columns = 2, .rows = 1};
    HevcStream stream;
    start(&stream, &plain);
    const Nal same = sps(0, 56, 56, 4), larger = sps(0, 56, 72, 4), second = sps(1, 56, 72, 4);
    const Nal same_pps = pps(&plain), other_pps = pps(&tiles);
    g_assert_cmpint(read_nal(&same, &stream).kind, ==, CODED_HEADER);
    g_assert_cmpint(read_nal(&larger, &stream).kind, ==, CODED_UNCLEAR);
    g_assert_cmpint(read_nal(&second, &stream).kind, ==, CODED_HEADER);
    g_assert_cmpint(read_nal(&same_pps, &stream).kind, ==, CODED_OTHER);
    g_assert_cmpint(read_nal(&other_pps, &stream).kind, ==, CODED_UNCLEAR);
}

static void test_limits(void)
{
    HevcStream stream = {0};
    const Nal number = sps(16, 64, 64, 4), block = sps(0, 64, 64, 7), side = sps(0, 0, 64, 4);
    const Nal area = sps(0, 1 << 19, 1 << 19, 3);
    const Nal set = pps(&(PpsCase){.number = 64});
    const Nal tiles = pps(&(PpsCase){.columns = HEVC_COLUMNS_MAX + 1, .rows = 1});
    const Nal *all[] = {&number, &block, &side, &area, &set, &tiles};
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        g_assert_cmpint(read_nal(all[i], &stream).kind, ==, CODED_UNCLEAR);
}

/* At any end of the unit, missing fields are not invented. */
static void test_cut(void)
{
    HevcStream stream;
    start(&stream, &plain);
    assert_kind(&stream, &plain, -1, CODED_PICTURE);
    /* A complete slice, at block 0. */
    g_assert_cmpint(coded_hevc((const uint8_t *)"\x02\x01\x40", 3, &stream).kind, ==, CODED_AGAIN);
    Nal set = pps(&(PpsCase){.number = 7, .columns = 2, .rows = 2});
    for (set.n_bits = 24; set.n_bits < 40; set.n_bits += 8)
        g_assert_cmpint(read_nal(&set, &stream).kind, ==, CODED_UNCLEAR);
}

/* The reader never goes beyond the bytes, whatever they are, and no number is negative. */
static void test_noise(void)
{
    static const uint8_t heads[] = {TYPE_SPS << 1, TYPE_PPS << 1, TYPE_IDR << 1, TYPE_TRAIL << 1};
    for (unsigned i = 0; i < 5000; i++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(i);
        HevcStream stream;
        start(&stream, &plain);
        for (int n = 0; n < 8; n++) {
            size_t size = (size_t)g_rand_int_range(random, 1, 48);
            g_autofree uint8_t *bytes = g_malloc(size);
            for (size_t at = 0; at < size; at++)
                bytes[at] = (uint8_t)g_rand_int_range(random, 0, i % 2 ? 256 : 4);
            bytes[0] = heads[g_rand_int_range(random, 0, G_N_ELEMENTS(heads))];
            CodedColors colors;
            (void)coded_hevc_colors(bytes, size, &colors);
            Coded coded = coded_hevc(bytes, size, &stream);
            g_assert_true(coded.pixels >= 0 && coded.pixels <= INT64_C(1) << 40);
            g_assert_true(coded.part >= 0 && coded.part <= CODED_WHOLE);
            g_assert_true(coded.part > 0 || coded.kind != CODED_SLICE);
        }
    }
}

/* Of x265: colorprim=smpte432, transfer=iec61966-2-1, range=limited, colormatrix=bt709. */
static const uint8_t p3_sps[] =
    "\x42\x01\x01\x04\x08\x00\x00\x03\x00\x9e\x38\x00\x00\x03\x00\x00\x78\x90\x00\xfc"
    "\x40\x1f\x8b\x2d\xd4\x92\x53\x5c\xd4\x30\x34\x04\x10\x00\x00\x03\x00\x10\x00\x00"
    "\x03\x00\x10\x80";

static void test_colors(void)
{
    CodedColors colors = {.is_full = true};
    g_assert_true(coded_hevc_colors(p3_sps, sizeof p3_sps - 1, &colors));
    g_assert_cmpint(colors.primaries, ==, 12);
    g_assert_cmpint(colors.transfer, ==, 13);
    g_assert_cmpint(colors.matrix, ==, 1);
    g_assert_false(colors.is_full);
    /* Each cut before the colours is noticed. */
    for (size_t size = 0; size < 32; size++) {
        g_autofree uint8_t *copy = g_memdup2(p3_sps, MAX(size, 1));
        g_assert_false(coded_hevc_colors(copy, size, &colors));
    }
    static const uint8_t other[] = {TYPE_PPS << 1, 1, 0x80, 0};
    g_assert_false(coded_hevc_colors(other, sizeof other, &colors));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/coded-hevc/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/coded-hevc/slices-in-order", test_in_order);
    g_test_add_func("/coded-hevc/slices-again", test_again);
    g_test_add_func("/coded-hevc/slices-in-tiles", test_tiles);
    g_test_add_func("/coded-hevc/unclear", test_unclear);
    g_test_add_func("/coded-hevc/outside", test_outside);
    g_test_add_func("/coded-hevc/replaced", test_replaced);
    g_test_add_func("/coded-hevc/limits", test_limits);
    g_test_add_func("/coded-hevc/ends-early", test_cut);
    g_test_add_func("/coded-hevc/colors", test_colors);
    g_test_add_func("/coded-hevc/noise", test_noise);
    return g_test_run();
}
