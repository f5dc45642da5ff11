/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of thumbnails. */
#include "model/layout.h"

#include <limits.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *key;
    ImageType type;
    const char *path;
} PathCase;

#define DIGITS "0123456789abcdef0123456789abcdef"

static const PathCase paths[] = {
    {"top", "dune.png", IMAGE_WEBP, "small/dune.png.webp"},
    {"folders", "2026/trip/dune.png", IMAGE_JPEG, "small/2026/trip/dune.png.jpg"},
    {"no-extension", "a/b", IMAGE_PNG, "small/a/b.png"},
    {"not-utf8", "\xff", IMAGE_AVIF, "small/\xff.avif"},
    {"percent", "100%s.gif", IMAGE_JPEG, "small/100%s.gif.jpg"},
    {"folder-like-a-thumbnail", "a.jpg.webp/b.png", IMAGE_WEBP, "small/a.jpg.webp~/b.png.webp"},
    {"folder-like-another-type", "a.jpg/b/c.avif/d", IMAGE_WEBP, "small/a.jpg~/b/c.avif~/d.webp"},
    {"folder-in-capitals", "A.WEBP/b", IMAGE_WEBP, "small/A.WEBP~/b.webp"},
    {"folder-with-the-escape", "a.webp~/b", IMAGE_WEBP, "small/a.webp~~/b.webp"},
    {"folder-with-two", "a.webp~~/b", IMAGE_WEBP, "small/a.webp~~~/b.webp"},
    {"folder-other-tilde", "a~/b", IMAGE_WEBP, "small/a~/b.webp"},
    {"folder-extension-only", ".webp/b", IMAGE_WEBP, "small/.webp~/b.webp"},
    {"file-with-the-escape", "a.webp~", IMAGE_WEBP, "small/a.webp~.webp"},
    {"looks-cut", "a~" DIGITS, IMAGE_WEBP,
     "small/a~" DIGITS "~efe309b39f7cace6d963572f2734eb94.webp"},
    {"folder-looks-cut", "a~" DIGITS "/b", IMAGE_WEBP,
     "small/a~" DIGITS "~efe309b39f7cace6d963572f2734eb94/b.webp"},
    {"looks-cut-by-an-older-version", "a~0123456789abcdef", IMAGE_WEBP,
     "small/a~0123456789abcdef.webp"},
};

static void test_path(const void *data)
{
    const PathCase *row = data;
    g_autofree char *path = layout_thumbnail_path("small", row->key, row->type);
    g_autofree char *key = layout_thumbnail_key("thumbnails", "small", row->key, row->type);
    g_autofree char *absolute = layout_thumbnail_key("/srv/t", "small", row->key, row->type);
    g_autofree char *below = g_strconcat("thumbnails/", row->path, NULL);
    g_autofree char *outside = g_strconcat("/srv/t/", row->path, NULL);

    g_assert_cmpstr(path, ==, row->path);
    g_assert_cmpstr(key, ==, below);
    g_assert_cmpstr(absolute, ==, outside);
}

static const char *last_component(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* A name is cut only if it must be, and then to the longest name of a file. */
static void test_long_names(void)
{
    for (size_t len = 200; len <= NAME_MAX; len++) {
        g_autofree char *name = g_strnfill(len, 'n');
        g_autofree char *key = g_strconcat("folder/", name, NULL);
        g_autofree char *path = layout_thumbnail_path("small", key, IMAGE_WEBP);
        const char *last = last_component(path);

        g_assert_true(g_str_has_prefix(path, "small/folder/nnn"));
        g_assert_true(g_str_has_suffix(path, ".webp"));
        if (len + strlen(".webp") <= NAME_MAX)
            g_assert_cmpuint(strlen(last), ==, len + strlen(".webp"));
        else
            g_assert_cmpuint(strlen(last), ==, NAME_MAX);
    }
}

/* The hash covers the whole key: names with the same beginning differ, and so does one name in two
 * folders. */
static void test_long_names_differ(void)
{
    g_autofree char *name = g_strnfill(NAME_MAX - 1, 'n');
    g_autofree char *keys[] = {
        g_strconcat("a/", name, "1", NULL),
        g_strconcat("a/", name, "2", NULL),
        g_strconcat("b/", name, "1", NULL),
    };
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *path = layout_thumbnail_path("small", keys[i], IMAGE_JPEG);
        g_assert_true(g_hash_table_add(seen, g_strdup(last_component(path))));
        g_free(g_steal_pointer(&keys[i]));
    }
}

/* A name that looks like the cut form of another name is cut, too. */
static void test_imitation(void)
{
    g_autofree char *victim = g_strnfill(NAME_MAX - 2, 'n');
    g_autofree char *path = layout_thumbnail_path("small", victim, IMAGE_WEBP);
    g_autofree char *old_path = layout_old_thumbnail_path("small", victim, IMAGE_WEBP);
    const char *paths_of_victim[] = {path, old_path};

    for (size_t i = 0; i < G_N_ELEMENTS(paths_of_victim); i++) {
        const char *last = last_component(paths_of_victim[i]);
        g_autofree char *imitation = g_strndup(last, strlen(last) - strlen(".webp"));
        g_autofree char *its_path = layout_thumbnail_path("small", imitation, IMAGE_WEBP);
        g_assert_cmpstr(its_path, !=, path);
        g_assert_cmpuint(strlen(last_component(its_path)), <=, NAME_MAX);
    }
}

/* The name of a folder may be as long as that of a file, and is cut if it is longer. */
static void test_long_folder(void)
{
    g_autofree char *name = g_strnfill(NAME_MAX - strlen(".webp"), 'n');
    g_autofree char *key = g_strconcat(name, ".webp/a", NULL);
    g_autofree char *path = layout_thumbnail_path("small", key, IMAGE_WEBP);
    const char *folder = path + strlen("small/");
    size_t len = strlen(folder) - strlen("/a.webp");
    size_t kept;

    g_assert_cmpuint(len, ==, NAME_MAX);
    g_assert_true(layout_parse_cut(folder, len, &kept));
    g_assert_cmpuint(kept, ==, NAME_MAX - 33);
}

static const struct {
    const char *name;
    size_t key_len;
} folder_names[] = {
    {"a.webp~", 6}, {"a.webp~~", 7}, {"a.JPG~", 5}, {"a~", 2},
    {"a.webp", 6},  {"a.txt~", 6},   {"~", 1},
};

static void test_parse_folder(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(folder_names); i++)
        g_assert_cmpuint(layout_parse_folder(folder_names[i].name, strlen(folder_names[i].name)),
                         ==, folder_names[i].key_len);
}

/* Some file systems accept only UTF-8, so a name is not cut within a character. */
static void test_long_names_utf8(void)
{
    for (size_t shift = 0; shift < 4; shift++) {
        g_autoptr(GString) key = g_string_new(NULL);
        for (size_t i = 0; i < shift; i++)
            g_string_append_c(key, 'x');
        while (key->len + 4 <= NAME_MAX)
            g_string_append(key, "\xf0\x9f\x8c\x84");
        g_autofree char *path = layout_thumbnail_path("small", key->str, IMAGE_WEBP);

        g_assert_true(g_utf8_validate(path, -1, NULL));
        g_assert_cmpuint(strlen(last_component(path)), <=, NAME_MAX);
        g_assert_cmpuint(strlen(last_component(path)), >, NAME_MAX - 4);
    }
}

/* Bytes that are not text are cut at any place. */
static void test_long_names_bytes(void)
{
    g_autofree char *key = g_strnfill(NAME_MAX, '\x80');
    g_autofree char *path = layout_thumbnail_path("small", key, IMAGE_WEBP);

    g_assert_cmpuint(strlen(last_component(path)), <=, NAME_MAX);
    g_assert_cmpuint(strlen(last_component(path)), >, NAME_MAX - 4);
}

typedef struct {
    const char *name;
    const char *bucket;
    const char *path;
    const char *below;
} BelowCase;

static const BelowCase below[] = {
    {"relative", "/srv/photos", "thumbnails", "thumbnails"},
    {"relative-deep", "/srv/photos", "a/b", "a/b"},
    {"absolute-outside", "/srv/photos", "/var/thumbs", "/var/thumbs"},
    {"absolute-inside", "/srv/photos", "/srv/photos/t", "t"},
    {"neighbour", "/srv/photos", "/srv/photos2/t", "/srv/photos2/t"},
    {"bucket-itself", "/srv/photos", "/srv/photos", "/srv/photos"},
    {"untidy", "/srv/photos", "/srv//photos/./t", "t"},
    {"root", "/", "thumbnails", "thumbnails"},
    {"root-absolute", "/", "/t/u", "t/u"},
};

static void test_below(const void *data)
{
    const BelowCase *row = data;
    g_autofree char *path = layout_below_bucket(row->bucket, row->path);

    g_assert_cmpstr(path, ==, row->below);
}

/* Marks on the disk contain this hash, so it must never change. */
static void test_hash(void)
{
    g_assert_cmphex(layout_key_hash("a"), ==, UINT64_C(0xe6c632b61e964e1f));
    g_assert_cmphex(layout_key_hash("2026/trip/dune.png"), !=, layout_key_hash("dune.png"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *path = g_strdup_printf("/layout/path/%s", paths[i].name);
        g_test_add_data_func(path, &paths[i], test_path);
    }
    g_test_add_func("/layout/long-names", test_long_names);
    g_test_add_func("/layout/long-names-differ", test_long_names_differ);
    g_test_add_func("/layout/imitation", test_imitation);
    g_test_add_func("/layout/long-folder", test_long_folder);
    g_test_add_func("/layout/parse-folder", test_parse_folder);
    g_test_add_func("/layout/long-names-utf8", test_long_names_utf8);
    g_test_add_func("/layout/long-names-bytes", test_long_names_bytes);
    for (size_t i = 0; i < G_N_ELEMENTS(below); i++) {
        g_autofree char *path = g_strdup_printf("/layout/below/%s", below[i].name);
        g_test_add_data_func(path, &below[i], test_below);
    }
    g_test_add_func("/layout/hash", test_hash);
    return g_test_run();
}
