/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the text that states the number of tasks of the machine. */
#include "handlers/tasks.h"

#include <glib.h>

typedef struct {
    const char *name;
    const char *text;
    int64_t expected;
} ParseCase;

static const ParseCase cases[] = {
    {"idle", "0.00 0.01 0.05 1/203 2456\n", 203},
    {"busy", "512.12 301.00 99.99 700/65536 4194304\n", 65536},
    {"none", "0.00 0.01 0.05 0/0 1\n", -1},
    {"cut", "0.00 0.01 0.05 1/\n", -1},
    {"empty", "", -1},
    {"rubbish", "all is well\n", -1},
};

static void test_parse(const void *data)
{
    const ParseCase *row = data;
    g_assert_cmpint(tasks_parse(row->text), ==, row->expected);
}

static void test_count(void)
{
    g_assert_cmpint(tasks_count(), >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/tasks/parse/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_parse);
    }
    g_test_add_func("/tasks/count", test_count);
    return g_test_run();
}
