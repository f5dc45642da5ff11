/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "bucket_fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>

static void test_scan_reports_each_once(Fixture *f, gconstpointer unused_data)
{
    const int n_files = 10000;
    (void)unused_data;
    for (int i = 0; i < n_files; i++) {
        g_autofree char *folder = g_strdup_printf("%d/%d", i % 10, i % 100);
        g_autofree char *path = g_strdup_printf("%s/%d.jpg", folder, i);
        if (i < 100)
            g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        write_file(path, (size_t)i % 5);
    }
    BucketOptions options = options_of(f);
    open_with(f, &options);
    g_assert_true(bucket_is_scanning(f->bucket));
    await(f, "SCAN_END");
    g_assert_false(bucket_is_scanning(f->bucket));
    g_assert_cmpuint(f->n_objects, ==, n_files);
    g_assert_cmpuint(f->lines->len, ==, n_files + 2);
    g_assert_cmpstr(g_ptr_array_index(f->lines, 0), ==, "SCAN_BEGIN");
    for (int i = 0; i < n_files; i++) {
        g_autofree char *line = g_strdup_printf("OBJECT %d/%d/%d.jpg (scan)", i % 10, i % 100, i);
        g_assert_cmpuint(count_of(f, line), ==, 1);
    }
    g_assert_cmpint(size_of(f, "OBJECT 3/13/13.jpg (scan)"), ==, 3);
}

static void test_scan_without_watches(Fixture *f, gconstpointer unused_data)
{
    BucketOptions options = options_of(f);
    (void)unused_data;
    options.watch = false;
    write_file("a", 1);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(count_of(f, "OBJECT a (scan)"), ==, 1);
    write_file("b", 1);
    await_scan(f);
    g_assert_cmpuint(count_of(f, "OBJECT b (scan)"), ==, 1);
    g_assert_cmpuint(count_of(f, "OBJECT a (scan)"), ==, 2);
    g_assert_cmpint(f->bucket->inotify_fd, ==, -1);
}

/* The folder of a gateway's uploads is left out even if no pattern ignores it. */
static void test_uploads_folder(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    BucketOptions options = options_of(f);
    options.ignore = NULL;
    g_assert_cmpint(g_mkdir_with_parents(".thumbq-uploads/x", 0755), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents("a/.thumbq-uploads", 0755), ==, 0);
    write_file(".thumbq-uploads/1", 1);
    write_file(".thumbq-uploads/x/1", 1);
    write_file("a/.thumbq-uploads/1", 1);
    write_file("a/.hidden", 1);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, 1);
    g_assert_cmpuint(count_of(f, "OBJECT a/.hidden (scan)"), ==, 1);
    write_file(".thumbq-uploads/2", 1);
    write_file("a/.thumbq-uploads/2", 1);
    /* An upload that is complete, and a file of that name. */
    g_assert_cmpint(g_rename(".thumbq-uploads/2", "upload"), ==, 0);
    await(f, "OBJECT upload");
    write_file("a/b", 1);
    await(f, "OBJECT a/b");
    g_assert_cmpuint(count_of(f, "OBJECT .thumbq-uploads/2"), ==, 0);
    g_assert_cmpuint(count_of(f, "OBJECT a/.thumbq-uploads/2"), ==, 0);
}

static void test_rescan_follows(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    BucketOptions options = options_of(f);
    open_with(f, &options);
    /* The first rescan has not begun, so both are the same one. */
    bucket_rescan(f->bucket);
    await(f, "SCAN_BEGIN");
    while (bucket_is_scanning(f->bucket))
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(count_of(f, "SCAN_END"), ==, 1);
}

static void test_rescan_by_itself(Fixture *f, gconstpointer unused_data)
{
    BucketOptions options = options_of(f);
    (void)unused_data;
    options.rescan_us = 1000;
    open_with(f, &options);
    await_times(f, "SCAN_END", 4);
}

static void test_scan_drops_folders(Fixture *f, gconstpointer unused_data)
{
    BucketOptions options = options_of(f);
    (void)unused_data;
    options.watch = false;
    run("mkdir -p a/b c");
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->bucket->tree.n_nodes, ==, 4);
    run("rm -r a");
    await_scan(f);
    g_assert_cmpuint(count_of(f, "TREE_REMOVED a"), ==, 1);
    g_assert_cmpuint(f->bucket->tree.n_nodes, ==, 2);
}

/* Makes and fills hundreds of trees faster than they can be watched. */
static void test_mkdir_race(Fixture *f, gconstpointer unused_data)
{
    const int n_trees = 400;
    (void)unused_data;
    start(f);
    for (int i = 0; i < n_trees; i++) {
        g_autofree char *folder = g_strdup_printf("t%d/a/b/c", i);
        g_autofree char *deep = g_strdup_printf("%s/x.jpg", folder);
        g_autofree char *half = g_strdup_printf("t%d/a/y.jpg", i);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        write_file(deep, 1);
        write_file(half, 1);
        if (i % 7 == 0)
            g_main_context_iteration(NULL, FALSE);
    }
    for (int i = 0; i < n_trees; i++) {
        g_autofree char *deep = g_strdup_printf("OBJECT t%d/a/b/c/x.jpg", i);
        g_autofree char *half = g_strdup_printf("OBJECT t%d/a/y.jpg", i);
        await(f, deep);
        await(f, half);
    }
}

static void test_unreadable_folder(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    g_assert_true(become_nobody(f));
    g_assert_cmpint(g_mkdir("shut", 0755), ==, 0);
    write_file("shut/a", 1);
    write_file("b", 1);
    g_assert_cmpint(g_chmod("shut", 0), ==, 0);
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(count_of(f, "WARNING cannot read the folder 'shut': Permission denied"), ==,
                     1);
    g_assert_cmpuint(count_of(f, "OBJECT b (scan)"), ==, 1);
    g_assert_cmpuint(f->n_objects, ==, 1);
    /* The warning is given only once. */
    await_scan(f);
    g_assert_cmpuint(count_of(f, "WARNING cannot read the folder 'shut': Permission denied"), ==,
                     1);
    g_assert_cmpint(g_chmod("shut", 0755), ==, 0);
    await(f, "OBJECT shut/a");
    become_root();
}

static void test_unreadable_root(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    g_autoptr(GError) error = NULL;
    BucketOptions options = options_of(f);
    g_assert_true(become_nobody(f));
    g_assert_cmpint(g_chmod(f->path, 0), ==, 0);
    g_assert_null(bucket_open(&options, fixture_record, f, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED);
    g_assert_cmpint(g_chmod(f->path, 0755), ==, 0);
    become_root();
}

static void test_unreadable_object(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    g_autoptr(GError) error = NULL;
    ObjectVersion version;
    g_assert_true(become_nobody(f));
    write_file("shut", 3);
    g_assert_cmpint(g_chmod("shut", 0), ==, 0);
    start(f);
    g_assert_cmpint(bucket_open_object(bucket_fd(f->bucket), "shut", &version, &error), ==, -1);
    g_assert_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED);
    g_assert_true(bucket_stat_object(bucket_fd(f->bucket), "shut", &version, NULL));
    g_assert_cmpint(version.size, ==, 3);
    become_root();
}

/* Only the owner of a file can have a lease. For another user, a file counts as complete once it is
 * quiet. */
static void test_no_lease(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    if (getuid() != 0) {
        g_test_skip("needs a file of another user");
        return;
    }
    write_file("../source", 1);
    g_assert_true(become_nobody(f));
    start(f);
    become_root();
    g_assert_cmpint(link("../source", "linked"), ==, 0);
    g_assert_true(become_nobody(f));
    await(f, "OBJECT linked");
    become_root();
}

static void test_slow_writer(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    start(f);
    int fd = open("slow", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(write(fd, "12345", 5), ==, 5);
        /* A scan does not report the file either. */
        await_scan(f);
    }
    assert_none_starts(f, "OBJECT slow");
    g_assert_cmpint(write(fd, "6", 1), ==, 1);
    g_assert_cmpint(close(fd), ==, 0);
    await(f, "OBJECT slow");
    g_assert_cmpint(size_of(f, "OBJECT slow"), ==, 16);
}

static void test_renamed_while_open(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    start(f);
    int fd = open("slow.part", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    g_assert_cmpint(rename("slow.part", "slow"), ==, 0);
    await_scan(f);
    assert_none_starts(f, "OBJECT slow");
    g_assert_cmpint(write(fd, "123", 3), ==, 3);
    g_assert_cmpint(close(fd), ==, 0);
    await(f, "OBJECT slow");
    g_assert_cmpint(size_of(f, "OBJECT slow"), ==, 3);
}

/* The kernel reports such a file as #inode when it is closed. */
static void test_tmpfile_linked(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    start(f);
    int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        g_test_skip("no O_TMPFILE here");
        return;
    }
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    g_assert_cmpint(write(fd, "12", 2), ==, 2);
    g_assert_cmpint(linkat(AT_FDCWD, self, AT_FDCWD, "made", AT_SYMLINK_FOLLOW), ==, 0);
    await_scan(f);
    assert_none_starts(f, "OBJECT made");
    g_assert_cmpint(write(fd, "34", 2), ==, 2);
    g_assert_cmpint(close(fd), ==, 0);
    await(f, "OBJECT made");
    g_assert_cmpint(size_of(f, "OBJECT made"), ==, 4);
}

static void test_mapped_writer(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    start(f);
    int fd = open("mapped", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    g_assert_cmpint(ftruncate(fd, 4096), ==, 0);
    char *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(bytes != MAP_FAILED);
    g_assert_cmpint(close(fd), ==, 0);
    bytes[0] = 1;
    await_scan(f);
    assert_none_starts(f, "OBJECT mapped");
    g_assert_cmpint(munmap(bytes, 4096), ==, 0);
    await(f, "OBJECT mapped");
}

typedef struct {
    const char *key;
    bool is_object;
} ObjectCase;

static void test_open_object(Fixture *f, gconstpointer unused_data)
{
    static const ObjectCase cases[] = {
        {"a", true},     {"d/b", true},     {"missing", false},     {"missing/x", false},
        {"a/x", false},  {"d", false},      {"link", false},        {"linkdir/b", false},
        {"fifo", false}, {"d/../a", false}, {"/etc/passwd", false}, {"../outside", false},
        {"", false},     {"d/./b", false},  {"d//b", false},        {"socket", false},
    };
    (void)unused_data;
    run("printf 12345 > a; mkdir d; printf 1 > d/b; ln -s a link; ln -s d linkdir; mkfifo fifo; "
        "printf 1 > ../outside; "
        "perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0);bind(S,sockaddr_un(\"socket\")) or "
        "die'");
    start(f);
    int bucket = bucket_fd(f->bucket);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) open_error = NULL;
        g_autoptr(GError) stat_error = NULL;
        ObjectVersion opened, stated;
        autofd fd = bucket_open_object(bucket, cases[i].key, &opened, &open_error);
        bool is_stated = bucket_stat_object(bucket, cases[i].key, &stated, &stat_error);
        g_assert_cmpint(fd >= 0, ==, cases[i].is_object);
        g_assert_cmpint(is_stated, ==, cases[i].is_object);
        if (!cases[i].is_object) {
            g_assert_error(open_error, THUMBQ_ERROR, ERROR_SOURCE_GONE);
            g_assert_error(stat_error, THUMBQ_ERROR, ERROR_SOURCE_GONE);
            continue;
        }
        g_assert_true(object_version_equal(&opened, &stated));
        g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
    }
}

/* One folder belongs to thumbq, whatever its name is. */
typedef struct {
    Fixture *f;
    ino_t ino;
} Ours;

static bool is_ours(int folder_fd, const char *unused_key, void *data)
{
    (void)unused_key;
    const Ours *ours = data;
    struct stat st;
    return fstat(folder_fd, &st) == 0 && st.st_ino == ours->ino;
}

static void record_ours(const BucketEvent *event, void *data)
{
    fixture_record(event, ((Ours *)data)->f);
}

static void test_reserve(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    g_autoptr(GError) error = NULL;
    BucketOptions options = options_of(f);
    Ours ours = {.f = f};
    struct stat st;
    run("mkdir -p thumbnails/d other; echo 1 > thumbnails/d/a; echo 1 > other/b");
    g_assert_cmpint(stat("thumbnails", &st), ==, 0);
    ours.ino = st.st_ino;
    options.reserve = is_ours;
    f->bucket = bucket_open(&options, record_ours, &ours, &error);
    g_assert_no_error(error);
    await(f, "SCAN_END");

    run("mv thumbnails x");
    await(f, "TREE_HIDDEN x");
    run("echo 1 > x/d/c; mkdir y; mv x y/z; echo 1 > y/new");
    await(f, "OBJECT y/new");
    await_scan(f);
    g_assert_cmpuint(count_of(f, "TREE_HIDDEN y/z"), >=, 1);
    assert_none_starts(f, "OBJECT x");
    assert_none_starts(f, "OBJECT y/z");
    /* Another folder that takes its place does not belong to thumbq. */
    run("mkdir x; echo 1 > x/a");
    await(f, "OBJECT x/a");
}

static void test_open_fails(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) file = NULL;
    BucketOptions options = options_of(f);
    options.path = "missing";
    g_assert_null(bucket_open(&options, fixture_record, f, &missing));
    g_assert_error(missing, THUMBQ_ERROR, ERROR_NOT_FOUND);
    write_file("file", 1);
    options.path = "file";
    g_assert_null(bucket_open(&options, fixture_record, f, &file));
    g_assert_error(file, THUMBQ_ERROR, ERROR_NOT_FOUND);
}

static void test_free_in_callback(Fixture *f, gconstpointer data)
{
    BucketOptions options = options_of(f);
    run("mkdir d; echo 1 > d/a; echo 1 > b");
    open_with(f, &options);
    f->free_at = data;
    if (g_str_has_suffix(data, "new")) {
        await(f, "SCAN_END");
        run("echo 1 > old; echo 1 > new; echo 1 > newer; ln b link");
    }
    await(f, data);
    g_assert_null(f->bucket);
    g_assert_cmpint(index_of(f, data), ==, (int)f->lines->len - 1);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(index_of(f, data), ==, (int)f->lines->len - 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    FIXTURE_ADD("/bucket/scan/each-once", NULL, test_scan_reports_each_once);
    FIXTURE_ADD("/bucket/scan/without-watches", NULL, test_scan_without_watches);
    FIXTURE_ADD("/bucket/scan/uploads-folder", NULL, test_uploads_folder);
    FIXTURE_ADD("/bucket/scan/rescan-follows", NULL, test_rescan_follows);
    FIXTURE_ADD("/bucket/scan/rescan-by-itself", NULL, test_rescan_by_itself);
    FIXTURE_ADD("/bucket/scan/drops-folders", NULL, test_scan_drops_folders);
    FIXTURE_ADD("/bucket/scan/mkdir-race", NULL, test_mkdir_race);
    FIXTURE_ADD("/bucket/scan/unreadable-folder", NULL, test_unreadable_folder);
    FIXTURE_ADD("/bucket/scan/unreadable-root", NULL, test_unreadable_root);
    FIXTURE_ADD("/bucket/writers/slow", NULL, test_slow_writer);
    FIXTURE_ADD("/bucket/writers/renamed-while-open", NULL, test_renamed_while_open);
    FIXTURE_ADD("/bucket/writers/tmpfile-linked", NULL, test_tmpfile_linked);
    FIXTURE_ADD("/bucket/writers/no-lease", NULL, test_no_lease);
    FIXTURE_ADD("/bucket/writers/mapped", NULL, test_mapped_writer);
    FIXTURE_ADD("/bucket/object/unreadable", NULL, test_unreadable_object);
    FIXTURE_ADD("/bucket/object/open", NULL, test_open_object);
    FIXTURE_ADD("/bucket/reserve", NULL, test_reserve);
    FIXTURE_ADD("/bucket/open-fails", NULL, test_open_fails);
    static const char *const lines[] = {"SCAN_BEGIN", "OBJECT b (scan)", "SCAN_END", "OBJECT new"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *path = g_strdup_printf("/bucket/free-in-callback/%s", lines[i]);
        FIXTURE_ADD(path, lines[i], test_free_in_callback);
    }
    return g_test_run();
}
