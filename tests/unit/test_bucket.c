#include "bucket_private.h"
#include "clock.h"
#include "error.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#define DEADLINE_US (50 * CLOCK_US_PER_SEC) /* nothing here takes a tenth of it */

/* ---- a bucket and all that it reports -----------------------------------------------------------
 */

typedef struct {
    char *outer; /* temporary folder, which holds the bucket */
    char *path;  /* the bucket */
    Bucket *bucket;
    GPtrArray *lines;    /* of text, one per event, as "OBJECT a.jpg" */
    GHashTable *counts;  /* line -> times */
    GArray *sizes;       /* of the file of each line, -1 where it has none */
    uint64_t n_objects;  /* of the last SCAN_END */
    const char *free_at; /* bucket_free from within the callback at this line */
} Fixture;

static void record(const BucketEvent *event, void *data)
{
    Fixture *f = data;
    static const char *const names[] = {
        "OBJECT",     "REMOVED",  "TREE_REMOVED", "MOVED",   "TREE_MOVED",
        "SCAN_BEGIN", "SCAN_END", "LOST",         "WARNING",
    };
    GString *line = g_string_new(names[event->type]);
    if (event->from)
        g_string_append_printf(line, " %s", event->from);
    if (event->key)
        g_string_append_printf(line, " %s", event->key);
    if (event->message)
        g_string_append_printf(line, " %s", event->message);
    if (event->from_scan)
        g_string_append(line, " (scan)");
    if (event->type == BUCKET_SCAN_END)
        f->n_objects = event->n_objects;

    int64_t size =
        event->type == BUCKET_OBJECT || event->type == BUCKET_MOVED ? event->version.size : -1;
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(f->counts, line->str));
    g_hash_table_insert(f->counts, g_strdup(line->str), GUINT_TO_POINTER(count + 1));
    g_array_append_val(f->sizes, size);
    if (g_strcmp0(line->str, f->free_at) == 0)
        g_clear_pointer(&f->bucket, bucket_free);
    g_ptr_array_add(f->lines, g_string_free(line, FALSE));
}

static bool ignore(const char *name, const char *unused_key, void *unused_data)
{
    (void)unused_key;
    (void)unused_data;
    return g_str_has_suffix(name, ".part") || name[0] == '.';
}

static guint count_of(const Fixture *f, const char *line)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(f->counts, line));
}

static void dump(const Fixture *f, const char *wanted)
{
    g_printerr("no '%s' among:\n", wanted);
    for (guint i = 0; i < f->lines->len; i++)
        g_printerr("  %s\n", (char *)g_ptr_array_index(f->lines, i));
}

static gboolean on_deadline(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* Runs the main context until the line was reported `times` times. */
static void await_times(Fixture *f, const char *line, guint times)
{
    bool is_over = false;
    guint timer = g_timeout_add_seconds(DEADLINE_US / CLOCK_US_PER_SEC, on_deadline, &is_over);
    while (count_of(f, line) < times && !is_over)
        g_main_context_iteration(NULL, TRUE);
    if (is_over) {
        dump(f, line);
        g_assert_not_reached();
    }
    g_source_remove(timer);
}

static void await(Fixture *f, const char *line)
{
    await_times(f, line, 1);
}

/*
 * Runs the main context until all that was done so far has been seen: a rescan begins after it and
 * its end comes after everything the kernel told before.
 */
static void await_scan(Fixture *f)
{
    guint n = count_of(f, "SCAN_END");
    n += f->bucket->scan.running;
    bucket_rescan(f->bucket);
    await_times(f, "SCAN_END", n + 1);
}

static void forget_lines(Fixture *f)
{
    g_ptr_array_set_size(f->lines, 0);
    g_hash_table_remove_all(f->counts);
    g_array_set_size(f->sizes, 0);
}

/* Position of the first such line, or -1. */
static int index_of(const Fixture *f, const char *line)
{
    for (guint i = 0; i < f->lines->len; i++) {
        if (strcmp(g_ptr_array_index(f->lines, i), line) == 0)
            return (int)i;
    }
    return -1;
}

static int64_t size_of(const Fixture *f, const char *line)
{
    return g_array_index(f->sizes, int64_t, index_of(f, line));
}

#define LAST "OBJECT ~last" /* of a file that marks the end */

static void assert_none_starts(const Fixture *f, const char *start)
{
    for (guint i = 0; i < f->lines->len; i++) {
        const char *line = g_ptr_array_index(f->lines, i);
        if (g_str_has_prefix(line, start) && strcmp(line, LAST) != 0)
            g_error("unwanted: %s", line);
    }
}

static const char *const reserved[] = {"thumbnails", "deep/state", NULL};

static BucketOptions options_of(const Fixture *f)
{
    return (BucketOptions){.path = f->path, .reserved = reserved, .ignore = ignore, .watch = true};
}

static void open_with(Fixture *f, const BucketOptions *options)
{
    g_autoptr(GError) error = NULL;
    f->bucket = bucket_open(options, record, f, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(f->lines->len, ==, 0); /* nothing from within a function */
}

/* Opens the bucket and lets its first scan end; what it reported is forgotten. */
static void start(Fixture *f)
{
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    forget_lines(f);
}

static void setup(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    f->outer = g_dir_make_tmp("thumbq-test-bucket-XXXXXX", NULL);
    g_assert_nonnull(f->outer);
    f->path = g_build_filename(f->outer, "photos", NULL);
    g_assert_cmpint(g_mkdir(f->path, 0755), ==, 0);
    f->lines = g_ptr_array_new_with_free_func(g_free);
    f->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    f->sizes = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_assert_cmpint(g_chdir(f->path), ==, 0); /* so that names in tests are short */
}

static void run(const char *command)
{
    int status;
    g_autoptr(GError) error = NULL;
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

static void teardown(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    bucket_free(f->bucket);
    g_assert_cmpint(g_chdir("/"), ==, 0);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", f->outer);
    run(command);
    g_ptr_array_unref(f->lines);
    g_hash_table_unref(f->counts);
    g_array_unref(f->sizes);
    g_free(f->path);
    g_free(f->outer);
}

static void write_file(const char *path, size_t size)
{
    g_autofree char *bytes = g_malloc0(size + 1);
    autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, bytes, size), ==, (ssize_t)size);
}

/* ---- one shell command, and what must be reported of it -----------------------------------------
 */

#define WANTED_MAX 6

typedef struct {
    const char *name;
    const char *before;  /* shell, before the bucket is opened */
    const char *command; /* shell, in the bucket's folder */
    const char *wanted[WANTED_MAX];
    const char *unwanted[WANTED_MAX]; /* no line may begin so */
} ShellCase;

static const ShellCase shell_cases[] = {
    {"written", "true", "echo 1 > a.jpg", {"OBJECT a.jpg"}, {"REMOVED", "MOVED"}},
    {"touched", "true", "touch a.jpg", {"OBJECT a.jpg"}, {NULL}},
    {"copied", "echo 1 > ../a", "cp ../a b.jpg", {"OBJECT b.jpg"}, {"REMOVED"}},
    {"overwritten", "echo 1 > a.jpg", "echo 22 > a.jpg", {"OBJECT a.jpg"}, {"REMOVED"}},
    {"replaced", "echo 1 > a.jpg", "echo 22 > ../n; mv ../n a.jpg", {"OBJECT a.jpg"}, {"REMOVED"}},
    {"moved-in", "echo 1 > ../a.jpg", "mv ../a.jpg .", {"OBJECT a.jpg"}, {"MOVED"}},
    {"moved-out", "echo 1 > a.jpg", "mv a.jpg ..", {"REMOVED a.jpg"}, {"OBJECT", "MOVED"}},
    {"renamed", "echo 1 > a.jpg", "mv a.jpg b.jpg", {"MOVED a.jpg b.jpg"}, {"OBJECT", "REMOVED"}},
    {"renamed-onto",
     "echo 1 > a.jpg; echo 2 > b.jpg",
     "mv -f a.jpg b.jpg",
     {"MOVED a.jpg b.jpg"},
     {"REMOVED"}},
    {"moved-between-folders",
     "mkdir x y; echo 1 > x/a.jpg",
     "mv x/a.jpg y/b.jpg",
     {"MOVED x/a.jpg y/b.jpg"},
     {"REMOVED", "TREE"}},
    {"deleted", "echo 1 > a.jpg", "rm a.jpg", {"REMOVED a.jpg"}, {"OBJECT"}},
    {"deleted-and-made-again",
     "echo 1 > a.jpg",
     "rm a.jpg; echo 2 > a.jpg",
     {"OBJECT a.jpg"},
     {"REMOVED"}},
    {"moved-out-and-made-again",
     "echo 1 > a.jpg",
     "mv a.jpg ..; echo 2 > a.jpg",
     {"OBJECT a.jpg"},
     {"REMOVED"}},
    {"renamed-and-made-again",
     "echo 1 > a.jpg",
     "mv a.jpg b.jpg; echo 2 > a.jpg",
     {"OBJECT a.jpg", "OBJECT b.jpg"},
     {"REMOVED"}},
    {"linked", "echo 1 > ../a", "ln ../a a.jpg", {"OBJECT a.jpg"}, {NULL}},
    {"truncated",
     "echo 1 > a.jpg",
     "perl -e 'truncate(\"a.jpg\", 1) or die'",
     {"OBJECT a.jpg"},
     {"REMOVED"}},
    {"mode-changed", "echo 1 > a.jpg", "chmod 600 a.jpg", {"OBJECT a.jpg"}, {"REMOVED"}},
    {"part-renamed",
     "true",
     "echo 1 > a.jpg.part; mv a.jpg.part a.jpg",
     {"OBJECT a.jpg"},
     {"MOVED", "OBJECT a.jpg.part", "REMOVED"}},
    {"renamed-to-ignored",
     "echo 1 > a.jpg",
     "mv a.jpg a.jpg.part",
     {"REMOVED a.jpg"},
     {"MOVED", "OBJECT"}},
    {"ignored",
     "true",
     "echo 1 > .a; echo 1 > b.part; mkdir .c; echo 1 > .c/d; echo 1 > z",
     {"OBJECT z"},
     {"OBJECT .", "OBJECT b", "WARNING"}},
    {"reserved",
     "mkdir -p thumbnails/x deep/state",
     "echo 1 > thumbnails/a; echo 1 > thumbnails/x/a; echo 1 > deep/state/a; echo 1 > deep/b",
     {"OBJECT deep/b"},
     {"OBJECT thumbnails", "OBJECT deep/state"}},
    {"reserved-made-later",
     "true",
     "mkdir -p thumbnails/x deep/state; echo 1 > thumbnails/x/a; echo 1 > deep/state/a; "
     "echo 1 > deep/b",
     {"OBJECT deep/b"},
     {"OBJECT thumbnails", "OBJECT deep/state"}},
    {"moved-out-of-reserved",
     "mkdir thumbnails; echo 1 > thumbnails/a",
     "mv thumbnails/a a",
     {"OBJECT a"},
     {"MOVED"}},
    {"moved-into-reserved",
     "mkdir thumbnails; echo 1 > a",
     "mv a thumbnails/a",
     {"REMOVED a"},
     {"MOVED"}},
    {"folder-renamed-to-reserved",
     "mkdir x; echo 1 > x/a",
     "mv x thumbnails",
     {"TREE_REMOVED x"},
     {"TREE_MOVED", "OBJECT"}},
    {"folder-renamed-from-reserved",
     "mkdir thumbnails; echo 1 > thumbnails/a",
     "mv thumbnails x",
     {"OBJECT x/a"},
     {"TREE_MOVED"}},
    {"folder-made", "true", "mkdir -p p/q/r; echo 1 > p/q/r/a.jpg", {"OBJECT p/q/r/a.jpg"}, {NULL}},
    {"folder-moved-in",
     "mkdir -p ../t/u; echo 1 > ../t/u/a",
     "mv ../t t",
     {"OBJECT t/u/a"},
     {"TREE"}},
    {"folder-moved-out",
     "mkdir -p t/u; echo 1 > t/u/a",
     "mv t ..",
     {"TREE_REMOVED t"},
     {"OBJECT", "TREE_MOVED"}},
    {"folder-renamed",
     "mkdir -p t/u; echo 1 > t/u/a; echo 1 > t/b",
     "mv t v",
     {"TREE_MOVED t v", "OBJECT v/u/a", "OBJECT v/b"},
     {"TREE_REMOVED", "REMOVED", "OBJECT t"}},
    {"folder-renamed-then-written",
     "mkdir -p t/u",
     "mv t v; echo 1 > v/u/a",
     {"TREE_MOVED t v", "OBJECT v/u/a"},
     {"OBJECT t"}},
    {"folder-renamed-twice",
     "mkdir -p t/u; echo 1 > t/u/a",
     "mv t v; mkdir w; mv v w/x",
     {"OBJECT w/x/u/a"},
     {"OBJECT t"}},
    {"folder-moved-out-and-made-again",
     "mkdir t; echo 1 > t/a",
     "mv t ../t; mkdir t; echo 2 > t/b",
     {"TREE_REMOVED t", "OBJECT t/b"},
     {"OBJECT t/a"}},
    {"folder-renamed-and-made-again",
     "mkdir t; echo 1 > t/a",
     "mv t v; mkdir t; echo 2 > t/b",
     {"OBJECT v/a", "OBJECT t/b"},
     {"OBJECT t/a"}},
    {"folder-replaces-empty-one",
     "mkdir t v; echo 1 > t/a",
     "mv -T t v",
     {"TREE_MOVED t v", "OBJECT v/a"},
     {NULL}},
    {"folder-deleted",
     "mkdir -p t/u; echo 1 > t/u/a",
     "rm -r t",
     {"REMOVED t/u/a", "TREE_REMOVED t/u", "TREE_REMOVED t"},
     {"OBJECT"}},
    {"folder-out-of-moving-folder",
     "mkdir -p t/u; echo 1 > t/u/a",
     "mv t/u u; mv t v; mv u v/u",
     {"OBJECT v/u/a"},
     {"OBJECT t"}},
    {"file-and-folder-swap-names",
     "mkdir d; echo 1 > d/x; echo 1 > a",
     "mv d e; mv a d; mv e a",
     {"OBJECT a/x"},
     {NULL}},
    {"symbolic-links",
     "echo 1 > ../outside; mkdir ../far; echo 1 > ../far/b",
     "ln -s ../outside a; ln -s ../far far; ln -s . loop; ln -s nowhere gone; echo 1 > z",
     {"OBJECT z"},
     {"OBJECT a", "OBJECT far", "OBJECT loop", "OBJECT gone", "WARNING"}},
    {"fifo",
     "true",
     "mkfifo a; mkdir d; mkfifo d/b; echo 1 > z",
     {"OBJECT z"},
     {"OBJECT a", "OBJECT d", "WARNING"}},
    {"not-utf8",
     "true",
     "printf 1 > \"$(printf 'a\\377.jpg')\"; mkdir \"$(printf 'd\\376')\"; "
     "printf 1 > \"$(printf 'd\\376/b\\nx')\"",
     {"OBJECT a\377.jpg", "OBJECT d\376/b\nx"},
     {NULL}},
    {"longest-name",
     "true",
     "n=$(printf '%0255d' 0); echo 1 > $n; mkdir -p d/$n; mv $n d/$n/z; echo 1 > e",
     {"OBJECT e"},
     {"WARNING"}},
};

static void test_shell(Fixture *f, gconstpointer data)
{
    const ShellCase *c = data;
    run(c->before);
    start(f);
    run(c->command);
    for (size_t i = 0; i < WANTED_MAX && c->wanted[i]; i++)
        await(f, c->wanted[i]);
    /* What a mistake would report would come by now: all waits are over, all events are read. */
    run("echo 1 > '~last'");
    await(f, LAST);
    while (g_hash_table_size(f->bucket->settling) > 0 || f->bucket->moves.length > 0 ||
           bucket_is_scanning(f->bucket))
        g_main_context_iteration(NULL, TRUE);
    for (size_t i = 0; i < WANTED_MAX && c->unwanted[i]; i++)
        assert_none_starts(f, c->unwanted[i]);
}

/* What is known after a command must be what a scan of the same tree finds. */
static void test_shell_then_scan(Fixture *f, gconstpointer data)
{
    const ShellCase *c = data;
    run(c->before);
    start(f);
    run(c->command);
    for (size_t i = 0; i < WANTED_MAX && c->wanted[i]; i++)
        await(f, c->wanted[i]);
    await_scan(f);
    uint64_t n_known = f->n_objects;
    size_t n_folders = f->bucket->tree.n_nodes;
    size_t n_watches = g_hash_table_size(f->bucket->tree.by_watch);
    g_assert_cmpuint(n_watches, ==, n_folders);

    g_clear_pointer(&f->bucket, bucket_free);
    forget_lines(f);
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, n_known);
    g_assert_cmpuint(f->bucket->tree.n_nodes, ==, n_folders);
}

/* ---- scans --------------------------------------------------------------------------------------
 */

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

static void test_rescan_follows(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    BucketOptions options = options_of(f);
    open_with(f, &options);
    bucket_rescan(f->bucket); /* the first has not begun: it is the same one */
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

/* Hundreds of trees made and filled faster than anybody could watch them. */
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

/* Root may do anything: as somebody else, then, until become_root. */
static bool become_nobody(Fixture *f)
{
    const uid_t nobody = 65534;
    if (geteuid() != 0)
        return true;
    return chown(f->outer, nobody, (gid_t)-1) == 0 && chown(f->path, nobody, (gid_t)-1) == 0 &&
           seteuid(nobody) == 0;
}

static void become_root(void)
{
    if (getuid() == 0)
        g_assert_cmpint(seteuid(0), ==, 0);
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
    await_scan(f); /* said once only */
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
    g_assert_null(bucket_open(&options, record, f, &error));
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

/* Leases are for a file's owner only: then a file counts as whole once it is quiet. */
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

/* ---- writers ------------------------------------------------------------------------------------
 */

static void test_slow_writer(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    start(f);
    int fd = open("slow", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(write(fd, "12345", 5), ==, 5);
        await_scan(f); /* a scan does not report it either */
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

/* The kernel names such a file #inode when it is closed. */
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

static void exchange(const char *a, const char *b)
{
    g_assert_cmpint(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE), ==, 0);
}

static void test_exchange_files(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    write_file("a", 1);
    write_file("b", 2);
    start(f);
    exchange("a", "b");
    await(f, "OBJECT a");
    await(f, "OBJECT b");
    await_scan(f);
    g_assert_cmpint(size_of(f, "OBJECT a"), ==, 2);
    g_assert_cmpint(size_of(f, "OBJECT b"), ==, 1);
    assert_none_starts(f, "REMOVED");
    assert_none_starts(f, "MOVED");
}

/* What a listener that keeps a set of keys knows at the end. */
static GHashTable *replay(const Fixture *f)
{
    GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < f->lines->len; i++) {
        g_auto(GStrv) words = g_strsplit(g_ptr_array_index(f->lines, i), " ", -1);
        GHashTableIter iter;
        gpointer key;
        if (strcmp(words[0], "OBJECT") == 0)
            g_hash_table_add(known, g_strdup(words[1]));
        if (strcmp(words[0], "MOVED") == 0)
            g_hash_table_add(known, g_strdup(words[2]));
        if (strcmp(words[0], "REMOVED") == 0 || strcmp(words[0], "MOVED") == 0)
            g_hash_table_remove(known, words[1]);
        if (strcmp(words[0], "TREE_REMOVED") != 0 && strcmp(words[0], "TREE_MOVED") != 0)
            continue;
        g_hash_table_iter_init(&iter, known);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
            if (object_key_is_below(key, words[1]))
                g_hash_table_iter_remove(&iter);
        }
    }
    return known;
}

static void assert_known(const Fixture *f, const char *const *keys)
{
    g_autoptr(GHashTable) known = replay(f);
    g_assert_cmpuint(g_hash_table_size(known), ==, g_strv_length((char **)keys));
    for (; *keys; keys++)
        g_assert_true(g_hash_table_contains(known, *keys));
}

static void test_exchange_folders(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    run("mkdir -p a/s b/t; echo 1 > a/s/x; echo 1 > b/t/y; echo 1 > b/z");
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    exchange("a", "b");
    await(f, "OBJECT a/t/y");
    await(f, "OBJECT b/s/x");
    while (bucket_is_scanning(f->bucket))
        g_main_context_iteration(NULL, TRUE);
    assert_known(f, (const char *const[]){"a/t/y", "a/z", "b/s/x", NULL});
    write_file("b/s/new", 1);
    await(f, "OBJECT b/s/new");
}

/*
 * A few thousand random changes; whoever follows the events, with its set of keys, knows in the end
 * what is there, without a scan.
 */
static void test_random_changes(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    BucketOptions options = options_of(f);
    options.move_window_us = 5000;
    open_with(f, &options);
    await(f, "SCAN_END");
    for (int i = 0; i < 3000; i++) {
        g_autofree char *folder = g_strdup_printf("d%d", g_test_rand_int_range(0, 3));
        g_autofree char *inner = g_strdup_printf("%s/e%d", folder, g_test_rand_int_range(0, 2));
        g_autofree char *file = g_strdup_printf("%s/f%d", g_test_rand_bit() ? folder : inner,
                                                g_test_rand_int_range(0, 3));
        g_autofree char *other =
            g_strdup_printf("d%d/e%d", g_test_rand_int_range(0, 3), g_test_rand_int_range(0, 2));
        g_autofree char *outside = g_strdup_printf("../o%d", g_test_rand_int_range(0, 2));
        /* Any of them may fail: that too is a change that did not happen. */
        switch (g_test_rand_int_range(0, 10)) {
        case 0:
        case 1:
            (void)g_mkdir_with_parents(inner, 0755);
            break;
        case 2:
        case 3:
        case 4:
            (void)g_file_set_contents_full(file, "1", 1, G_FILE_SET_CONTENTS_NONE, 0644, NULL);
            break;
        case 5:
            (void)g_unlink(file);
            break;
        case 6:
            (void)rename(inner, other);
            break;
        case 7:
            (void)renameat2(AT_FDCWD, inner, AT_FDCWD, other, RENAME_EXCHANGE);
            break;
        case 8:
            (void)(g_test_rand_bit() ? rename(inner, outside) : rename(outside, other));
            break;
        default:
            (void)rename(file, other);
            break;
        }
        if (i % 16 == 0)
            g_main_context_iteration(NULL, FALSE);
    }
    write_file("~last", 1);
    await(f, LAST);
    while (f->bucket->moves.length > 0 || g_hash_table_size(f->bucket->settling) > 0 ||
           bucket_is_scanning(f->bucket))
        g_main_context_iteration(NULL, TRUE);

    g_autoptr(GHashTable) known = replay(f);
    forget_lines(f);
    await_scan(f);
    for (guint i = 0; i < f->lines->len; i++) {
        g_auto(GStrv) words = g_strsplit(g_ptr_array_index(f->lines, i), " ", -1);
        if (strcmp(words[0], "OBJECT") == 0 && !g_hash_table_remove(known, words[1]))
            g_error("never reported: %s", words[1]);
    }
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, known);
    if (g_hash_table_iter_next(&iter, &key, NULL))
        g_error("removal not reported: %s", (char *)key);
}

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
    run("mkdir -p 'd d/m'");
    start(f);
    if (mount("none", "d d/m", "tmpfs", 0, NULL) < 0) {
        g_test_skip("may not mount");
        return;
    }
    await(f, "SCAN_END");
    run("echo 1 > 'd d/m/a'");
    await(f, "OBJECT d d/m/a");
    forget_lines(f);
    g_assert_cmpint(umount2("d d/m", MNT_DETACH), ==, 0);
    await(f, "SCAN_END");
    g_assert_cmpuint(f->n_objects, ==, 0);
    g_assert_true(bucket_is_present(f->bucket));
}

static void test_open_fails(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) file = NULL;
    BucketOptions options = options_of(f);
    options.path = "missing";
    g_assert_null(bucket_open(&options, record, f, &missing));
    g_assert_error(missing, THUMBQ_ERROR, ERROR_NOT_FOUND);
    write_file("file", 1);
    options.path = "file";
    g_assert_null(bucket_open(&options, record, f, &file));
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

/* ---- objects ------------------------------------------------------------------------------------
 */

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

/* ---- all of them --------------------------------------------------------------------------------
 */

#define ADD(name, function) g_test_add("/bucket/" name, Fixture, NULL, setup, function, teardown)

static void add_shell_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(shell_cases); i++) {
        g_autofree char *events = g_strdup_printf("/bucket/events/%s", shell_cases[i].name);
        g_autofree char *scan = g_strdup_printf("/bucket/then-scan/%s", shell_cases[i].name);
        g_test_add(events, Fixture, &shell_cases[i], setup, test_shell, teardown);
        g_test_add(scan, Fixture, &shell_cases[i], setup, test_shell_then_scan, teardown);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_shell_cases();
    ADD("scan/each-once", test_scan_reports_each_once);
    ADD("scan/without-watches", test_scan_without_watches);
    ADD("scan/rescan-follows", test_rescan_follows);
    ADD("scan/rescan-by-itself", test_rescan_by_itself);
    ADD("scan/drops-folders", test_scan_drops_folders);
    ADD("scan/mkdir-race", test_mkdir_race);
    ADD("scan/unreadable-folder", test_unreadable_folder);
    ADD("scan/unreadable-root", test_unreadable_root);
    ADD("scan/deep-tree", test_deep_tree);
    ADD("writers/slow", test_slow_writer);
    ADD("writers/renamed-while-open", test_renamed_while_open);
    ADD("writers/tmpfile-linked", test_tmpfile_linked);
    ADD("writers/no-lease", test_no_lease);
    ADD("writers/mapped", test_mapped_writer);
    ADD("moves/exchange-files", test_exchange_files);
    ADD("moves/exchange-folders", test_exchange_folders);
    ADD("moves/random", test_random_changes);
    ADD("limits/overflow", test_overflow);
    g_test_add_func("/bucket/limits/watches", test_watch_limit);
    ADD("limits/watches/subprocess", test_watch_limit_inside);
    ADD("limits/settle", test_settle_table_full);
    ADD("limits/moves", test_moves_table_full);
    ADD("root/deleted", test_root_deleted);
    ADD("root/renamed", test_root_renamed);
    ADD("root/replaced-during-scan", test_root_replaced_during_scan);
    ADD("root/mounted-over", test_root_mounted_over);
    ADD("root/mount-inside", test_mount_inside);
    ADD("root/open-fails", test_open_fails);
    ADD("object/unreadable", test_unreadable_object);
    ADD("object/open", test_open_object);
    static const char *const lines[] = {"SCAN_BEGIN", "OBJECT b (scan)", "SCAN_END", "OBJECT new"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *path = g_strdup_printf("/bucket/free-in-callback/%s", lines[i]);
        g_test_add(path, Fixture, lines[i], setup, test_free_in_callback, teardown);
    }
    return g_test_run();
}
