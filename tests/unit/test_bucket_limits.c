/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/file.h"
#include "bucket/bucket_private.h"
#include "bucket_fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_overflow(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    run("mkdir gone");
    start(f);
    g_autofree char *text = file_read("/proc/sys/fs/inotify/max_queued_events", 64, NULL, NULL);
    /* Each file makes three events. */
    int n_files = (int)g_ascii_strtoll(text, NULL, 10) / 3 + 1000;
    if (n_files > 100000) {
        g_test_skip("fs.inotify.max_queued_events is too large to fill");
        return;
    }
    for (int i = 0; i < n_files; i++) {
        g_autofree char *path = g_strdup_printf("%d.jpg", i);
        write_file(path, 1);
    }
    run("rmdir gone; mkdir later; echo 1 > later/a");
    /* The bucket scans without a request. */
    await(f, "SCAN_END");
    for (int i = 0; i < n_files; i++) {
        g_autofree char *event = g_strdup_printf("OBJECT %d.jpg", i);
        g_autofree char *scan = g_strdup_printf("OBJECT %d.jpg (scan)", i);
        g_assert_cmpuint(count_of(f, event) + count_of(f, scan), >, 0);
    }
    g_assert_cmpuint(count_of(f, "OBJECT later/a (scan)"), >, 0);
    g_assert_cmpuint(count_of(f, "TREE_REMOVED gone"), ==, 1);
    /* The scan has begun to watch this folder. */
    write_file("later/b", 1);
    await(f, "OBJECT later/b");
}

/* Hard links make only CREATE events. A rescan finds those beyond the number that the bucket can
 * wait for. */
static void test_settle_table_full(Fixture *f, gconstpointer unused_data)
{
    const int n_links = SETTLE_MAX + 500;
    (void)unused_data;
    write_file("../source", 1);
    start(f);
    for (int i = 0; i < n_links; i++) {
        g_autofree char *path = g_strdup_printf("%d", i);
        g_assert_cmpint(link("../source", path), ==, 0);
    }
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, n_links);
    g_assert_cmpuint(g_hash_table_size(f->bucket->settling), <=, SETTLE_MAX);
}

static void test_moves_table_full(Fixture *f, gconstpointer unused_data)
{
    const int n_files = MOVES_MAX + 500;
    (void)unused_data;
    for (int i = 0; i < n_files; i++) {
        g_autofree char *path = g_strdup_printf("%d", i);
        write_file(path, 1);
    }
    start(f);
    for (int i = 0; i < n_files; i++) {
        g_autofree char *path = g_strdup_printf("%d", i);
        g_autofree char *out = g_strdup_printf("../%d", i);
        g_assert_cmpint(rename(path, out), ==, 0);
    }
    for (int i = 0; i < n_files; i++) {
        g_autofree char *line = g_strdup_printf("REMOVED %d", i);
        await(f, line);
        g_assert_cmpuint(count_of(f, line), ==, 1);
    }
}

/* Sets the limit of a new user namespace, which affects no other process. */
static bool limit_watches(const char *limit)
{
    if (unshare(CLONE_NEWUSER) < 0)
        return false;
    autofd fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, limit, strlen(limit)) == (ssize_t)strlen(limit);
}

static void test_watch_limit_inside(Fixture *f, gconstpointer unused_data)
{
    static const char warning[] =
        "WARNING no more watches after 3 folders: the others are only rescanned every 60 s; raise "
        "the sysctl fs.inotify.max_user_watches";
    (void)unused_data;
    if (!g_test_subprocess())
        return;
    run("mkdir a b c d; echo 1 > a/x; echo 1 > b/x; echo 1 > c/x; echo 1 > d/x");
    /* The parent of the bucket has one watch. */
    if (!limit_watches("4")) {
        g_print("cannot limit\n");
        return;
    }
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, 4);
    g_assert_cmpuint(count_of(f, warning), ==, 1);
    g_assert_cmpint(g_source_get_ready_time(f->bucket->scan.rescan), >, 0);
    write_file("a/y", 1);
    write_file("b/y", 1);
    write_file("c/y", 1);
    write_file("d/y", 1);
    await_scan(f);
    g_assert_cmpuint(f->n_objects, ==, 8);
    /* The warning is given only once. */
    g_assert_cmpuint(count_of(f, warning), ==, 1);
    g_print("limited\n");
}

static void test_watch_limit(void)
{
    g_test_trap_subprocess("/bucket/limits/watches/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    /* The child ran. It prints "cannot limit" where a user namespace is not allowed. */
    g_test_trap_assert_stdout("*limit*");
}

/* Tests the share of one half of the user's watches, with small numbers. */
static void test_watch_share(Fixture *f, gconstpointer unused_data)
{
    g_autofree char *text = file_read("/proc/sys/fs/inotify/max_user_watches", 64, NULL, NULL);
    g_autofree char *warning =
        g_strdup_printf("WARNING 3 folders are watched, of the %s that the machine lets a user "
                        "watch: the others are only rescanned every 60 s; raise the sysctl "
                        "fs.inotify.max_user_watches",
                        g_strchomp(text));
    (void)unused_data;
    run("mkdir a b c d");
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpint(f->bucket->watches_max, ==, g_ascii_strtoll(text, NULL, 10) / 2);
    g_assert_cmpuint(g_hash_table_size(f->bucket->tree.by_watch), ==, 5);
    bucket_free(f->bucket);
    forget_lines(f);

    options.max_watches = 3;
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(g_hash_table_size(f->bucket->tree.by_watch), ==, 3);
    g_assert_cmpuint(count_of(f, warning), ==, 1);
    g_assert_cmpint(g_source_get_ready_time(f->bucket->scan.rescan), >, 0);
    run("for i in a b c d; do echo 1 > $i/x; done; mkdir e; echo 1 > e/x");
    /* Scans find changes in folders without a watch. */
    await_scan(f);
    g_assert_cmpuint(f->n_objects, ==, 5);
    g_assert_cmpuint(count_of(f, warning), ==, 1);
    run("rm -r a b c d");
    /* The scan uses the watches that have become free. */
    await_scan(f);
    await_scan(f);
    g_assert_cmpuint(g_hash_table_size(f->bucket->tree.by_watch), ==, 2);
}

/* Hundreds of names that cannot be keys give one line per scan, with one name and the number of
 * names. */
static void test_notices(Fixture *f, gconstpointer unused_data)
{
    const int n_files = 300;
    (void)unused_data;
    g_autofree char *name = g_strnfill(250, 'd');
    g_autofree char *file = g_strnfill(240, 'f');
    for (int i = 0; i < 16; i++) {
        g_assert_cmpint(g_mkdir(name, 0755), ==, 0);
        g_assert_cmpint(g_chdir(name), ==, 0);
    }
    for (int i = 0; i < n_files; i++) {
        g_autofree char *path = g_strdup_printf("%s%d", file, i);
        write_file(path, 1);
    }
    g_assert_cmpint(g_chdir(f->path), ==, 0);
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_autofree char *start = g_strdup_printf(
        "WARNING a path is longer than 4095 bytes and is skipped: '.../%s/%s", name, file);
    guint n_warnings = 0;
    for (guint i = 0; i < f->lines->len; i++) {
        const char *line = g_ptr_array_index(f->lines, i);
        n_warnings += g_str_has_prefix(line, "WARNING");
        if (g_str_has_prefix(line, "WARNING")) {
            g_assert_true(g_str_has_prefix(line, start));
            g_assert_true(g_str_has_suffix(line, "'; and 299 more"));
        }
    }
    g_assert_cmpuint(n_warnings, ==, 1);
    forget_lines(f);
    for (int i = 0; i < 16; i++)
        g_assert_cmpint(g_chdir(name), ==, 0);
    /* Events report these files. */
    for (int i = 0; i < n_files; i++) {
        g_autofree char *path = g_strdup_printf("%s%d", file, i);
        write_file(path, 2);
    }
    g_assert_cmpint(g_chdir(f->path), ==, 0);
    await_scan(f);
    n_warnings = 0;
    for (guint i = 0; i < f->lines->len; i++)
        n_warnings += g_str_has_prefix(g_ptr_array_index(f->lines, i), "WARNING");
    g_assert_cmpuint(n_warnings, >=, 1);
    /* One warning may come before the scan begins, and one at its end. */
    g_assert_cmpuint(n_warnings, <=, 2);
}

/* Lets this process open no more files; open ones stay open. Returns the old limit. */
static struct rlimit open_no_more(void)
{
    struct rlimit before;
    int next = dup(STDIN_FILENO);
    g_assert_cmpint(next, >=, 0);
    (void)close(next);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    const struct rlimit none = {(rlim_t)next, before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    return before;
}

/* Without a descriptor, a file cannot be examined. It is examined when a descriptor is free. */
static void test_no_descriptors(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    write_file("../moved", 1);
    write_file("stays", 1);
    write_file("goes", 1);
    int written = open("written", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    g_assert_cmpint(written, >=, 0);
    start(f);
    struct rlimit limit = open_no_more();
    int left = 1;
    g_assert_cmpint(rename("../moved", "moved"), ==, 0);
    g_assert_cmpint(unlink("goes"), ==, 0);
    g_assert_cmpint(write(written, "x", 1), ==, 1);
    g_assert_cmpint(rename("stays", "renamed"), ==, 0);
    /* This closes the file and takes its descriptor. */
    g_assert_cmpint(dup2(STDIN_FILENO, written), ==, written);
    while (left > 0) {
        (void)g_main_context_iteration(NULL, FALSE);
        g_assert_cmpint(ioctl(f->bucket->inotify_fd, FIONREAD, &left), ==, 0);
    }
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, 3);
    g_assert_cmpuint(count_of(f, "OBJECT written (scan)"), >, 0);
    g_assert_cmpuint(count_of(f, "OBJECT moved (scan)"), >, 0);
    /* The bucket had not reported the object. */
    g_assert_cmpuint(count_of(f, "REMOVED goes"), ==, 0);
    (void)close(written);
}

static void test_deep_tree(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    /* The tree is deeper than the longest path, so the test makes it by entering each folder. */
    g_autofree char *name = g_strnfill(250, 'd');
    start(f);
    for (int i = 0; i < 20; i++) {
        g_assert_cmpint(g_mkdir(name, 0755), ==, 0);
        g_assert_cmpint(g_chdir(name), ==, 0);
        write_file("a", 1);
    }
    g_assert_cmpint(g_chdir(f->path), ==, 0);
    await_scan(f);
    guint n_warnings = 0, n_objects = 0;
    for (guint i = 0; i < f->lines->len; i++) {
        const char *line = g_ptr_array_index(f->lines, i);
        n_warnings += g_str_has_prefix(line, "WARNING a path is longer than 4095 bytes");
        n_objects += g_str_has_prefix(line, "OBJECT ") && g_str_has_suffix(line, " (scan)");
    }
    g_assert_cmpuint(n_warnings, >, 0);
    /* The longest path has 16 folders: 16 x 251 + 1 <= 4095 < 17 x 251 + 1. */
    g_assert_cmpuint(f->n_objects, ==, 16);
    g_assert_cmpuint(n_objects, <=, 16);
}

static void assert_lost(Fixture *f)
{
    await(f, "LOST");
    g_assert_false(bucket_is_present(f->bucket));
    g_assert_false(bucket_is_scanning(f->bucket));
    g_assert_cmpint(index_of(f, "LOST"), ==, (int)f->lines->len - 1);
    guint n_lines = f->lines->len;
    bucket_rescan(f->bucket);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(f->lines->len, ==, n_lines);
}

static void test_root_deleted(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    start(f);
    g_assert_true(bucket_is_present(f->bucket));
    g_assert_cmpint(g_chdir("/"), ==, 0);
    g_assert_cmpint(g_rmdir(f->path), ==, 0);
    assert_lost(f);
    assert_none_starts(f, "REMOVED");
}

static void test_root_renamed(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    write_file("a", 1);
    start(f);
    run("mv ../photos ../elsewhere; mkdir ../photos");
    assert_lost(f);
    assert_none_starts(f, "REMOVED");
}

static void test_root_replaced_during_scan(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    write_file("a", 1);
    BucketOptions options = options_of(f);
    /* Only the scan itself can detect this. */
    options.watch = false;
    open_with(f, &options);
    await(f, "SCAN_END");
    forget_lines(f);
    bucket_rescan(f->bucket);
    run("mv ../photos ../elsewhere; mkdir ../photos");
    assert_lost(f);
    g_assert_cmpuint(count_of(f, "SCAN_END"), ==, 0);
}

static void test_root_mounted_over(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    write_file("a", 1);
    start(f);
    g_assert_cmpint(g_chdir("/"), ==, 0);
    if (mount("none", f->path, "tmpfs", 0, NULL) < 0) {
        g_test_skip("may not mount");
        return;
    }
    assert_lost(f);
    assert_none_starts(f, "REMOVED");
    g_assert_cmpint(umount2(f->path, MNT_DETACH), ==, 0);
}

static void test_mount_inside(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    run("mkdir -p 'd d/m' 'd d/no'");
    start(f);
    if (mount("none", "d d/m", "tmpfs", 0, NULL) < 0) {
        g_test_skip("may not mount");
        return;
    }
    await(f, "SCAN_END");
    run("echo 1 > 'd d/m/a'");
    await(f, "OBJECT d d/m/a");
    forget_lines(f);
    g_assert_cmpuint(bucket_mounts(f->bucket)->len, ==, 1);
    const BucketMount *mount_seen = &g_array_index(bucket_mounts(f->bucket), BucketMount, 0);
    g_assert_cmpstr(mount_seen->key, ==, "d d/m");
    g_assert_true(bucket_knows_place(f->bucket, "d d/m/a"));
    g_assert_true(bucket_knows_place(f->bucket, "d d/no/such"));

    /* Without a descriptor the mount is unknown, which must not count as the absence of a mount. */
    struct rlimit limit, none;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    none = limit;
    none.rlim_cur = 1;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    bool has_changed = mounts_refresh(f->bucket);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    g_assert_false(has_changed);
    g_assert_cmpuint(bucket_mounts(f->bucket)->len, ==, 1);

    g_assert_cmpint(umount2("d d/m", MNT_DETACH), ==, 0);
    /* The mount has not been reported yet, so its objects do not count as removed. */
    g_assert_false(bucket_knows_place(f->bucket, "d d/m/a"));
    g_assert_true(bucket_knows_place(f->bucket, "d d/no"));
    await(f, "SCAN_END");
    g_assert_cmpuint(bucket_mounts(f->bucket)->len, ==, 0);
    g_assert_true(bucket_knows_place(f->bucket, "d d/m/a"));
    g_assert_cmpuint(f->n_objects, ==, 0);
    g_assert_true(bucket_is_present(f->bucket));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bucket/limits/watches", test_watch_limit);
    FIXTURE_ADD("/bucket/limits/watch-share", NULL, test_watch_share);
    FIXTURE_ADD("/bucket/limits/notices", NULL, test_notices);
    FIXTURE_ADD("/bucket/limits/deep-tree", NULL, test_deep_tree);
    FIXTURE_ADD("/bucket/limits/descriptors", NULL, test_no_descriptors);
    FIXTURE_ADD("/bucket/limits/overflow", NULL, test_overflow);
    FIXTURE_ADD("/bucket/limits/watches/subprocess", NULL, test_watch_limit_inside);
    FIXTURE_ADD("/bucket/limits/settle", NULL, test_settle_table_full);
    FIXTURE_ADD("/bucket/limits/moves", NULL, test_moves_table_full);
    FIXTURE_ADD("/bucket/root/deleted", NULL, test_root_deleted);
    FIXTURE_ADD("/bucket/root/renamed", NULL, test_root_renamed);
    FIXTURE_ADD("/bucket/root/replaced-during-scan", NULL, test_root_replaced_during_scan);
    FIXTURE_ADD("/bucket/root/mounted-over", NULL, test_root_mounted_over);
    FIXTURE_ADD("/bucket/root/mount-inside", NULL, test_mount_inside);
    return g_test_run();
}
