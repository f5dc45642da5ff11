/* SPDX-License-Identifier: Apache-2.0 */
/* The user ids of workers: the range, and the part of it that is used. */
#include "handlers/user.h"

#include <glib.h>

typedef struct {
    const char *name;
    const char *map;
    bool expected;
} MapCase;

static const MapCase maps[] = {
    {"machine", "         0          0 4294967295\n", true},
    {"container", "0 524288 65536\n", true},
    {"rootless", "0 1000 1\n1 100000 65536\n", true},
    {"root-only", "0 1000 1\n", false},
    {"small", "0 100000 1000\n", false},
    {"cut-within", "0 100000 60800\n", false},
    {"exactly", "60706 100000 478\n", true},
    {"one-less", "60706 100000 477\n", false},
    {"in-two-pieces", "0 100000 60800\n60800 200000 10000\n", false},
    {"overflow", "4000000000 0 294967295\n", false},
    {"empty", "", false},
    {"rubbish", "all\n", false},
};

static void test_map(const void *data)
{
    const MapCase *row = data;
    g_assert_cmpint(user_map_has_range(row->map), ==, row->expected);
}

typedef struct {
    const char *name;
    uint32_t seed;
    /* Ids of the range that are taken; they wrap around at its end. */
    uint32_t taken_from, n_taken;
    uint32_t expected;
} ChoiceCase;

static const ChoiceCase choices[] = {
    {"first", 0, 0, 0, USER_FIRST},
    {"seed", 7, 0, 0, USER_FIRST + 7},
    {"next", 7, 7, 2, USER_FIRST + 9},
    {"around", USERS_N - 1, USERS_N - 1, 3, USER_FIRST + 2},
    {"seed-large", UINT32_MAX, 0, 0, USER_FIRST + UINT32_MAX % USERS_N},
    {"all-taken", 5, 0, USERS_N, USER_FIRST + 5},
};

static bool is_taken(uint32_t uid, void *data)
{
    const ChoiceCase *row = data;
    g_assert_cmpuint(uid, >=, USER_FIRST);
    g_assert_cmpuint(uid, <, USER_FIRST + USERS_N);
    return (uid - USER_FIRST + USERS_N - row->taken_from) % USERS_N < row->n_taken;
}

static void test_choice(const void *data)
{
    ChoiceCase row = *(const ChoiceCase *)data;
    g_assert_cmpuint(user_choose(row.seed, is_taken, &row), ==, row.expected);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(maps); i++) {
        g_autofree char *path = g_strconcat("/user/map/", maps[i].name, NULL);
        g_test_add_data_func(path, &maps[i], test_map);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
        g_autofree char *path = g_strconcat("/user/choice/", choices[i].name, NULL);
        g_test_add_data_func(path, &choices[i], test_choice);
    }
    return g_test_run();
}
