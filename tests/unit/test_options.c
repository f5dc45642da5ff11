/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser: the order of options, both forms of a value, and the messages for wrong
 * command lines. */
#include "base/error.h"
#include "options.h"

#include <stdint.h>
#include <string.h>

typedef struct {
    bool json;
    const char *sort;
    uint64_t limit;
} Values;

static const CommandOption rows[] = {
    {"json", OPTION_FLAG, NULL, offsetof(Values, json), "help"},
    {"sort", OPTION_TEXT, "ORDER", offsetof(Values, sort), "help"},
    {"limit", OPTION_COUNT, "N", offsetof(Values, limit), "help"},
    {NULL},
};

typedef struct {
    const char *name;
    /* The command line, which is split at blanks. */
    const char *line;
    /* Expected values, if `says` is NULL. */
    Values values;
    /* Expected arguments, joined by blanks. */
    const char *rest;
    /* Part of the message; NULL: the line is accepted. */
    const char *says;
} Case;

static const Case cases[] = {
    {"nothing", "", {0}, "", NULL},
    {"flag", "--json", {.json = true}, "", NULL},
    {"before", "--json a", {.json = true}, "a", NULL},
    {"after", "a --json", {.json = true}, "a", NULL},
    {"value-apart", "--sort size a", {.sort = "size"}, "a", NULL},
    {"value-joined", "a --sort=size", {.sort = "size"}, "a", NULL},
    {"value-empty", "--sort=", {.sort = ""}, "", NULL},
    {"value-with-sign", "--sort=a=b", {.sort = "a=b"}, "", NULL},
    {"value-like-option", "--sort --json", {.sort = "--json"}, "", NULL},
    {"last-holds", "--sort a --sort b", {.sort = "b"}, "", NULL},
    {"count", "--limit 10", {.limit = 10}, "", NULL},
    {"count-suffix", "--limit=2K", {.limit = 2000}, "", NULL},
    {"end", "-- --json", {0}, "--json", NULL},
    {"end-twice", "-- --", {0}, "--", NULL},
    {"dash", "-", {0}, "-", NULL},
    {"unknown", "--jsno", {0}, "", "unknown option '--jsno'; did you mean '--json'?"},
    {"unknown-value", "--srot=size", {0}, "", "unknown option '--srot'; did you mean '--sort'?"},
    {"unknown-far", "--zzzzzzzz", {0}, "", "unknown option '--zzzzzzzz'"},
    {"short", "-j", {0}, "", "unknown option '-j'"},
    {"short-with-value", "-=json", {0}, "", "unknown option '-'"},
    {"short-by-chance", "-xjson", {0}, "", "unknown option '-xjson'"},
    {"abbreviated", "--js", {0}, "", "unknown option '--js'"},
    {"flag-with-value", "--json=yes", {0}, "", "'--json' takes no value"},
    {"value-missing", "--sort", {0}, "", "'--sort' needs a value: --sort ORDER"},
    {"count-zero", "--limit 0", {0}, "", "--limit: '0'"},
    {"count-word", "--limit ten", {0}, "", "'ten'"},
    {"count-negative", "--limit=-1", {0}, "", "'-1'"},
};

static void test_case(const void *data)
{
    const Case *row = data;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) args = g_strsplit(row->line, " ", 0);
    g_autoptr(GPtrArray) rest = g_ptr_array_new();
    Values values = {0};
    OptionGroup group = {"Options", rows, &values};
    bool ok = options_parse(&group, 1, args, rest, &error);
    if (row->says) {
        g_assert_false(ok);
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        g_test_message("'%s' in '%s'", row->says, error->message);
        g_assert_nonnull(strstr(error->message, row->says));
        return;
    }
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpint(values.json, ==, row->values.json);
    g_assert_cmpstr(values.sort, ==, row->values.sort);
    g_assert_cmpuint(values.limit, ==, row->values.limit);
    g_ptr_array_add(rest, NULL);
    g_autofree char *joined = g_strjoinv(" ", (char **)rest->pdata);
    g_assert_cmpstr(joined, ==, row->rest);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/options/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
