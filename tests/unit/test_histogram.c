/* SPDX-License-Identifier: Apache-2.0 */
#include "model/histogram.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define SEED 42

static int compare_values(gconstpointer a, gconstpointer b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

typedef int64_t (*Draw)(GRand *rand);

static int64_t draw_tiny(GRand *rand)
{
    return g_rand_int_range(rand, 0, 64);
}

static int64_t draw_uniform(GRand *rand)
{
    return g_rand_int_range(rand, 1000, 5000000);
}

/* Draws every order of magnitude with the same frequency. */
static int64_t draw_logarithmic(GRand *rand)
{
    return (int64_t)exp(g_rand_double_range(rand, 0, 30));
}

static int64_t draw_constant(GRand *rand)
{
    /* This distribution has nothing to draw. */
    (void)rand;
    return 123457;
}

static void test_accuracy(gconstpointer data)
{
    static const double quantiles[] = {0, 0.01, 0.5, 0.9, 0.99, 0.999, 1};
    Draw draw = *(const Draw *)data;
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autofree Histogram *histogram = g_new0(Histogram, 1);

    for (int i = 0; i < 20000; i++) {
        int64_t value = draw(rand);
        g_array_append_val(values, value);
        histogram_add(histogram, value);
    }
    g_array_sort(values, compare_values);
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        double rank = ceil(quantiles[i] * values->len);
        guint index = rank < 1 ? 0 : (guint)rank - 1;
        double exact = (double)g_array_index(values, int64_t, index);
        double found = (double)histogram_quantile(histogram, quantiles[i]);
        g_assert_cmpfloat(fabs(found - exact), <=, 0.016 * exact);
    }
    g_assert_cmpint(histogram->max, ==, g_array_index(values, int64_t, values->len - 1));
    g_assert_cmpuint(histogram->count, ==, values->len);
}

static void test_edges(void)
{
    static const int64_t values[] = {
        INT64_MIN,        -1,       0, 1, 31, 32, 63, 64, 65, (INT64_C(1) << 44) - 1,
        INT64_C(1) << 44, INT64_MAX};
    g_autofree Histogram *histogram = g_new0(Histogram, 1);

    g_assert_cmpint(histogram_quantile(histogram, 0.5), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        histogram_add(histogram, values[i]);
    g_assert_cmpuint(histogram->count, ==, G_N_ELEMENTS(values));
    g_assert_cmpint(histogram->max, ==, INT64_MAX);
    g_assert_cmpint(histogram_quantile(histogram, 0), ==, 0);
    g_assert_cmpint(histogram_quantile(histogram, 1), ==, INT64_MAX);
}

/* Powers of two are the ends of buckets, so no value is counted on the wrong side of one. */
static void test_count_below(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);

    g_assert_cmpuint(histogram_count_below(histogram, INT64_MAX), ==, 0);
    for (int bits = 0; bits < HISTOGRAM_VALUE_BITS; bits++) {
        histogram_add(histogram, (INT64_C(1) << bits) - 1);
        histogram_add(histogram, INT64_C(1) << bits);
    }
    for (int bits = 0; bits < HISTOGRAM_VALUE_BITS; bits++) {
        /* The values below are two of each smaller power, and the value just before this power. */
        g_assert_cmpuint(histogram_count_below(histogram, INT64_C(1) << bits), ==,
                         2 * (uint64_t)bits + 1);
    }
}

static void fill(Histogram *histogram, guint32 seed, int n)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (int i = 0; i < n; i++)
        histogram_add(histogram, draw_logarithmic(rand));
}

/* Returns the packed form. Owner: the caller frees. */
static uint8_t *pack(const Histogram *histogram, size_t *ret_len)
{
    Packer packer = {.data = g_malloc(HISTOGRAM_LEN_MAX), .max = HISTOGRAM_LEN_MAX};

    histogram_pack(histogram, &packer);
    g_assert_false(packer.failed);
    *ret_len = packer.len;
    return packer.data;
}

/* Unpacking adds: two unpacked histograms give the same as merging them. */
static void test_codec(void)
{
    g_autofree Histogram *unpacked = g_new0(Histogram, 1);
    g_autofree Histogram *merged = g_new0(Histogram, 1);

    for (guint32 i = 0; i < 2; i++) {
        g_autofree Histogram *histogram = g_new0(Histogram, 1);
        size_t len;
        fill(histogram, SEED + i, 1000);
        g_autofree uint8_t *data = pack(histogram, &len);
        Unpacker unpacker = {.data = data, .len = len};
        g_assert_true(histogram_unpack_add(unpacked, &unpacker));
        g_assert_cmpuint(unpacker.at, ==, len);
        histogram_merge(merged, histogram);
    }
    g_assert_cmpmem(unpacked, sizeof *unpacked, merged, sizeof *merged);
}

/* The fullest possible histogram fits. */
static void test_longest(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);
    size_t len;

    histogram->sum = UINT64_MAX;
    histogram->max = INT64_MAX;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] = UINT64_MAX;
    g_autofree uint8_t *data = pack(histogram, &len);
    g_assert_cmpuint(len, <=, HISTOGRAM_LEN_MAX);
}

static void test_truncated(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);
    g_autofree Histogram *empty = g_new0(Histogram, 1);
    g_autofree Histogram *unpacked = g_new0(Histogram, 1);
    size_t full;

    fill(histogram, SEED, 50);
    g_autofree uint8_t *data = pack(histogram, &full);
    for (size_t len = 0; len < full; len++) {
        g_autofree uint8_t *copy = g_memdup2(data, len);
        Unpacker unpacker = {.data = copy, .len = len};
        g_assert_false(histogram_unpack_add(unpacked, &unpacker));
        g_assert_true(unpacker.failed);
        g_assert_cmpmem(unpacked, sizeof *unpacked, empty, sizeof *empty);
    }
}

typedef struct {
    const char *name;
    /* The sum, the maximum, the number of used buckets, then a gap and a count. */
    uint64_t varints[5];
} BadCase;

static const BadCase bad_cases[] = {
    {"bucket", {5, 5, 1, HISTOGRAM_BUCKETS, 1}},   {"bucket-overflow", {5, 5, 1, UINT64_MAX, 1}},
    {"used", {5, 5, HISTOGRAM_BUCKETS + 1, 5, 1}}, {"max", {5, UINT64_MAX, 1, 5, 1}},
    {"count", {5, 5, 1, 5, UINT64_MAX}},
};

static void test_bad(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        g_autofree Histogram *histogram = g_new0(Histogram, 1);
        uint8_t data[5 * PACK_VARINT_MAX];
        Packer packer = {.data = data, .max = sizeof data};
        for (size_t j = 0; j < 5; j++)
            pack_varint(&packer, bad_cases[i].varints[j]);
        Unpacker unpacker = {.data = data, .len = packer.len};
        g_test_message("%s", bad_cases[i].name);
        g_assert_false(histogram_unpack_add(histogram, &unpacker));
        g_assert_cmpuint(histogram->count, ==, 0);
    }
}

static void test_sums(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);
    uint64_t sum = 0;

    for (int64_t value = -1; value <= 100000; value += 7) {
        histogram_add(histogram, value);
        sum += (uint64_t)MAX(value, 0);
    }
    g_assert_cmpuint(histogram->sum, ==, sum);
    g_assert_cmpfloat_with_epsilon((double)histogram_estimate_sum(histogram), (double)sum,
                                   (double)sum * 0.016);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        Draw draw;
    } draws[] = {
        {"tiny", draw_tiny},
        {"uniform", draw_uniform},
        {"logarithmic", draw_logarithmic},
        {"constant", draw_constant},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(draws); i++) {
        g_autofree char *path = g_strdup_printf("/histogram/accuracy/%s", draws[i].name);
        g_test_add_data_func(path, &draws[i].draw, test_accuracy);
    }
    g_test_add_func("/histogram/edges", test_edges);
    g_test_add_func("/histogram/count_below", test_count_below);
    g_test_add_func("/histogram/codec", test_codec);
    g_test_add_func("/histogram/truncated", test_truncated);
    g_test_add_func("/histogram/longest", test_longest);
    g_test_add_func("/histogram/bad", test_bad);
    g_test_add_func("/histogram/sums", test_sums);
    return g_test_run();
}
