/* SPDX-License-Identifier: Apache-2.0 */
/* The mark of a thumbnail: its owner, its validity, and that no other user can set it. */
#include "base/error.h"
#include "base/file.h"
#include "folders.h"
#include "journal/mark.h"
#include "model/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTE "user.thumbq"

typedef struct {
    char *folder;
    int folder_fd;
    /* A file in the folder. */
    int fd;
    MarkKey key;
} Fixture;

static void set_up(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    fixture->folder = g_dir_make_tmp("thumbq-mark-XXXXXX", NULL);
    fixture->folder_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_true(mark_key_open(fixture->folder_fd, true, &fixture->key, &error));
    g_assert_no_error(error);
    fixture->fd = openat(fixture->folder_fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(fixture->fd, >=, 0);
}

static void tear_down(Fixture *fixture, const void *data)
{
    (void)data;
    fd_clear(&fixture->fd);
    fd_clear(&fixture->folder_fd);
    folders_remove(fixture->folder);
    g_free(fixture->folder);
}

/* The key is made once, and only its owner can read it. */
static void test_key(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    MarkKey again;
    struct stat st;

    (void)data;
    g_assert_cmpint(fstatat(fixture->folder_fd, "mark.key", &st, 0), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    g_assert_true(mark_key_open(fixture->folder_fd, true, &again, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(again.secret, sizeof again.secret, fixture->key.secret,
                    sizeof fixture->key.secret);
    g_assert_cmpint(again.since_ns, ==, fixture->key.since_ns);
    g_assert_true(fixture->key.is_new);
    g_assert_false(again.is_new);
}

static void test_key_not_made(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    MarkKey none;

    (void)data;
    g_assert_cmpint(unlinkat(fixture->folder_fd, "mark.key", 0), ==, 0);
    g_assert_true(mark_key_open(fixture->folder_fd, false, &none, &error));
    g_assert_cmpint(faccessat(fixture->folder_fd, "mark.key", F_OK, 0), !=, 0);
    g_assert_cmpint(mark_set(&fixture->key, fixture->fd, "a.png", NULL), ==, 0);
    g_assert_false(mark_is_true(&none, fixture->fd));
}

typedef struct {
    const char *name;
    const char *text;
    mode_t mode;
    ErrorCode code;
} BadKey;

#define HEX32 "0123456789abcdef0123456789abcdef"

static const BadKey bad_keys[] = {
    {"readable", "thumbq-mark 1 " HEX32 HEX32 " 5\n", 0644, ERROR_NOT_TRUSTED},
    {"empty", "", 0600, ERROR_CONFIG},
    {"short", "thumbq-mark 1 " HEX32 " 5\n", 0600, ERROR_CONFIG},
    {"no-time", "thumbq-mark 1 " HEX32 HEX32 "\n", 0600, ERROR_CONFIG},
    {"zero-time", "thumbq-mark 1 " HEX32 HEX32 " 0\n", 0600, ERROR_CONFIG},
    {"not-hex", "thumbq-mark 1 " HEX32 "0123456789abcdef0123456789abcdeg 5\n", 0600, ERROR_CONFIG},
    {"cut-off", "thumbq-mark 1 " HEX32 HEX32 " 5", 0600, ERROR_CONFIG},
    {"other", "something else\n", 0600, ERROR_CONFIG},
};

static void test_bad_key(Fixture *fixture, const void *data)
{
    const BadKey *row = data;
    g_autofree char *path = g_build_filename(fixture->folder, "mark.key", NULL);
    g_autoptr(GError) error = NULL;
    MarkKey key;

    g_assert_true(g_file_set_contents(path, row->text, -1, NULL));
    g_assert_cmpint(chmod(path, row->mode), ==, 0);
    g_assert_false(mark_key_open(fixture->folder_fd, true, &key, &error));
    g_assert_error(error, THUMBQ_ERROR, (gint)row->code);
}

/* A link in the place of the key is not followed, and a pipe does not block. */
static void test_key_no_file(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    MarkKey key;

    (void)data;
    g_assert_cmpint(renameat(fixture->folder_fd, "mark.key", fixture->folder_fd, "else"), ==, 0);
    g_assert_cmpint(symlinkat("else", fixture->folder_fd, "mark.key"), ==, 0);
    g_assert_false(mark_key_open(fixture->folder_fd, true, &key, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_cmpint(unlinkat(fixture->folder_fd, "mark.key", 0), ==, 0);
    g_assert_cmpint(mkfifoat(fixture->folder_fd, "mark.key", 0600), ==, 0);
    g_assert_false(mark_key_open(fixture->folder_fd, true, &key, &error));
    g_assert_nonnull(error);
}

static void test_set(Fixture *fixture, const void *data)
{
    const MarkKey *key = &fixture->key;

    (void)data;
    g_assert_false(mark_is_true(key, fixture->fd));
    g_assert_false(mark_is_unchanged(key, fixture->fd, "a.png"));
    g_assert_cmpint(mark_set(key, fixture->fd, "a.png", NULL), ==, 0);
    g_assert_true(mark_is_true(key, fixture->fd));
    g_assert_true(mark_names(key, fixture->fd, layout_key_hash("a.png")));
    g_assert_true(mark_is_unchanged(key, fixture->fd, "a.png"));
    g_assert_false(mark_is_unchanged(key, fixture->fd, "b.png"));
    g_assert_cmpint(mark_set(key, fixture->fd, "a.png", "b.png"), ==, 0);
    g_assert_true(mark_is_unchanged(key, fixture->fd, "a.png"));
    g_assert_true(mark_is_unchanged(key, fixture->fd, "b.png"));
}

/* A thumbnail that was overwritten is a picture of another user. */
static void test_written_to(Fixture *fixture, const void *data)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000}};

    (void)data;
    g_assert_cmpint(mark_set(&fixture->key, fixture->fd, "a.png", NULL), ==, 0);
    g_assert_cmpint(futimens(fixture->fd, times), ==, 0);
    g_assert_false(mark_is_true(&fixture->key, fixture->fd));
    g_assert_false(mark_is_unchanged(&fixture->key, fixture->fd, "a.png"));
    g_assert_true(mark_names(&fixture->key, fixture->fd, layout_key_hash("a.png")));
}

static void test_other_bucket(Fixture *fixture, const void *data)
{
    MarkKey other = fixture->key;
    uint8_t id[MARK_ID_SIZE], other_id[MARK_ID_SIZE];

    (void)data;
    other.secret[0] ^= 1;
    g_assert_cmpint(mark_set(&other, fixture->fd, "a.png", NULL), ==, 0);
    g_assert_false(mark_is_true(&fixture->key, fixture->fd));
    g_assert_false(mark_names(&fixture->key, fixture->fd, layout_key_hash("a.png")));
    g_assert_false(mark_is_unchanged(&fixture->key, fixture->fd, "a.png"));
    mark_bucket_id(&fixture->key, id);
    mark_bucket_id(&other, other_id);
    g_assert_cmpint(memcmp(id, other_id, sizeof id), !=, 0);
}

/* A user who can read marks knows their content, so each bit must count. */
static void test_forged(Fixture *fixture, const void *data)
{
    uint8_t bytes[64];

    (void)data;
    g_assert_cmpint(mark_set(&fixture->key, fixture->fd, "a.png", NULL), ==, 0);
    ssize_t len = fgetxattr(fixture->fd, ATTRIBUTE, bytes, sizeof bytes);
    g_assert_cmpint(len, ==, 40);
    for (ssize_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        g_assert_cmpint(fsetxattr(fixture->fd, ATTRIBUTE, bytes, (size_t)len, 0), ==, 0);
        g_assert_false(mark_is_true(&fixture->key, fixture->fd));
        g_assert_false(mark_is_unchanged(&fixture->key, fixture->fd, "a.png"));
        bytes[i] ^= 1;
    }
    g_assert_cmpint(fsetxattr(fixture->fd, ATTRIBUTE, bytes, (size_t)len, 0), ==, 0);
    g_assert_true(mark_is_true(&fixture->key, fixture->fd));
}

/* An attribute would also mark the file under its other name. */
static void test_other_links(Fixture *fixture, const void *data)
{
    (void)data;
    g_assert_cmpint(linkat(fixture->folder_fd, "file", fixture->folder_fd, "link", 0), ==, 0);
    g_assert_cmpint(mark_set(&fixture->key, fixture->fd, "a.png", NULL), ==, EMLINK);
    g_assert_cmpint(fgetxattr(fixture->fd, ATTRIBUTE, NULL, 0), <, 0);
}

typedef struct {
    uint64_t object_hash, next_object_hash;
    int64_t mtime_ns;
} OldMark;

static const struct {
    const char *name;
    size_t size;
} old_sizes[] = {{"hash", 8}, {"two-hashes", 16}, {"time", 24}};

static void set_old(const Fixture *fixture, size_t size)
{
    OldMark old = {.object_hash = layout_key_hash("a.png")};
    struct stat st;

    g_assert_cmpint(fstat(fixture->fd, &st), ==, 0);
    old.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    g_assert_cmpint(fsetxattr(fixture->fd, ATTRIBUTE, &old, size, 0), ==, 0);
}

/* A thumbnail of an older version is not made again, but its mark hides no file outside of the
 * prefix. */
static void test_old(Fixture *fixture, const void *data)
{
    size_t size = *(const size_t *)data;
    MarkKey later = fixture->key;

    /* The key was made after the file was marked. */
    later.since_ns = INT64_MAX - 1;
    set_old(fixture, size);
    g_assert_true(mark_is_unchanged(&later, fixture->fd, "a.png"));
    g_assert_false(mark_is_unchanged(&later, fixture->fd, "b.png"));
    g_assert_true(mark_names(&later, fixture->fd, layout_key_hash("a.png")));
    g_assert_false(mark_is_true(&later, fixture->fd));
}

/* No version of thumbq has set such a mark since the key was made. */
static void test_old_forged(Fixture *fixture, const void *data)
{
    MarkKey earlier = fixture->key;

    earlier.since_ns = 1;
    set_old(fixture, *(const size_t *)data);
    g_assert_false(mark_is_unchanged(&earlier, fixture->fd, "a.png"));
    g_assert_false(mark_names(&earlier, fixture->fd, layout_key_hash("a.png")));
    g_assert_false(mark_is_true(&earlier, fixture->fd));
}

/* The mark of a folder is valid for this folder, at this path, with this key. */
static void test_folder(Fixture *fixture, const void *data)
{
    MarkKey other = fixture->key;

    (void)data;
    other.secret[0] ^= 1;
    g_assert_cmpint(mkdirat(fixture->folder_fd, "a", 0700), ==, 0);
    g_assert_cmpint(mkdirat(fixture->folder_fd, "b", 0700), ==, 0);
    autofd a_fd = openat(fixture->folder_fd, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autofd b_fd = openat(fixture->folder_fd, "b", O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_assert_false(mark_is_of_folder(&fixture->key, a_fd, "small/a"));
    g_assert_cmpint(mark_folder(&fixture->key, a_fd, "small/a"), ==, 0);
    g_assert_true(mark_is_of_folder(&fixture->key, a_fd, "small/a"));
    g_assert_false(mark_is_of_folder(&fixture->key, a_fd, "small/b"));
    g_assert_false(mark_is_of_folder(&other, a_fd, "small/a"));
    g_assert_false(mark_is_of_folder(&fixture->key, b_fd, "small/a"));

    char tag[64];
    ssize_t len = fgetxattr(a_fd, ATTRIBUTE ".folder", tag, sizeof tag);
    g_assert_cmpint(len, >, 0);
    g_autofree char *b_path = g_build_filename(fixture->folder, "b", NULL);
    g_assert_cmpint(setxattr(b_path, ATTRIBUTE ".folder", tag, (size_t)len, 0), ==, 0);
    g_assert_false(mark_is_of_folder(&fixture->key, b_fd, "small/a"));
}

static const struct {
    const char *name;
    void (*run)(Fixture *fixture, const void *data);
} cases[] = {
    {"key", test_key},
    {"key-not-made", test_key_not_made},
    {"key-no-file", test_key_no_file},
    {"set", test_set},
    {"written-to", test_written_to},
    {"other-bucket", test_other_bucket},
    {"forged", test_forged},
    {"other-links", test_other_links},
    {"folder", test_folder},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!folders_have_attributes()) {
        g_printerr("skipped: %s has no extended attributes\n", g_get_tmp_dir());
        return 77;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/mark/%s", cases[i].name);
        g_test_add(path, Fixture, NULL, set_up, cases[i].run, tear_down);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad_keys); i++) {
        g_autofree char *path = g_strdup_printf("/mark/bad-key/%s", bad_keys[i].name);
        g_test_add(path, Fixture, &bad_keys[i], set_up, test_bad_key, tear_down);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(old_sizes); i++) {
        g_autofree char *old = g_strdup_printf("/mark/old/%s", old_sizes[i].name);
        g_autofree char *forged = g_strdup_printf("/mark/old-forged/%s", old_sizes[i].name);
        g_test_add(old, Fixture, &old_sizes[i].size, set_up, test_old, tear_down);
        g_test_add(forged, Fixture, &old_sizes[i].size, set_up, test_old_forged, tear_down);
    }
    return g_test_run();
}
