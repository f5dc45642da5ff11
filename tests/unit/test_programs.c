/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handler programs, with the second row of support/second_row.c. */
#include "handlers/programs.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND (PROGRAM_FIRST + 1)

/* Rows that an answer, a path and a package manager can use. */
static void test_rows(void)
{
    size_t n, found;
    const HandlerProgram *rows = program_table(&n);

    g_assert_cmpuint(n, >, SECOND);
    g_assert_cmpuint(n, <=, PROGRAMS_MAX);
    g_assert_null(rows[PROGRAM_FIRST].types);
    for (size_t i = 0; i < n; i++) {
        const HandlerProgram *row = &rows[i];
        g_assert_cmpuint(strlen(row->name), <, PROGRAM_NAME_MAX);
        g_assert_cmpuint(strspn(row->name, "abcdefghijklmnopqrstuvwxyz"), ==, strlen(row->name));
        g_assert_true(program_from_name(row->name, &found));
        g_assert_cmpuint(found, ==, i);
        g_assert_null(strchr(row->executable, '/'));
        g_assert_cmpuint(strlen(row->package), >, 0);
        g_assert_cmpint(row->memory_times, >=, 1);
        g_assert_cmpint(row->timeout_times, >=, 1);
        /* No other program reads a type of this row. */
        for (const ImageType *type = row->types; type && *type != IMAGE_NONE; type++)
            g_assert_cmpuint(program_of_type(*type), ==, i);
    }
}

static void test_names(void)
{
    size_t found = 7;

    g_assert_false(program_from_name("", &found));
    g_assert_false(program_from_name("Second", &found));
    g_assert_false(program_from_name("second ", &found));
    g_assert_false(program_from_name("third", &found));
    g_assert_cmpuint(found, ==, 7);
}

static void test_types(void)
{
    g_assert_cmpuint(program_of_type(IMAGE_JPEG), ==, PROGRAM_FIRST);
    g_assert_cmpuint(program_of_type(IMAGE_NONE), ==, PROGRAM_FIRST);
    g_assert_cmpuint(program_of_type(IMAGE_QOI), ==, SECOND);
    g_assert_true(program_reads(PROGRAM_FIRST, IMAGE_JPEG));
    g_assert_false(program_reads(PROGRAM_FIRST, IMAGE_QOI));
    /* No program reads it. */
    g_assert_false(program_reads(PROGRAM_FIRST, IMAGE_BMP));
    g_assert_true(program_reads(SECOND, IMAGE_QOI));
    g_assert_false(program_reads(SECOND, IMAGE_JPEG));
    g_assert_false(program_reads(SECOND, IMAGE_NONE));
}

static void test_installed(void)
{
    g_autofree char *folder = g_dir_make_tmp("thumbq-programs-XXXXXX", NULL);
    g_autofree char *first = g_build_filename(folder, "first", NULL);
    g_autofree char *second = program_path(first, "thumbq-second");
    g_autofree char *expected = g_build_filename(folder, "thumbq-second", NULL);

    g_assert_cmpstr(second, ==, expected);
    g_assert_false(program_is_installed(SECOND, first));
    g_assert_true(g_file_set_contents(second, "", 0, NULL));
    g_assert_cmpint(g_chmod(second, 0644), ==, 0);
    g_assert_false(program_is_installed(SECOND, first));
    g_assert_cmpint(g_chmod(second, 0755), ==, 0);
    g_assert_true(program_is_installed(SECOND, first));
    g_assert_false(program_is_installed(PROGRAMS_MAX, first));
    g_assert_cmpint(g_unlink(second), ==, 0);
    g_assert_cmpint(g_mkdir(second, 0755), ==, 0);
    g_assert_false(program_is_installed(SECOND, first));
    g_assert_cmpint(g_rmdir(second), ==, 0);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/programs/rows", test_rows);
    g_test_add_func("/programs/names", test_names);
    g_test_add_func("/programs/types", test_types);
    g_test_add_func("/programs/installed", test_installed);
    return g_test_run();
}
