/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket_fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define WANTED_MAX 6

typedef struct {
    const char *name;
    /* Shell command that runs before the bucket is opened. */
    const char *before;
    /* Shell command that runs in the bucket's folder. */
    const char *command;
    const char *wanted[WANTED_MAX];
    /* No line may begin with one of these. */
    const char *unwanted[WANTED_MAX];
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

/* Runs the commands of a case, and waits for its events. */
static void run_case(Fixture *f, const ShellCase *c)
{
    run(c->before);
    start(f);
    run(c->command);
    for (size_t i = 0; i < WANTED_MAX && c->wanted[i]; i++)
        await(f, c->wanted[i]);
}

static void test_shell(Fixture *f, gconstpointer data)
{
    const ShellCase *c = data;
    run_case(f, c);
    /* By now the bucket has reported everything, also any wrong event: all waits are over and all
     * events are read. */
    run("echo 1 > '~last'");
    await(f, LAST);
    await_quiet(f);
    for (size_t i = 0; i < WANTED_MAX && c->unwanted[i]; i++)
        assert_none_starts(f, c->unwanted[i]);
}

/* The events of a command must give the same objects as a scan of the tree. */
static void test_shell_then_scan(Fixture *f, gconstpointer data)
{
    run_case(f, data);
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

/* The kernel reports the incoming folder before the outgoing one. */
static void test_exchange_with_outside(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    run("mkdir t ../o; echo 1 > t/old; echo 1 > ../o/new");
    start(f);
    exchange("../o", "t");
    await(f, "TREE_REMOVED t");
    await_quiet(f);
    int last_removed = -1, last_object = -1;
    for (int i = 0; i < (int)f->lines->len; i++) {
        const char *line = g_ptr_array_index(f->lines, i);
        last_removed = strcmp(line, "TREE_REMOVED t") == 0 ? i : last_removed;
        last_object = strcmp(line, "OBJECT t/new") == 0 ? i : last_object;
    }
    g_assert_cmpint(last_object, >, last_removed);
    write_file("t/later", 1);
    await(f, "OBJECT t/later");
}

/* The removed object is reported before the one in its place, although the removed object might
 * have come back. */
static void test_place_taken(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    BucketOptions options = options_of(f);
    options.move_window_us = INT64_C(3600) * 1000000;
    run("mkdir t; echo 1 > t/a");
    open_with(f, &options);
    await(f, "SCAN_END");
    run("mv t ../t; mkdir t; echo 2 > t/b");
    await(f, "OBJECT t/b");
    g_assert_cmpint(index_of(f, "TREE_REMOVED t"), >=, 0);
    g_assert_cmpint(index_of(f, "TREE_REMOVED t"), <, index_of(f, "OBJECT t/b"));
}

/* Returns the keys that a listener knows at the end if it keeps a set of keys. */
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
            if (object_key_is_below(key, words[1]) && strcmp(key, words[1]) != 0)
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

/* Any change may fail. A failure is a change that did not happen. */
static void change_at_random(void)
{
    g_autofree char *folder = g_strdup_printf("d%d", g_test_rand_int_range(0, 3));
    g_autofree char *inner = g_strdup_printf("%s/e%d", folder, g_test_rand_int_range(0, 2));
    g_autofree char *file =
        g_strdup_printf("%s/f%d", g_test_rand_bit() ? folder : inner, g_test_rand_int_range(0, 3));
    g_autofree char *other =
        g_strdup_printf("d%d/e%d", g_test_rand_int_range(0, 3), g_test_rand_int_range(0, 2));
    g_autofree char *outside = g_strdup_printf("../o%d", g_test_rand_int_range(0, 2));
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
}

/* Makes a few thousand random changes. A listener with a set of keys knows the objects at the end,
 * without a scan. */
static void test_random_changes(Fixture *f, gconstpointer unused_data)
{
    (void)unused_data;
    BucketOptions options = options_of(f);
    options.move_window_us = 5000;
    open_with(f, &options);
    await(f, "SCAN_END");
    for (int i = 0; i < 3000; i++) {
        change_at_random();
        if (i % 16 == 0)
            g_main_context_iteration(NULL, FALSE);
    }
    write_file("~last", 1);
    await(f, LAST);
    await_quiet(f);

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

static void add_shell_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(shell_cases); i++) {
        g_autofree char *events = g_strdup_printf("/bucket/events/%s", shell_cases[i].name);
        g_autofree char *scan = g_strdup_printf("/bucket/then-scan/%s", shell_cases[i].name);
        FIXTURE_ADD(events, &shell_cases[i], test_shell);
        FIXTURE_ADD(scan, &shell_cases[i], test_shell_then_scan);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_shell_cases();
    FIXTURE_ADD("/bucket/moves/exchange-files", NULL, test_exchange_files);
    FIXTURE_ADD("/bucket/moves/exchange-folders", NULL, test_exchange_folders);
    FIXTURE_ADD("/bucket/moves/exchange-with-outside", NULL, test_exchange_with_outside);
    FIXTURE_ADD("/bucket/moves/place-taken", NULL, test_place_taken);
    FIXTURE_ADD("/bucket/moves/random", NULL, test_random_changes);
    return g_test_run();
}
