/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over thumbnail files: which files belong to thumbq, and to which object. */
#include "base/file.h"
#include "folders.h"
#include "journal/publish.h"
#include "journal/thumbnails.h"
#include "model/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct {
    char *bucket;
    Publisher *publisher;
    int folder_fd;
} Fixture;

/* The bucket's key in these tests. */
static const MarkKey mark = {.secret = "a secret", .since_ns = 1};

static void set_up(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    PublisherOptions options = {.prefix = "thumbnails", .mark = &mark, .durable = true};

    (void)data;
    fixture->bucket = g_dir_make_tmp("thumbq-walk-XXXXXX", NULL);
    options.bucket = fixture->bucket;
    fixture->publisher = publisher_open(&options, &error);
    g_assert_no_error(error);
    fixture->folder_fd = publisher_folder_fd(fixture->publisher);
}

static void tear_down(Fixture *fixture, const void *data)
{
    (void)data;
    publisher_free(fixture->publisher);
    folders_remove(fixture->bucket);
    g_free(fixture->bucket);
}

static void put(Fixture *fixture, const char *rendition, const char *key, ImageType type)
{
    g_autoptr(GError) error = NULL;
    autofd fd = publisher_create(fixture->publisher, &error);

    g_assert_true(publisher_put(fixture->publisher, fd, rendition, key, type, &error));
    g_assert_no_error(error);
}

/* Writes a file of another user, marked as a thumbnail of `marked` unless that is NULL. */
static void put_foreign(Fixture *fixture, const char *path, const char *marked)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GError) error = NULL;

    g_assert_true(file_make_folders(fixture->folder_fd, folder, &error));
    autofd fd = openat(fixture->folder_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    g_assert_cmpint(fd, >=, 0);
    if (marked)
        g_assert_cmpint(mark_set(&mark, fd, marked, NULL), ==, 0);
}

static gint compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Walks over the files. The result has "ours small 2026/a.png webp" for each thumbnail, and
 * "foreign small" for each other file. */
static char *walk(Fixture *fixture)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    ThumbnailWalk *files = thumbnail_walk_new(fixture->publisher);
    ThumbnailFile file;

    while (thumbnail_walk_next(files, &file)) {
        g_ptr_array_add(lines,
                        file.is_ours
                            ? g_strdup_printf("%s %s %s %s", file.is_cut ? "cut" : "ours",
                                              file.rendition, file.key, image_type_name(file.type))
                            : g_strdup_printf("foreign %s", file.rendition));
        g_assert_true(g_str_has_prefix(file.path, file.rendition));
        g_assert_cmpint(faccessat(fixture->folder_fd, file.path, F_OK, AT_SYMLINK_NOFOLLOW), ==, 0);
    }
    g_assert_false(thumbnail_walk_next(files, &file));
    thumbnail_walk_free(files);
    g_ptr_array_sort(lines, compare_lines);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

static void test_empty(Fixture *fixture, const void *data)
{
    g_autofree char *found = walk(fixture);

    (void)data;
    g_assert_cmpstr(found, ==, "");
}

static void test_ours(Fixture *fixture, const void *data)
{
    (void)data;
    put(fixture, "small", "a.png", IMAGE_WEBP);
    put(fixture, "small", "2026/trip/b.jpg", IMAGE_WEBP);
    put(fixture, "small", "2026/c", IMAGE_PNG);
    put(fixture, "large", "a.png", IMAGE_JPEG);
    put(fixture, "large", "z\xff.tif", IMAGE_AVIF);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==,
                    "ours large a.png jpeg\n"
                    "ours large z\xff.tif avif\n"
                    "ours small 2026/c png\n"
                    "ours small 2026/trip/b.jpg webp\n"
                    "ours small a.png webp");
}

typedef struct {
    const char *name;
    const char *path;
    const char *marked;
    const char *found;
} ForeignCase;

static const ForeignCase foreign[] = {
    {"marked", "small/a.png.webp", "a.png", "ours small a.png webp"},
    {"no-mark", "small/a.png.webp", NULL, "foreign small"},
    {"mark-of-another", "small/a.png.webp", "b.png", "foreign small"},
    {"renamed", "small/b.png.webp", "a.png", "foreign small"},
    {"moved-to-another-folder", "small/x/a.png.webp", "a.png", "foreign small"},
    {"no-extension", "small/README", "README", "foreign small"},
    {"other-extension", "small/a.png.txt", "a.png", "foreign small"},
    {"extension-only", "small/.webp", "", "foreign small"},
    {"not-a-key", "small/x/..webp", "x/.", "foreign small"},
    {"beside-the-renditions", "a.png.webp", "a.png", ""},
};

static void test_foreign(Fixture *fixture, const void *data)
{
    const ForeignCase *row = data;

    put_foreign(fixture, row->path, row->marked);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, row->found);
}

/* A mark of another length is not a mark. */
static void test_odd_mark(Fixture *fixture, const void *data)
{
    (void)data;
    put_foreign(fixture, "small/a.png.webp", "a.png");
    autofd fd = openat(fixture->folder_fd, "small/a.png.webp", O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(fsetxattr(fd, "user.thumbq", "123456789", 9, XATTR_REPLACE), ==, 0);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, "foreign small");
}

/* A cut name shows how the key begins, and the mark shows that the file belongs to thumbq. */
static void test_cut(Fixture *fixture, const void *data)
{
    g_autofree char *cut = g_strnfill(252, 'k');
    g_autofree char *whole = g_strnfill(250, 'k');
    g_autofree char *deep = g_strconcat("2026/trip/", cut, NULL);
    g_autofree char *kept = g_strnfill(NAME_MAX - 33 - strlen(".webp"), 'k');
    g_autofree char *expected = g_strdup_printf(
        "cut small 2026/trip/%s webp\ncut small %s webp\nours small %s webp", kept, kept, whole);

    (void)data;
    put(fixture, "small", cut, IMAGE_WEBP);
    put(fixture, "small", deep, IMAGE_WEBP);
    put(fixture, "small", whole, IMAGE_WEBP);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, expected);
}

/* The same is true for names that an older version had to cut, with a shorter hash. */
static void test_old_cut(Fixture *fixture, const void *data)
{
    g_autofree char *key = g_strnfill(252, 'k');
    g_autofree char *kept = g_strnfill(NAME_MAX - strlen("~0123456789abcdef.webp"), 'k');
    g_autofree char *expected = g_strdup_printf("cut small %s webp", kept);
    g_autofree char *path = layout_old_thumbnail_path("small", key, IMAGE_WEBP);

    (void)data;
    put_foreign(fixture, path, key);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, expected);
}

/* A folder has a name like a thumbnail, and another folder has a cut name. */
static void test_folders(Fixture *fixture, const void *data)
{
    g_autofree char *name = g_strnfill(NAME_MAX - strlen(".webp"), 'k');
    g_autofree char *key = g_strconcat("x/", name, ".webp/b.png", NULL);
    g_autofree char *kept = g_strnfill(NAME_MAX - 33, 'k');
    g_autofree char *expected = g_strdup_printf(
        "cut small x/%s webp\nours small a.jpg.webp/b.png webp\nours small a.jpg.webp~/b.png webp",
        kept);

    (void)data;
    put(fixture, "small", "a.jpg.webp/b.png", IMAGE_WEBP);
    put(fixture, "small", "a.jpg.webp~/b.png", IMAGE_WEBP);
    put(fixture, "small", key, IMAGE_WEBP);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, expected);
}

/* A file whose mark is of another key than the hash in its name was renamed, or does not belong to
 * thumbq. */
static void test_cut_foreign(Fixture *fixture, const void *data)
{
    g_autofree char *name = g_strnfill(233, 'k');
    g_autofree char *path = g_strconcat("small/", name, "~0123456789abcdef.webp", NULL);

    (void)data;
    put_foreign(fixture, path, "a.png");
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, "foreign small");
}

/* Links to folders and to files are not followed, and a pipe does not stop the walk. */
static void test_links(Fixture *fixture, const void *data)
{
    (void)data;
    put(fixture, "small", "a.png", IMAGE_WEBP);
    g_assert_cmpint(symlinkat("small", fixture->folder_fd, "large"), ==, 0);
    g_assert_cmpint(symlinkat(".", fixture->folder_fd, "small/loop"), ==, 0);
    g_assert_cmpint(symlinkat("a.png.webp", fixture->folder_fd, "small/b.png.webp"), ==, 0);
    g_assert_cmpint(mkfifoat(fixture->folder_fd, "small/c.png.webp", 0644), ==, 0);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==,
                    "foreign small\nforeign small\nforeign small\nours small a.png webp");
}

/* After a move, the mark is that of the new key. */
static void test_moved(Fixture *fixture, const void *data)
{
    (void)data;
    put(fixture, "small", "a.png", IMAGE_WEBP);
    g_assert_true(publisher_move(fixture->publisher, "small", "a.png", "x/b.png", IMAGE_WEBP));
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, "ours small x/b.png webp");
}

/* Files may be removed during the walk, as in a sweep. */
static void test_removed_meanwhile(Fixture *fixture, const void *data)
{
    guint n = 0;

    (void)data;
    for (int i = 0; i < 50; i++) {
        g_autofree char *key = g_strdup_printf("f%d/a.png", i);
        put(fixture, "small", key, IMAGE_WEBP);
    }
    ThumbnailWalk *files = thumbnail_walk_new(fixture->publisher);
    ThumbnailFile file;
    while (thumbnail_walk_next(files, &file)) {
        g_assert_true(file.is_ours);
        publisher_remove(fixture->publisher, file.rendition, file.key, file.type);
        n++;
    }
    thumbnail_walk_free(files);
    g_assert_cmpuint(n, ==, 50);
    g_autofree char *found = walk(fixture);
    g_assert_cmpstr(found, ==, "");
}

static const struct {
    const char *name;
    void (*run)(Fixture *fixture, const void *data);
} cases[] = {
    {"empty", test_empty},
    {"ours", test_ours},
    {"odd-mark", test_odd_mark},
    {"cut", test_cut},
    {"old-cut", test_old_cut},
    {"folders", test_folders},
    {"cut-foreign", test_cut_foreign},
    {"links", test_links},
    {"moved", test_moved},
    {"removed-meanwhile", test_removed_meanwhile},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!folders_have_attributes()) {
        g_printerr("skipped: %s has no extended attributes\n", g_get_tmp_dir());
        return 77;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/thumbnails/%s", cases[i].name);
        g_test_add(path, Fixture, NULL, set_up, cases[i].run, tear_down);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        g_autofree char *path = g_strdup_printf("/thumbnails/foreign/%s", foreign[i].name);
        g_test_add(path, Fixture, &foreign[i], set_up, test_foreign, tear_down);
    }
    return g_test_run();
}
