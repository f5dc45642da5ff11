/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket_fixture.h"
#include "bucket_private.h"
#include "error.h"
#include "file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- limits -------------------------------------------------------------------------------------
 */

static void test_overflow(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    run("mkdir gone");
    start(f);
    g_autofree char *text = file_read("/proc/sys/fs/inotify/max_queued_events", 64, NULL, NULL);
    int n_files = (int)g_ascii_strtoll(text, NULL, 10) / 3 + 1000; /* each makes three events */
    if (n_files > 100000) {
        g_test_skip("fs.inotify.max_queued_events is too large to fill");
        return;
    }
    for (int i = 0; i < n_files; i++) {
        g_autofree char *path = g_strdup_printf("%d.jpg", i);
        write_file(path, 1);
    }
    run("rmdir gone; mkdir later; echo 1 > later/a");
    await(f, "SCAN_END"); /* which nobody asked for */
    for (int i = 0; i < n_files; i++) {
        g_autofree char *event = g_strdup_printf("OBJECT %d.jpg", i);
        g_autofree char *scan = g_strdup_printf("OBJECT %d.jpg (scan)", i);
        g_assert_cmpuint(count_of(f, event) + count_of(f, scan), >, 0);
    }
    g_assert_cmpuint(count_of(f, "OBJECT later/a (scan)"), >, 0);
    g_assert_cmpuint(count_of(f, "TREE_REMOVED gone"), ==, 1);
    write_file("later/b", 1); /* watched by the scan */
    await(f, "OBJECT later/b");
}

/* Hard links make no event but CREATE; more of them than are waited for are found by a rescan. */
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

/* A user namespace has a limit of its own, which nobody else feels. */
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
    if (!limit_watches("4")) { /* the bucket's parent has one */
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
    g_assert_cmpuint(count_of(f, warning), ==, 1); /* said once only */
    g_print("limited\n");
}

static void test_watch_limit(void)
{
    g_test_trap_subprocess("/bucket/limits/watches/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*limit*"); /* it ran; "cannot limit" where that is not allowed */
}

/* Half of what the machine lets a user watch, in small. */
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
    await_scan(f); /* what is not watched is found by scans */
    g_assert_cmpuint(f->n_objects, ==, 5);
    g_assert_cmpuint(count_of(f, warning), ==, 1);
    run("rm -r a b c d");
    await_scan(f); /* and what has become free is used */
    await_scan(f);
    g_assert_cmpuint(g_hash_table_size(f->bucket->tree.by_watch), ==, 2);
}

/* Hundreds of names that cannot be keys make one line for a scan, which names one and counts. */
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
    for (int i = 0; i < n_files; i++) { /* told by events */
        g_autofree char *path = g_strdup_printf("%s%d", file, i);
        write_file(path, 2);
    }
    g_assert_cmpint(g_chdir(f->path), ==, 0);
    await_scan(f);
    n_warnings = 0;
    for (guint i = 0; i < f->lines->len; i++)
        n_warnings += g_str_has_prefix(g_ptr_array_index(f->lines, i), "WARNING");
    g_assert_cmpuint(n_warnings, >=, 1);
    g_assert_cmpuint(n_warnings, <=, 2); /* before the scan began, and at its end */
}

/* Lets this process open no more; what is open stays so. Returns the limit as it was. */
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

/* Without a descriptor nothing can be said of a file. It is looked at when there is one. */
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
    g_assert_cmpint(dup2(STDIN_FILENO, written), ==, written); /* closes it, and takes its place */
    while (left > 0) {
        (void)g_main_context_iteration(NULL, FALSE);
        g_assert_cmpint(ioctl(f->bucket->inotify_fd, FIONREAD, &left), ==, 0);
    }
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, 3);
    g_assert_cmpuint(count_of(f, "OBJECT written (scan)"), >, 0);
    g_assert_cmpuint(count_of(f, "OBJECT moved (scan)"), >, 0);
    g_assert_cmpuint(count_of(f, "REMOVED goes"), ==, 0); /* nothing was known of it */
    (void)close(written);
}

static void test_deep_tree(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    /* Deeper than any path may be long: made by climbing down. */
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
    g_assert_cmpuint(f->n_objects, ==, 16); /* 16 x 251 + 1 <= 4095 < 17 x 251 + 1 */
    g_assert_cmpuint(n_objects, <=, 16);
}

/* ---- the root -----------------------------------------------------------------------------------
 */

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
    options.watch = false; /* only the scan itself can notice */
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

    /* Without a descriptor nothing is known, which is not that there is no mount. */
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
    /* Nothing has been told of it yet: what lay there does not count as gone. */
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
