/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that belong to a bucket, and which files are trusted to say so. */
#include "base/file.h"
#include "journal/place.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const MarkKey mine = {.secret = "mine", .since_ns = 1};
static const MarkKey other = {.secret = "other", .since_ns = 1};

typedef struct {
    char *path;
    int fd;
} Fixture;

static void set_up(Fixture *fixture, const void *data)
{
    (void)data;
    fixture->path = g_dir_make_tmp("thumbq-place-XXXXXX", NULL);
    fixture->fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(fixture->fd, >=, 0);
}

static void tear_down(Fixture *fixture, const void *data)
{
    (void)data;
    fd_clear(&fixture->fd);
    g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
    g_free(fixture->path);
}

static void test_claim(Fixture *fixture, const void *data)
{
    (void)data;
    g_assert_false(place_is_anothers(fixture->fd, &mine));
    place_claim(fixture->fd, &other);
    g_assert_true(place_is_anothers(fixture->fd, &mine));
    g_assert_false(place_is_anothers(fixture->fd, &other));
    place_claim(fixture->fd, &mine);
    g_assert_false(place_is_anothers(fixture->fd, &mine));
}

/* Another user who can write there could set the mark, to hide the content. */
static void test_writable(Fixture *fixture, const void *data)
{
    static const mode_t modes[] = {0777, 0775, 0770, 01777, 0702};

    (void)data;
    place_claim(fixture->fd, &other);
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_assert_cmpint(fchmod(fixture->fd, modes[i]), ==, 0);
        g_assert_false(place_is_anothers(fixture->fd, &mine));
    }
    g_assert_cmpint(fchmod(fixture->fd, 0755), ==, 0);
    g_assert_true(place_is_anothers(fixture->fd, &mine));
}

static void test_other_user(Fixture *fixture, const void *data)
{
    (void)data;
    if (geteuid() != 0) {
        g_test_skip("only root can give a folder away");
        return;
    }
    place_claim(fixture->fd, &other);
    g_assert_cmpint(fchown(fixture->fd, 12345, 12345), ==, 0);
    g_assert_false(place_is_anothers(fixture->fd, &mine));
}

static void test_same(Fixture *fixture, const void *data)
{
    autofd again = open(fixture->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autofd above = openat(fixture->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)data;
    g_assert_true(place_is_same(fixture->fd, again));
    g_assert_false(place_is_same(fixture->fd, above));
}

int main(int argc, char **argv)
{
    g_autofree char *probe = g_dir_make_tmp("thumbq-xattr-XXXXXX", NULL);
    bool has_attributes = setxattr(probe, "user.thumbq", "x", 1, 0) == 0;

    g_test_init(&argc, &argv, NULL);
    (void)g_rmdir(probe);
    if (!has_attributes) {
        g_printerr("skipped: %s has no extended attributes\n", g_get_tmp_dir());
        return 77;
    }
    g_test_add("/place/claim", Fixture, NULL, set_up, test_claim, tear_down);
    g_test_add("/place/writable", Fixture, NULL, set_up, test_writable, tear_down);
    g_test_add("/place/other-user", Fixture, NULL, set_up, test_other_user, tear_down);
    g_test_add("/place/same", Fixture, NULL, set_up, test_same, tear_down);
    return g_test_run();
}
