/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the bucket, and the key that a person means. */
#include "base/error.h"
#include "folders.h"
#include "locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A tree in a temporary folder T, whose path has no links. It has T/photos/.thumbq,
 * T/photos/2026/trip/, T/photos/file, T/other/.thumbq, T/plain/ and T/link -> photos, and T/etc/,
 * whose files name T/named, T/named/inner/deep and (through the link) T/photos.
 */
static char *tree;

static void make_folder(const char *path)
{
    g_autofree char *full = g_build_filename(tree, path, NULL);
    g_assert_cmpint(g_mkdir_with_parents(full, 0755), ==, 0);
}

/* Writes a file that names the bucket. Its other content does not matter. */
static void name_bucket(const char *file, const char *bucket)
{
    g_autofree char *full = g_build_filename(tree, file, NULL);
    g_autofree char *text = g_strdup_printf(
        "[rendition x]\npath = /nowhere\n[bucket]\n# path = /no\n  path =  %s/%s\nnonsense\n", tree,
        bucket);
    g_assert_true(g_file_set_contents_full(full, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void make_tree(void)
{
    g_autofree char *made = g_dir_make_tmp("thumbq-locate-XXXXXX", NULL);
    tree = realpath(made, NULL);
    g_assert_nonnull(tree);
    make_folder("photos/.thumbq");
    make_folder("photos/2026/trip");
    make_folder("other/.thumbq");
    make_folder("plain");
    g_autofree char *file = g_build_filename(tree, "photos/file", NULL);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_autofree char *link = g_build_filename(tree, "link", NULL);
    g_assert_cmpint(symlink("photos", link), ==, 0);
    make_folder("named/inner/deep");
    make_folder("named/innermost");
    make_folder("named/.thumbq");
    make_folder("etc");
    name_bucket("etc/outer.conf", "named");
    name_bucket("etc/inner.conf", "named/inner");
    name_bucket("etc/photos.conf", "link");
    name_bucket("etc/gateway.conf", "plain");
    name_bucket("etc/old.conf.dpkg-old", "plain");
}

/* Returns a path in the tree. Paths in a case are below T; NULL stays NULL. */
static char *in_tree(const char *path)
{
    return path ? g_build_filename(tree, path, NULL) : NULL;
}

typedef struct {
    const char *name;
    const char *argument, *environment, *directory;
    /* The bucket below T; NULL: ERROR_NOT_FOUND. */
    const char *bucket;
} BucketCase;

static const BucketCase bucket_cases[] = {
    {"argument", "plain", NULL, "photos", "plain"},
    {"argument-before-environment", "plain", "other", "photos", "plain"},
    {"argument-link", "link", NULL, "plain", "photos"},
    {"argument-missing", "nothing", "other", "photos", NULL},
    {"argument-file", "photos/file", NULL, "photos", NULL},
    {"environment", NULL, "other", "photos", "other"},
    {"environment-missing", NULL, "nothing", "photos", NULL},
    {"here", NULL, NULL, "photos", "photos"},
    {"above", NULL, NULL, "photos/2026/trip", "photos"},
    {"above-link", NULL, NULL, "link/2026", "photos"},
    {"nowhere", NULL, NULL, "plain", NULL},
    {"etc", NULL, NULL, "named", "named"},
    {"etc-longest", NULL, NULL, "named/inner/deep", "named/inner"},
    {"etc-no-part-of-a-name", NULL, NULL, "named/innermost", "named"},
    {"etc-link", NULL, NULL, "link/2026", "photos"},
    {"etc-after-environment", NULL, "other", "named", "other"},
    {"etc-after-argument", "named/inner/deep", NULL, "named", "named/inner/deep"},
};

static void test_bucket(const void *data)
{
    const BucketCase *row = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *argument = in_tree(row->argument);
    g_autofree char *environment = in_tree(row->environment);
    g_autofree char *directory = in_tree(row->directory);
    g_autofree char *expected = in_tree(row->bucket);
    g_autofree char *etc = in_tree("etc");
    g_autofree char *bucket = locate_bucket(argument, environment, etc, directory, &error);
    g_assert_cmpstr(bucket, ==, expected);
    if (expected)
        g_assert_no_error(error);
    else
        g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND);
}

/* In a shared folder, the state folder of another user is skipped. */
static void test_others_state(void)
{
    if (geteuid() != 0) {
        g_test_skip("only root can give a folder away");
        return;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *state = in_tree("photos/2026/.thumbq");
    g_autofree char *directory = in_tree("photos/2026/trip");
    g_autofree char *expected = in_tree("photos");
    make_folder("photos/2026/.thumbq");
    g_assert_cmpint(lchown(state, 12345, 12345), ==, 0);
    g_autofree char *bucket = locate_bucket(NULL, NULL, "/nowhere", directory, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(bucket, ==, expected);
    g_assert_cmpint(lchown(state, 0, 0), ==, 0);
    g_autofree char *again = locate_bucket(NULL, NULL, "/nowhere", directory, &error);
    g_assert_true(g_str_has_suffix(again, "/2026"));
    g_assert_cmpint(rmdir(state), ==, 0);
}

static void test_environment_empty(void)
{
    g_autofree char *directory = in_tree("photos/2026");
    g_autofree char *expected = in_tree("photos");
    g_autofree char *bucket = locate_bucket(NULL, "", "/nowhere", directory, NULL);
    g_assert_cmpstr(bucket, ==, expected);
}

typedef struct {
    const char *name;
    /* The text; "T/..." is an absolute path into the tree. */
    const char *text;
    /* Current folder, below T. */
    const char *directory;
    /* Expected keys in order, joined by blanks. */
    const char *keys;
} KeyCase;

static const KeyCase key_cases[] = {
    {"key", "2026/a.jpg", "plain", "2026/a.jpg"},
    {"key-in-bucket", "2026/a.jpg", "photos", "2026/a.jpg"},
    {"key-or-path", "a.jpg", "photos/2026", "a.jpg 2026/a.jpg"},
    {"encoded", "caf%E9.jpg", "plain", "caf%E9.jpg caf\xe9.jpg"},
    {"encoded-badly", "50%.jpg", "plain", "50%.jpg"},
    {"dot", "./a.jpg", "photos/2026", "2026/a.jpg"},
    {"dots", "../a.jpg", "photos/2026", "a.jpg"},
    {"dots-out", "../../a.jpg", "photos/2026", ""},
    {"from-outside", "photos/a.jpg", ".", "photos/a.jpg a.jpg"},
    {"absolute", "T/photos/2026/a.jpg", "plain", "2026/a.jpg"},
    {"absolute-link", "T/link/2026/a.jpg", "plain", "2026/a.jpg"},
    {"absolute-elsewhere", "T/plain/a.jpg", "photos", ""},
    {"absolute-like", "T/photos2/a.jpg", "photos", ""},
    {"bucket-itself", "T/photos", "photos", ""},
    {"empty", "", "photos", ""},
};

static void test_keys(const void *data)
{
    const KeyCase *row = data;
    g_autofree char *bucket = in_tree("photos");
    g_autofree char *directory = in_tree(row->directory);
    g_autofree char *text =
        g_str_has_prefix(row->text, "T/") ? in_tree(row->text + 2) : g_strdup(row->text);
    g_auto(GStrv) keys = locate_keys(text, bucket, directory);
    g_autofree char *joined = g_strjoinv(" ", keys);
    g_assert_cmpstr(joined, ==, row->keys);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    make_tree();
    for (size_t i = 0; i < G_N_ELEMENTS(bucket_cases); i++) {
        g_autofree char *path = g_strconcat("/locate/bucket/", bucket_cases[i].name, NULL);
        g_test_add_data_func(path, &bucket_cases[i], test_bucket);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(key_cases); i++) {
        g_autofree char *path = g_strconcat("/locate/keys/", key_cases[i].name, NULL);
        g_test_add_data_func(path, &key_cases[i], test_keys);
    }
    g_test_add_func("/locate/bucket/environment-empty", test_environment_empty);
    g_test_add_func("/locate/bucket/others-state", test_others_state);
    int status = g_test_run();
    folders_remove(tree);
    free(tree);
    return status;
}
