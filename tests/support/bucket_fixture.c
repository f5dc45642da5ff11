/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket_fixture.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

/* No test here takes a tenth of this time. */
#define DEADLINE_US (50 * CLOCK_US_PER_SEC)

void fixture_record(const BucketEvent *event, void *data)
{
    Fixture *f = data;
    static const char *const names[] = {
        "OBJECT",   "REMOVED", "TREE_REMOVED", "MOVED",  "TREE_MOVED",  "SCAN_BEGIN",
        "SCAN_END", "LOST",    "WARNING",      "MOUNTS", "TREE_HIDDEN",
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

guint count_of(const Fixture *f, const char *line)
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

void await_times(Fixture *f, const char *line, guint times)
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

void await(Fixture *f, const char *line)
{
    await_times(f, line, 1);
}

/* Runs the main context until every earlier change has been reported: the rescan begins after the
 * changes, and its end comes after all earlier events of the kernel. */
void await_scan(Fixture *f)
{
    guint n = count_of(f, "SCAN_END");
    n += f->bucket->scan.running;
    bucket_rescan(f->bucket);
    await_times(f, "SCAN_END", n + 1);
}

void await_quiet(Fixture *f)
{
    while (g_hash_table_size(f->bucket->settling) > 0 || f->bucket->moves.length > 0 ||
           bucket_is_scanning(f->bucket))
        g_main_context_iteration(NULL, TRUE);
}

void forget_lines(Fixture *f)
{
    g_ptr_array_set_size(f->lines, 0);
    g_hash_table_remove_all(f->counts);
    g_array_set_size(f->sizes, 0);
}

int index_of(const Fixture *f, const char *line)
{
    for (guint i = 0; i < f->lines->len; i++) {
        if (strcmp(g_ptr_array_index(f->lines, i), line) == 0)
            return (int)i;
    }
    return -1;
}

int64_t size_of(const Fixture *f, const char *line)
{
    return g_array_index(f->sizes, int64_t, index_of(f, line));
}

void assert_none_starts(const Fixture *f, const char *start)
{
    for (guint i = 0; i < f->lines->len; i++) {
        const char *line = g_ptr_array_index(f->lines, i);
        if (g_str_has_prefix(line, start) && strcmp(line, LAST) != 0)
            g_error("unwanted: %s", line);
    }
}

static const char *const reserved[] = {"thumbnails", "deep/state", NULL};

BucketOptions options_of(const Fixture *f)
{
    return (BucketOptions){.path = f->path, .reserved = reserved, .ignore = ignore, .watch = true};
}

void open_with(Fixture *f, const BucketOptions *options)
{
    g_autoptr(GError) error = NULL;
    f->bucket = bucket_open(options, fixture_record, f, &error);
    g_assert_no_error(error);
    /* bucket_open itself calls no callback. */
    g_assert_cmpuint(f->lines->len, ==, 0);
}

void start(Fixture *f)
{
    BucketOptions options = options_of(f);
    open_with(f, &options);
    await(f, "SCAN_END");
    forget_lines(f);
}

void fixture_setup(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    f->outer = g_dir_make_tmp("thumbq-test-bucket-XXXXXX", NULL);
    g_assert_nonnull(f->outer);
    f->path = g_build_filename(f->outer, "photos", NULL);
    g_assert_cmpint(g_mkdir(f->path, 0755), ==, 0);
    f->lines = g_ptr_array_new_with_free_func(g_free);
    f->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    f->sizes = g_array_new(FALSE, FALSE, sizeof(int64_t));
    /* Tests can use short names. */
    g_assert_cmpint(g_chdir(f->path), ==, 0);
}

void run(const char *command)
{
    int status;
    g_autoptr(GError) error = NULL;
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

void fixture_teardown(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    bucket_free(f->bucket);
    g_assert_cmpint(g_chdir("/"), ==, 0);
    /* Tests make paths that are longer than nftw allows. */
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", f->outer);
    run(command);
    g_ptr_array_unref(f->lines);
    g_hash_table_unref(f->counts);
    g_array_unref(f->sizes);
    g_free(f->path);
    g_free(f->outer);
}

void write_file(const char *path, size_t size)
{
    g_autofree char *bytes = g_malloc0(size + 1);
    autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, bytes, size), ==, (ssize_t)size);
}

bool become_nobody(Fixture *f)
{
    const uid_t nobody = 65534;
    if (geteuid() != 0)
        return true;
    return chown(f->outer, nobody, (gid_t)-1) == 0 && chown(f->path, nobody, (gid_t)-1) == 0 &&
           seteuid(nobody) == 0;
}

void become_root(void)
{
    if (getuid() == 0)
        g_assert_cmpint(seteuid(0), ==, 0);
}
