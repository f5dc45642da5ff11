/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting an object removes only the given version of it. */
#include "base/error.h"
#include "base/file.h"
#include "folders.h"
#include "watcher/bucket.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    /* Temporary folder that holds the bucket, and files that must stay out of reach. */
    char *outer;
    int bucket_fd;
} Fixture;

static char *path_of(const Fixture *fixture, const char *key)
{
    return g_build_filename(fixture->outer, "bucket", key, NULL);
}

static void put(const Fixture *fixture, const char *key, const char *content)
{
    g_autofree char *path = path_of(fixture, key);
    g_autofree char *folder = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, content, -1, NULL));
}

static void set_up(Fixture *fixture, const void *data)
{
    (void)data;
    fixture->outer = g_dir_make_tmp("thumbq-delete-XXXXXX", NULL);
    put(fixture, "d/a.png", "content");
    put(fixture, "../outside", "content");
    g_autofree char *bucket = path_of(fixture, "");
    fixture->bucket_fd = open(bucket, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(fixture->bucket_fd, >=, 0);
}

static void tear_down(Fixture *fixture, const void *data)
{
    (void)data;
    fd_clear(&fixture->bucket_fd);
    folders_remove(fixture->outer);
    g_free(fixture->outer);
}

static ObjectVersion version_of(const Fixture *fixture, const char *key)
{
    g_autofree char *path = path_of(fixture, key);
    ObjectVersion version;
    struct stat st;

    g_assert_cmpint(lstat(path, &st), ==, 0);
    object_version_from_stat(&st, &version);
    return version;
}

static bool is_there(const Fixture *fixture, const char *key)
{
    g_autofree char *path = path_of(fixture, key);
    struct stat st;

    return lstat(path, &st) == 0;
}

static bool delete_version(const Fixture *fixture, const char *key, ObjectVersion version)
{
    g_autoptr(GError) error = NULL;
    bool deleted = false;
    bool ok = bucket_delete_object(fixture->bucket_fd, key, &version, &deleted, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return deleted;
}

static guint count_entries(const Fixture *fixture, const char *folder)
{
    g_autofree char *path = path_of(fixture, folder);
    GDir *dir = g_dir_open(path, 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

static void test_version(Fixture *fixture, const void *data)
{
    ObjectVersion version = version_of(fixture, "d/a.png");
    ObjectVersion others[] = {version, version, version, version};

    (void)data;
    others[0].ino++;
    others[1].size++;
    others[2].mtime_ns++;
    others[3].ctime_ns--;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(delete_version(fixture, "d/a.png", others[i]));
    ObjectVersion still = version_of(fixture, "d/a.png");
    /* Not even the ctime has changed. */
    g_assert_true(object_version_equal(&version, &still));
    g_assert_true(delete_version(fixture, "d/a.png", version));
    g_assert_false(delete_version(fixture, "d/a.png", version));
    /* The folder stays. */
    g_assert_cmpuint(count_entries(fixture, "d"), ==, 0);
}

typedef struct {
    const char *name;
    const char *key;
    /* Key of the file whose version the deletion names. */
    const char *of;
} RefusedCase;

static const RefusedCase refused[] = {
    {"above", "../outside", "../outside"},
    {"folder", "d", "d"},
    {"link", "link", "link"},
    {"link-by-its-target", "link", "d/a.png"},
    {"folder-is-a-link", "folder-link/a.png", "d/a.png"},
    {"link-to-outside", "out/outside", "../outside"},
    {"pipe", "pipe", "pipe"},
    {"missing", "d/b.png", "d/a.png"},
    {"below-a-file", "d/a.png/b", "d/a.png"},
    {"empty", "", "d/a.png"},
};

static void test_refused(Fixture *fixture, const void *data)
{
    const RefusedCase *row = data;
    g_autofree char *link = path_of(fixture, "link");
    g_autofree char *folder_link = path_of(fixture, "folder-link");
    g_autofree char *out = path_of(fixture, "out");
    g_autofree char *pipe = path_of(fixture, "pipe");

    g_assert_cmpint(symlink("d/a.png", link), ==, 0);
    g_assert_cmpint(symlink("d", folder_link), ==, 0);
    g_assert_cmpint(symlink("..", out), ==, 0);
    g_assert_cmpint(mkfifo(pipe, 0644), ==, 0);
    g_assert_false(delete_version(fixture, row->key, version_of(fixture, row->of)));
    g_assert_true(is_there(fixture, "d/a.png"));
    g_assert_true(is_there(fixture, "../outside"));
    g_assert_cmpuint(count_entries(fixture, ""), ==, 5);
    g_assert_cmpuint(count_entries(fixture, "d"), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/delete/version", Fixture, NULL, set_up, test_version, tear_down);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strdup_printf("/delete/refused/%s", refused[i].name);
        g_test_add(path, Fixture, &refused[i], set_up, test_refused, tear_down);
    }
    return g_test_run();
}
