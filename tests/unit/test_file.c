/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison of files by device and inode. */
#include "base/file.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *folder, *a, *link, *b;
} Files;

static void files_make(Files *files)
{
    files->folder = g_dir_make_tmp("thumbq-file-XXXXXX", NULL);
    files->a = g_build_filename(files->folder, "a", NULL);
    files->link = g_build_filename(files->folder, "link", NULL);
    files->b = g_build_filename(files->folder, "b", NULL);
    g_assert_true(g_file_set_contents(files->a, "a", -1, NULL));
    g_assert_true(g_file_set_contents(files->b, "a", -1, NULL));
    g_assert_cmpint(link(files->a, files->link), ==, 0);
}

static void files_remove(Files *files)
{
    char *paths[] = {files->a, files->link, files->b};

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_unlink(paths[i]);
        g_free(paths[i]);
    }
    g_rmdir(files->folder);
    g_free(files->folder);
}

static struct stat read_stat(const char *path)
{
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    return st;
}

static void test_same(void)
{
    Files files;

    files_make(&files);
    struct stat a = read_stat(files.a), link = read_stat(files.link), b = read_stat(files.b);
    g_assert_true(file_is_same(&a, &a));
    g_assert_true(file_is_same(&a, &link));
    g_assert_false(file_is_same(&a, &b));
    files_remove(&files);
}

/* A socket whose name was removed before its inode was read is absent, and so is its name later. */
static void test_absent(void)
{
    struct stat here = read_stat("/"), absent = {0};

    g_assert_false(file_is_same(&here, &absent));
    g_assert_false(file_is_same(&absent, &here));
    g_assert_false(file_is_same(&absent, &absent));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/file/same", test_same);
    g_test_add_func("/file/absent", test_absent);
    return g_test_run();
}
