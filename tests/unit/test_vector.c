/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/vector.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Every fault in the loops over blocks and over their ends shows at some size below this one. */
#define SIDE_MAX 70
#define ROWS_MAX 9
#define ROW_MAX  300

static void fill(uint8_t *bytes, size_t n, guint32 seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)g_rand_int_range(random, 0, 256);
}

/* Sums any number of rows of any length, as the definition does, and writes no byte beyond. */
static void test_sum_rows(void)
{
    static uint8_t rows[ROWS_MAX * ROW_MAX];
    const int16_t weights[ROWS_MAX] = {-700, 900, 4000, 8000, 5000, -800, -300, 200, 84};
    const int32_t start = 1 << (VECTOR_WEIGHT_BITS - 1);
    fill(rows, sizeof rows, 1);
    for (size_t stride = 1; stride <= ROW_MAX; stride++) {
        for (int n = 1; n <= ROWS_MAX; n++) {
            uint8_t to[ROW_MAX + 1];
            to[stride] = 77;
            vector_sum_rows(rows, stride, weights, n, start, to);
            g_assert_cmpint(to[stride], ==, 77);
            for (size_t at = 0; at < stride; at++) {
                int32_t sum = start;
                for (int row = 0; row < n; row++)
                    sum += rows[(size_t)row * stride + at] * weights[row];
                g_assert_cmpint(to[at], ==, CLAMP(sum >> VECTOR_WEIGHT_BITS, 0, 255));
            }
        }
    }
}

typedef struct {
    const char *name;
    void (*turn)(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                 size_t to_stride);
    size_t bands;
} Case;

static const Case cases[] = {{"bytes", vector_turn_bytes, 1}, {"rgb", vector_turn_rgb, 3}};

/* Turns blocks of all sizes within a larger area, whose other bytes do not change. */
static void test_turn(const void *data)
{
    const Case *row = data;
    static uint8_t from[SIDE_MAX * SIDE_MAX * 3], to[SIDE_MAX * SIDE_MAX * 3];
    size_t stride = SIDE_MAX * row->bands;
    fill(from, sizeof from, 2);
    for (int width = 1; width < SIDE_MAX; width += 1 + width / 20) {
        for (int height = 1; height < SIDE_MAX; height += 1 + height / 20) {
            memset(to, 0, sizeof to);
            row->turn(from, stride, width, height, to, stride);
            for (size_t x = 0; x < SIDE_MAX; x++) {
                for (size_t y = 0; y < SIDE_MAX; y++) {
                    static const uint8_t nothing[3];
                    bool inside = x < (size_t)width && y < (size_t)height;
                    const uint8_t *expected = inside ? from + y * stride + x * row->bands : nothing;
                    g_assert_cmpmem(to + x * stride + y * row->bands, row->bands, expected,
                                    row->bands);
                }
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_message("by %s", vector_name());
    g_test_add_func("/vector/sum-rows", test_sum_rows);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/vector/turn/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_turn);
    }
    return g_test_run();
}
