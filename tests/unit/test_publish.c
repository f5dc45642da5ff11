/* SPDX-License-Identifier: Apache-2.0 */
/* Thumbnails on disk: they are complete, in their place, and nowhere else. */
#include "base/error.h"
#include "base/file.h"
#include "folders.h"
#include "journal/publish.h"
#include "journal/published.h"
#include "model/layout.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct {
    char *bucket;
    /* Path of the folder of the thumbnails. */
    char *prefix;
    Publisher *publisher;
} Fixture;

/* The bucket's key in these tests. */
static const MarkKey mark = {.secret = "a secret", .since_ns = 1};

static Publisher *open_publisher(const char *bucket, const char *prefix, GError **error)
{
    const PublisherOptions options = {.bucket = bucket,
                                      .prefix = prefix,
                                      .mark = &mark,
                                      .mode = ACCESS_OF_SOURCE,
                                      .durable = true};

    return publisher_open(&options, error);
}

static void reopen(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    publisher_free(fixture->publisher);
    fixture->publisher = open_publisher(fixture->bucket, "a/thumbnails", &error);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->publisher);
}

static void set_up(Fixture *fixture, const void *data)
{
    (void)data;
    fixture->bucket = g_dir_make_tmp("thumbq-publish-XXXXXX", NULL);
    g_assert_nonnull(fixture->bucket);
    fixture->prefix = g_build_filename(fixture->bucket, "a", "thumbnails", NULL);
    reopen(fixture);
}

static void tear_down(Fixture *fixture, const void *data)
{
    (void)data;
    publisher_free(fixture->publisher);
    folders_remove(fixture->bucket);
    g_free(fixture->bucket);
    g_free(fixture->prefix);
}

/* /tmp may be a file system without extended attributes. */
static bool has_attributes(const char *path)
{
    return setxattr(path, "user.test", "x", 1, 0) == 0;
}

/* True if the thumbnail is on disk, as it was put there. */
static bool has(const Fixture *fixture, const char *rendition, const char *key, ImageType type,
                int64_t size)
{
    return published_state(fixture->publisher, rendition, key, type, size, false) ==
           PUBLISHED_THERE;
}

/* Returns a path below the prefix folder. Owner: the caller frees. */
static char *path_of(const Fixture *fixture, const char *path)
{
    return g_build_filename(fixture->prefix, path, NULL);
}

static bool put(Fixture *fixture, const char *key, const char *content, GError **error)
{
    autofd fd = publisher_create(fixture->publisher, error);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, content, strlen(content)), ==, (gssize)strlen(content));
    return publisher_put(fixture->publisher, fd, "small", key, IMAGE_WEBP, error);
}

static void put_well(Fixture *fixture, const char *key, const char *content)
{
    g_autoptr(GError) error = NULL;

    bool done = put(fixture, key, content, &error);
    g_assert_no_error(error);
    g_assert_true(done);
}

static void check_content(const Fixture *fixture, const char *path, const char *content)
{
    g_autofree char *full = path_of(fixture, path);
    g_autofree char *found = NULL;

    (void)g_file_get_contents(full, &found, NULL, NULL);
    g_assert_cmpstr(found, ==, content);
}

static bool is_there(const Fixture *fixture, const char *path)
{
    g_autofree char *full = path_of(fixture, path);
    struct stat st;
    return lstat(full, &st) == 0;
}

/* Counts the names in a folder. */
static guint count_entries(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    guint n = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

static void test_put(Fixture *fixture, const void *data)
{
    (void)data;
    put_well(fixture, "2026/trip/dune.png", "first");
    check_content(fixture, "small/2026/trip/dune.png.webp", "first");
    put_well(fixture, "2026/trip/dune.png", "second");
    check_content(fixture, "small/2026/trip/dune.png.webp", "second");
    put_well(fixture, "top.png", "third");
    check_content(fixture, "small/top.png.webp", "third");
    g_assert_cmpuint(count_entries(fixture->prefix), ==, 1);
}

/* The old file is replaced, and not overwritten: a program that has it open keeps it. */
static void test_put_replaces(Fixture *fixture, const void *data)
{
    g_autofree char *path = path_of(fixture, "small/a.png.webp");
    char content[8] = "";

    (void)data;
    put_well(fixture, "a.png", "first");
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    put_well(fixture, "a.png", "second");
    g_assert_cmpint(read(fd, content, sizeof content), ==, 5);
    g_assert_cmpstr(content, ==, "first");
}

static void test_put_over_folder(Fixture *fixture, const void *data)
{
    g_autofree char *path = path_of(fixture, "small/a.png.webp");
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
    g_assert_false(put(fixture, "a.png", "content", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NAME_TAKEN);
    g_assert_nonnull(strstr(error->message, "small/a.png.webp"));
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_DIR));
    g_assert_cmpuint(count_entries(fixture->prefix), ==, 1);
    g_assert_cmpuint(publisher_unsynced(fixture->publisher), ==, 0);
}

static void test_put_below_file(Fixture *fixture, const void *data)
{
    g_autofree char *folder = path_of(fixture, "small");
    g_autofree char *path = path_of(fixture, "small/2026");
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, "in the way", -1, NULL));
    g_assert_false(put(fixture, "2026/a.png", "content", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NAME_TAKEN);
    check_content(fixture, "small/2026", "in the way");
}

/* A link is not followed, neither in place of a folder nor in place of the thumbnail. */
static void test_put_symlink(Fixture *fixture, const void *data)
{
    g_autofree char *outside = g_build_filename(fixture->bucket, "outside", NULL);
    g_autofree char *victim = g_build_filename(outside, "victim", NULL);
    g_autofree char *folder_link = path_of(fixture, "small/link");
    g_autofree char *file_link = path_of(fixture, "small/b.png.webp");
    g_autoptr(GError) error = NULL;

    (void)data;
    put_well(fixture, "x.png", "content");
    g_assert_cmpint(g_mkdir(outside, 0755), ==, 0);
    g_assert_true(g_file_set_contents(victim, "whole", -1, NULL));
    g_assert_cmpint(symlink(outside, folder_link), ==, 0);
    g_assert_cmpint(symlink(victim, file_link), ==, 0);

    g_assert_false(put(fixture, "link/a.png", "content", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
    g_clear_error(&error);
    g_assert_false(put(fixture, "link/deep/a.png", "content", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
    g_assert_false(publisher_move(fixture->publisher, "small", "x.png", "link/x.png", IMAGE_WEBP));
    g_assert_cmpuint(count_entries(outside), ==, 1);

    put_well(fixture, "b.png", "content");
    check_content(fixture, "small/b.png.webp", "content");
    g_autofree char *content = NULL;
    g_assert_true(g_file_get_contents(victim, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, "whole");

    g_autofree char *bait = g_build_filename(outside, "c.png.webp", NULL);
    g_assert_true(g_file_set_contents(bait, "bait", -1, NULL));
    publisher_remove(fixture->publisher, "small", "link/c.png", IMAGE_WEBP);
    g_assert_false(has(fixture, "small", "link/c.png", IMAGE_WEBP, 4));
    g_assert_false(publisher_move(fixture->publisher, "small", "link/c.png", "c.png", IMAGE_WEBP));
    g_assert_cmpuint(count_entries(outside), ==, 2);
}

/* The prefix folder may not be a link either. */
static void test_prefix_symlink(Fixture *fixture, const void *data)
{
    g_autofree char *link = g_build_filename(fixture->bucket, "link", NULL);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_cmpint(symlink("/tmp", link), ==, 0);
    g_assert_null(open_publisher(fixture->bucket, "link", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    g_clear_error(&error);
    g_assert_null(open_publisher(fixture->bucket, "link/below", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
}

static void test_open_absolute(Fixture *fixture, const void *data)
{
    g_autofree char *path = g_build_filename(fixture->bucket, "elsewhere", "deep", NULL);
    g_autoptr(GError) error = NULL;
    struct stat a, b;

    (void)data;
    Publisher *publisher = open_publisher("/nonexistent", path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(stat(path, &a), ==, 0);
    g_assert_cmpint(fstat(publisher_folder_fd(publisher), &b), ==, 0);
    g_assert_cmpuint(a.st_ino, ==, b.st_ino);
    publisher_free(publisher);
    publisher_free(NULL);
}

static void test_open_over_file(Fixture *fixture, const void *data)
{
    g_autofree char *path = g_build_filename(fixture->bucket, "file", NULL);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(g_file_set_contents(path, "x", -1, NULL));
    g_assert_null(open_publisher(fixture->bucket, "file", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
}

/* A removal also removes the folders that become empty, up to that of the rendition. */
static void test_remove(Fixture *fixture, const void *data)
{
    (void)data;
    put_well(fixture, "2026/trip/one/a.png", "a");
    put_well(fixture, "2026/trip/b.png", "b");
    publisher_remove(fixture->publisher, "small", "2026/trip/one/a.png", IMAGE_WEBP);
    g_assert_false(is_there(fixture, "small/2026/trip/one"));
    check_content(fixture, "small/2026/trip/b.png.webp", "b");
    publisher_remove(fixture->publisher, "small", "2026/trip/b.png", IMAGE_WEBP);
    g_assert_false(is_there(fixture, "small/2026"));
    g_assert_true(is_there(fixture, "small"));

    /* These thumbnails do not exist, or have another type. */
    publisher_remove(fixture->publisher, "small", "2026/trip/b.png", IMAGE_WEBP);
    put_well(fixture, "c.png", "c");
    publisher_remove(fixture->publisher, "small", "c.png", IMAGE_JPEG);
    check_content(fixture, "small/c.png.webp", "c");
}

static void test_move(Fixture *fixture, const void *data)
{
    (void)data;
    put_well(fixture, "old/deep/a.png", "a");
    put_well(fixture, "new/b.png", "over");
    g_assert_true(
        publisher_move(fixture->publisher, "small", "old/deep/a.png", "new/b.png", IMAGE_WEBP));
    check_content(fixture, "small/new/b.png.webp", "a");
    g_assert_false(is_there(fixture, "small/old"));
    g_assert_false(
        publisher_move(fixture->publisher, "small", "old/deep/a.png", "c.png", IMAGE_WEBP));
    g_assert_false(is_there(fixture, "small/c.png.webp"));
    g_assert_true(
        publisher_move(fixture->publisher, "small", "new/b.png", "x/y/z.png", IMAGE_WEBP));
    check_content(fixture, "small/x/y/z.png.webp", "a");
}

static void test_has(Fixture *fixture, const void *data)
{
    g_autofree char *path = path_of(fixture, "small/link.png.webp");

    (void)data;
    put_well(fixture, "a/b.png", "four");
    g_assert_true(has(fixture, "small", "a/b.png", IMAGE_WEBP, 4));
    g_assert_false(has(fixture, "small", "a/b.png", IMAGE_WEBP, 5));
    g_assert_false(has(fixture, "small", "a/b.png", IMAGE_JPEG, 4));
    g_assert_false(has(fixture, "large", "a/b.png", IMAGE_WEBP, 4));
    g_assert_cmpint(symlink("a/b.png.webp", path), ==, 0);
    g_assert_false(has(fixture, "small", "link.png", IMAGE_WEBP, 4));
}

static PublishedState state_of(Fixture *fixture, const char *key, int64_t size)
{
    return published_state(fixture->publisher, "small", key, IMAGE_WEBP, size, false);
}

/* A write to a thumbnail changes it, even if its length stays the same. */
static void test_changed(Fixture *fixture, const void *data)
{
    g_autofree char *path = path_of(fixture, "small/a.png.webp");
    const struct timespec later[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};

    (void)data;
    g_assert_cmpint(state_of(fixture, "a.png", 4), ==, PUBLISHED_GONE);
    put_well(fixture, "a.png", "four");
    g_assert_cmpint(state_of(fixture, "a.png", 4), ==, PUBLISHED_THERE);
    g_assert_cmpint(state_of(fixture, "a.png", 5), ==, PUBLISHED_CHANGED);
    g_assert_cmpint(utimensat(AT_FDCWD, path, later, 0), ==, 0);
    if (has_attributes(path))
        g_assert_cmpint(state_of(fixture, "a.png", 4), ==, PUBLISHED_CHANGED);

    put_well(fixture, "a.png", "four");
    g_assert_true(publisher_move(fixture->publisher, "small", "a.png", "b.png", IMAGE_WEBP));
    g_assert_cmpint(state_of(fixture, "b.png", 4), ==, PUBLISHED_THERE);
}

/* Files of another user have no mark, or not the bucket's. */
static void test_replaced(Fixture *fixture, const void *data)
{
    g_autofree char *path = path_of(fixture, "small/a.png.webp");

    (void)data;
    put_well(fixture, "a.png", "four");
    if (!has_attributes(path))
        return;
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_true(g_file_set_contents(path, "FOUR", -1, NULL));
    g_assert_cmpint(state_of(fixture, "a.png", 4), ==, PUBLISHED_CHANGED);
}

typedef struct {
    const char *name;
    /* Keys; the second one can have no thumbnail. */
    const char *first, *second;
} BothCase;

static const BothCase both[] = {
    {"folder", "x/a.png.webp/b.png", "x/a.png"},
    {"file", "x/a.png", "x/a.png.webp/b.png"},
    {"file-above", "x/a.png", "x/a.png.webp/y/z/b.png"},
};

/* Each key has its own thumbnail. */
static void test_both(Fixture *fixture, const void *data)
{
    const BothCase *row = data;

    put_well(fixture, row->first, "first");
    put_well(fixture, row->second, "second");
    g_assert_cmpint(state_of(fixture, row->first, 5), ==, PUBLISHED_THERE);
    g_assert_cmpint(state_of(fixture, row->second, 6), ==, PUBLISHED_THERE);
    publisher_remove(fixture->publisher, "small", row->first, IMAGE_WEBP);
    g_assert_cmpint(state_of(fixture, row->second, 6), ==, PUBLISHED_THERE);
}

/* Thumbnails that an older version put elsewhere are moved to their place. */
static void test_brought_home(Fixture *fixture, const void *data)
{
    (void)data;
    put_well(fixture, "x/a.jpg/b.png", "content");
    g_autofree char *folder = path_of(fixture, "small/x/a.jpg~");
    g_autofree char *old = path_of(fixture, "small/x/a.jpg");
    g_assert_cmpint(g_rename(folder, old), ==, 0);
    g_assert_cmpint(state_of(fixture, "x/a.jpg/b.png", 7), ==, PUBLISHED_THERE);
    check_content(fixture, "small/x/a.jpg~/b.png.webp", "content");
    g_assert_false(is_there(fixture, "small/x/a.jpg"));
}

static void test_sync(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(publisher_sync(fixture->publisher, &error));
    put_well(fixture, "a/b.png", "b");
    put_well(fixture, "c.png", "c");
    g_assert_cmpuint(publisher_unsynced(fixture->publisher), ==, 2);
    /* A thumbnail may go before it is on disk, which is no error. */
    publisher_remove(fixture->publisher, "small", "a/b.png", IMAGE_WEBP);
    g_assert_true(publisher_sync(fixture->publisher, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(publisher_unsynced(fixture->publisher), ==, 0);
    check_content(fixture, "small/c.png.webp", "c");
}

/* The name is as long as that of the longest object, so it is too long with the extension. */
static void test_long_name(Fixture *fixture, const void *data)
{
    g_autofree char *key = g_strnfill(255, 'k');

    (void)data;
    put_well(fixture, key, "long");
    g_assert_true(has(fixture, "small", key, IMAGE_WEBP, 4));
    publisher_remove(fixture->publisher, "small", key, IMAGE_WEBP);
    g_assert_false(has(fixture, "small", key, IMAGE_WEBP, 4));
}

/* The test makes leftovers of a daemon that died. Similar names further down do not belong to
 * thumbq. */
static void test_leftovers(Fixture *fixture, const void *data)
{
    g_autofree char *left = path_of(fixture, ".thumbq-123-4");
    g_autofree char *deeper = path_of(fixture, "small/.thumbq-123-4");
    g_autofree char *other = path_of(fixture, "README");

    (void)data;
    put_well(fixture, "a.png", "a");
    g_assert_true(g_file_set_contents(left, "x", -1, NULL));
    g_assert_true(g_file_set_contents(deeper, "x", -1, NULL));
    g_assert_true(g_file_set_contents(other, "x", -1, NULL));
    reopen(fixture);
    g_assert_false(is_there(fixture, ".thumbq-123-4"));
    g_assert_true(is_there(fixture, "small/.thumbq-123-4"));
    g_assert_true(is_there(fixture, "README"));
    check_content(fixture, "small/a.png.webp", "a");
}

/* An unnamed file leaves no trace if it is not published. */
static void test_create(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    int fd = publisher_create(fixture->publisher, &error);

    (void)data;
    g_assert_no_error(error);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    g_assert_cmpuint(count_entries(fixture->prefix), ==, 0);
    fd_clear(&fd);
    g_assert_cmpuint(count_entries(fixture->prefix), ==, 0);
}

static const struct {
    const char *name;
    void (*run)(Fixture *fixture, const void *data);
} cases[] = {
    {"put", test_put},
    {"put-replaces", test_put_replaces},
    {"put-over-folder", test_put_over_folder},
    {"put-below-file", test_put_below_file},
    {"put-symlink", test_put_symlink},
    {"prefix-symlink", test_prefix_symlink},
    {"open-absolute", test_open_absolute},
    {"open-over-file", test_open_over_file},
    {"remove", test_remove},
    {"move", test_move},
    {"has", test_has},
    {"changed", test_changed},
    {"replaced", test_replaced},
    {"brought-home", test_brought_home},
    {"sync", test_sync},
    {"long-name", test_long_name},
    {"leftovers", test_leftovers},
    {"create", test_create},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/publish/%s", cases[i].name);
        g_test_add(path, Fixture, NULL, set_up, cases[i].run, tear_down);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(both); i++) {
        g_autofree char *path = g_strdup_printf("/publish/both/%s", both[i].name);
        g_test_add(path, Fixture, &both[i], set_up, test_both, tear_down);
    }
    return g_test_run();
}
