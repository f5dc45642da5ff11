#include "histogram.h"

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

/* Every order of magnitude as often. */
static int64_t draw_logarithmic(GRand *rand)
{
    return (int64_t)exp(g_rand_double_range(rand, 0, 30));
}

static int64_t draw_constant(GRand *rand)
{
    (void)rand; /* there is nothing to draw */
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

/* Powers of two are the ends of buckets: nothing is counted on the wrong side of one. */
static void test_count_below(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);

    g_assert_cmpuint(histogram_count_below(histogram, INT64_MAX), ==, 0);
    for (int bits = 0; bits < HISTOGRAM_VALUE_BITS; bits++) {
        histogram_add(histogram, (INT64_C(1) << bits) - 1);
        histogram_add(histogram, INT64_C(1) << bits);
    }
    for (int bits = 0; bits < HISTOGRAM_VALUE_BITS; bits++) {
        /* Of each smaller power two, and the value before this one. */
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

/* Decoding adds: two of them give what merging gives. */
static void test_codec(void)
{
    g_autofree Histogram *first = g_new0(Histogram, 1);
    g_autofree Histogram *second = g_new0(Histogram, 1);
    g_autofree Histogram *decoded = g_new0(Histogram, 1);
    g_autoptr(GByteArray) buffer = g_byte_array_new();

    fill(first, SEED, 1000);
    fill(second, SEED + 1, 500);
    histogram_encode(first, buffer);
    histogram_encode(second, buffer);

    const uint8_t *at = buffer->data;
    size_t left = buffer->len;
    g_assert_true(histogram_decode_add(decoded, &at, &left));
    g_assert_true(histogram_decode_add(decoded, &at, &left));
    g_assert_cmpuint(left, ==, 0);
    histogram_merge(first, second);
    g_assert_cmpmem(decoded, sizeof *decoded, first, sizeof *first);
}

static void test_truncated(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);
    g_autofree Histogram *empty = g_new0(Histogram, 1);
    g_autofree Histogram *decoded = g_new0(Histogram, 1);
    g_autoptr(GByteArray) buffer = g_byte_array_new();

    fill(histogram, SEED, 50);
    histogram_encode(histogram, buffer);
    for (size_t len = 0; len < buffer->len; len++) {
        g_autofree uint8_t *copy = g_memdup2(buffer->data, len);
        const uint8_t *at = copy;
        size_t left = len;
        g_assert_false(histogram_decode_add(decoded, &at, &left));
        g_assert_cmpmem(decoded, sizeof *decoded, empty, sizeof *empty);
    }
}

static void test_bucket_out_of_range(void)
{
    g_autofree Histogram *histogram = g_new0(Histogram, 1);
    g_autofree Histogram *decoded = g_new0(Histogram, 1);
    g_autoptr(GByteArray) buffer = g_byte_array_new();

    histogram_add(histogram, 5);
    histogram_encode(histogram, buffer);
    buffer->data[11] = 0xFF; /* the high byte of the only bucket's index */

    const uint8_t *at = buffer->data;
    size_t left = buffer->len;
    g_assert_false(histogram_decode_add(decoded, &at, &left));
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
    g_test_add_func("/histogram/bucket_out_of_range", test_bucket_out_of_range);
    return g_test_run();
}
