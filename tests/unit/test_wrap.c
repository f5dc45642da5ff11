/* SPDX-License-Identifier: Apache-2.0 */
/* Text is broken at blanks, and never within a word. */
#include "base/wrap.h"

typedef struct {
    const char *name;
    /* Text that is on the line already. */
    const char *begin;
    const char *text;
    const char *prefix;
    size_t width;
    const char *wrapped;
} Case;

static const Case cases[] = {
    {"empty", "", "", "", 10, ""},
    {"fits", "", "one two", "", 7, "one two"},
    {"breaks", "", "one two", "", 6, "one\ntwo"},
    {"newlines-are-blanks", "", "one\ntwo  three", "", 20, "one two three"},
    {"prefix", "# ", "one two three", "# ", 9, "# one two\n# three"},
    {"hanging", "  --a  ", "one two", "       ", 12, "  --a  one\n       two"},
    {"long-word", "", "a abcdefghij b", "", 5, "a\nabcdefghij\nb"},
    {"long-word-first", "  ", "abcdefghij", "", 5, "  abcdefghij"},
    {"letters-not-bytes", "", "äöü äöü", "", 7, "äöü äöü"},
    {"no-blank-at-the-end", "", "one ", "", 3, "one"},
};

static void test_wrap(const void *data)
{
    const Case *row = data;
    g_autoptr(GString) out = g_string_new(row->begin);
    wrap_append(out, out->len, row->text, row->prefix, row->width);
    g_assert_cmpstr(out->str, ==, row->wrapped);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/wrap/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_wrap);
    }
    return g_test_run();
}
