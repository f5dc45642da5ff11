/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are cut to fit a terminal: they are never too wide, and keep their important parts. */
#include "views/cells.h"

#include <locale.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *text;
    size_t cells;
    const char *fitted;
} Case;

static const Case cases[] = {
    {"empty", "", 0, ""},
    {"fits", "dune.png", 8, "dune.png"},
    {"no-room", "dune.png", 0, ""},
    {"one-cell", "dune.png", 1, "…"},
    {"two-cells", "dune.png", 2, "d…"},
    {"middle", "abcdefghij", 7, "abc…hij"},
    {"even", "abcdefghij", 8, "abcd…hij"},
    {"file-name-stays", "2026/summer/trip/dune.png", 18, "2026/sum…/dune.png"},
    {"more-room-for-the-end", "2026/summer/a-trip/x.png", 16, "2026/sum…p/x.png"},
    {"long-file-name", "2026/a-very-long-file-name.png", 14, "2026/a-…me.png"},
    {"ends-in-slash", "2026/summer/", 8, "2026…er/"},
    {"wide", "漢字漢字.png", 9, "漢字….png"},
    {"wide-between-cells", "漢字漢字.png", 7, "漢…png"},
    {"marks",
     "a\xcc\x88"
     "bcdefghij",
     6,
     "a\xcc\x88"
     "bc…ij"},
    {"mark-of-a-lost-letter", "abcdefghi\xcc\x88j", 4, "ab…j"},
};

static void test_fit(const void *data)
{
    const Case *row = data;
    g_autofree char *fitted = cells_cut_name(row->text, row->cells);
    g_assert_cmpstr(fitted, ==, row->fitted);
    g_assert_cmpuint(cells_count(fitted), <=, row->cells);
}

typedef struct {
    const char *name;
    const char *text;
    size_t before, after;
    size_t cells;
    const char *fitted;
} ApartCase;

static const ApartCase apart[] = {
    {"middle", "holiday-picture-1-evening.png", 16, 12, 15, "holida…1…ng.png"},
    {"whole-beginning", "ab-1-evening-in-the-dunes.png", 3, 25, 12, "ab-1…es.png"},
    {"whole-end", "a-long-beginning-1.png", 17, 4, 12, "a-lon…1.png"},
    {"beginning-differs", "one-evening.png", 0, 12, 3, "…o…"},
    {"no-room-for-all", "x-abcdefghij-y", 2, 2, 7, "…abcde…"},
    {"nothing-shared", "abcdefghij", 0, 0, 6, "…abcd…"},
    {"wide", "漢字漢1字漢字", 9, 9, 8, "漢…1…字"},
};

static void test_apart(const void *data)
{
    const ApartCase *row = data;
    g_autofree char *fitted = cells_cut_apart(row->text, row->before, row->after, row->cells);
    g_assert_cmpstr(fitted, ==, row->fitted);
    g_assert_cmpuint(cells_count(fitted), <=, row->cells);
}

static void test_cells(void)
{
    g_assert_cmpuint(cells_count(""), ==, 0);
    g_assert_cmpuint(cells_count("abc"), ==, 3);
    g_assert_cmpuint(cells_count("für"), ==, 3);
    g_assert_cmpuint(cells_count("fu\xcc\x88r"), ==, 3);
    g_assert_cmpuint(cells_count("漢字"), ==, 4);
}

static void test_lines(void)
{
    static const char *const lines[] = {"one two", "three", "a-word-too", "-long-to-f", "it x"};
    const char *at = "one two three a-word-too-long-to-fit x";
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        const char *end = cells_end_of_line(at, 10);
        g_autofree char *line = g_strndup(at, (gsize)(end - at));
        g_assert_cmpstr(line, ==, lines[i]);
        at = end + strspn(end, " ");
    }
    g_assert_cmpstr(at, ==, "");
    const char *wide = "漢字";
    g_assert_true(cells_end_of_line(wide, 1) == wide + strlen("漢"));
    g_assert_true(cells_end_of_line(wide, 0) == wide + strlen("漢"));
    g_assert_true(cells_end_of_line(at, 10) == at);
}

/* Any text, in any width, gives valid text that is never too wide, and as wide as possible. */
static void test_always_fits(void)
{
    static const char *const texts[] = {"2026/trip/a-long-name.jpg", "漢字/漢字漢字.png",
                                        "e\xcc\x81/e\xcc\x81\xcc\x82/e\xcc\x81", "////", "ab"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        for (size_t cells = 0; cells < 30; cells++) {
            g_autofree char *fitted = cells_cut_name(texts[i], cells);
            g_assert_true(g_utf8_validate(fitted, -1, NULL));
            size_t most = MIN(cells, cells_count(texts[i]));
            g_assert_cmpuint(cells_count(fitted), <=, most);
            /* Both ends may be wide characters. */
            g_assert_cmpuint(cells_count(fitted) + 2, >=, most);
        }
    }
}

static void test_ascii(void)
{
    g_assert_nonnull(setlocale(LC_CTYPE, "C"));
    g_autofree char *fitted = cells_cut_name("abcdefghij", 7);
    g_assert_cmpstr(fitted, ==, "abc~hij");
    g_assert_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/cells/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_fit);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(apart); i++) {
        g_autofree char *path = g_strdup_printf("/cells/apart/%s", apart[i].name);
        g_test_add_data_func(path, &apart[i], test_apart);
    }
    g_test_add_func("/cells/count", test_cells);
    g_test_add_func("/cells/lines", test_lines);
    g_test_add_func("/cells/always", test_always_fits);
    g_test_add_func("/cells/ascii", test_ascii);
    return g_test_run();
}
