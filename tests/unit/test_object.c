/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and versions, which identify an upload. */
#include "model/object.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *key;
    bool is_valid;
} KeyCase;

static const KeyCase keys[] = {
    {"plain", "a.jpg", true},
    {"folders", "2026/trip/dune.png", true},
    {"space", "a b", true},
    {"not-utf8", "\xff\xfe", true},
    {"control", "a\nb", true},
    {"backslash", "..\\a", true},
    {"hidden", ".a", true},
    {"three-dots", "...", true},
    {"dots-inside", "a/..b/c..", true},
    {"empty", "", false},
    {"slash", "/", false},
    {"leading-slash", "/a", false},
    {"trailing-slash", "a/", false},
    {"empty-component", "a//b", false},
    {"dot", ".", false},
    {"dot-dot", "..", false},
    {"dot-first", "./a", false},
    {"dot-dot-first", "../a", false},
    {"dot-inside", "a/./b", false},
    {"dot-dot-inside", "a/../b", false},
    {"dot-last", "a/.", false},
    {"dot-dot-last", "a/..", false},
};

static void test_valid(const void *data)
{
    const KeyCase *row = data;

    g_assert_cmpint(object_key_is_valid(row->key), ==, row->is_valid);
}

static void test_length(void)
{
    g_autofree char *key = g_strnfill(OBJECT_KEY_MAX + 1, 'k');

    g_assert_false(object_key_is_valid(key));
    g_assert_true(object_key_is_valid(key + 1));
}

typedef struct {
    const char *key;
    const char *prefix;
    bool is_below;
} BelowCase;

static const BelowCase below[] = {
    {"a/b", "a/b", true},    {"a/b/c", "a/b", true}, {"a/bc", "a/b", false}, {"a", "a/b", false},
    {"b/a/b", "a/b", false}, {"a/b", "a", true},     {"a", "", false},
};

static void test_below(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(below); i++)
        g_assert_cmpint(object_key_is_below(below[i].key, below[i].prefix), ==, below[i].is_below);
}

typedef struct {
    const char *name;
    const char *key;
    const char *text;
    bool encoded;
} TextCase;

static const TextCase texts[] = {
    {"plain", "2026/trip/dune.png", "2026/trip/dune.png", false},
    {"umlaut", "f\xc3\xbcr/\xe6\x97\xa5.jpg", "f\xc3\xbcr/\xe6\x97\xa5.jpg", false},
    {"percent", "100%.jpg", "100%.jpg", false},
    {"latin1", "f\xfcr.jpg", "f%FCr.jpg", true},
    {"latin1-and-percent", "\xfc%41", "%FC%2541", true},
    {"latin1-and-utf8", "\xfc\xc3\xbc", "%FC\xc3\xbc", true},
    {"newline", "a\nb", "a%0Ab", true},
    {"escape", "\x1b[31m", "%1B[31m", true},
    {"del", "a\x7f", "a%7F", true},
    {"c1",
     "a\xc2\x9b"
     "31m",
     "a%C2%9B31m", true},
    {"right-to-left-override", "a\xe2\x80\xaegnp.exe", "a%E2%80%AEgnp.exe", true},
    {"isolate", "\xe2\x81\xa7x", "%E2%81%A7x", true},
    {"zero-width-space", "a\xe2\x80\x8b", "a%E2%80%8B", true},
    {"byte-order-mark",
     "\xef\xbb\xbf"
     "a",
     "%EF%BB%BFa", true},
    {"soft-hyphen",
     "a\xc2\xad"
     "b",
     "a%C2%ADb", true},
    {"tag", "a\xf3\xa0\x81\x81", "a%F3%A0%81%81", true},
    {"line-separator", "a\xe2\x80\xa8", "a%E2%80%A8", true},
    {"hebrew", "\xd7\xa9\xd7\x9c.jpg", "\xd7\xa9\xd7\x9c.jpg", false},
    {"cut-character", "a\xe6\x97", "a%E6%97", true},
    {"overlong", "a\xc0\xaf", "a%C0%AF", true},
    {"surrogate", "\xed\xa0\x80", "%ED%A0%80", true},
};

static void test_text(const void *data)
{
    const TextCase *row = data;
    bool encoded = !row->encoded;
    g_autofree char *text = object_key_to_text(row->key, &encoded);
    g_autofree char *same = object_key_to_text(row->key, NULL);

    g_assert_cmpstr(text, ==, row->text);
    g_assert_cmpstr(same, ==, text);
    g_assert_cmpint(encoded, ==, row->encoded);
    if (encoded) {
        g_autofree char *key = object_key_from_text(text);
        g_assert_cmpstr(key, ==, row->key);
    }
}

/* Any key gives a text that is safe in a terminal and in JSON, and the text gives the key back. */
static void test_text_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);

    for (int i = 0; i < 20000; i++) {
        char key[12] = {0};
        int len = g_rand_int_range(rand, 1, sizeof key);
        bool encoded;

        for (int j = 0; j < len; j++)
            key[j] = (char)g_rand_int_range(rand, 1, 256);
        if (!object_key_is_valid(key))
            continue;
        g_autofree char *text = object_key_to_text(key, &encoded);
        g_assert_true(g_utf8_validate(text, -1, NULL));
        for (const char *p = text; *p; p = g_utf8_next_char(p))
            g_assert_false(g_unichar_iscntrl(g_utf8_get_char(p)));
        g_autofree char *back = encoded ? object_key_from_text(text) : g_strdup(text);
        g_assert_cmpstr(back, ==, key);
    }
}

static const char *const not_text[] = {
    "%", "a%4", "a%", "%zz", "%4z", "%00", "a%00b", "", "%2F", "a%2F%2Fb", "%2E%2E", "a/%2e",
};

static void test_not_text(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(not_text); i++)
        g_assert_null(object_key_from_text(not_text[i]));

    g_autofree char *lower = object_key_from_text("%c3%bc");
    g_assert_cmpstr(lower, ==, "\xc3\xbc");
}

static void test_version(void)
{
    const struct stat st = {
        .st_ino = 7,
        .st_size = 123,
        .st_mtim = {.tv_sec = 10, .tv_nsec = 999999999},
        .st_ctim = {.tv_sec = -1, .tv_nsec = 1},
    };
    ObjectVersion version;

    object_version_from_stat(&st, &version);
    g_assert_cmpuint(version.ino, ==, 7);
    g_assert_cmpint(version.size, ==, 123);
    g_assert_cmpint(version.mtime_ns, ==, INT64_C(10999999999));
    g_assert_cmpint(version.ctime_ns, ==, INT64_C(-999999999));
}

/* A change of each field makes another version. */
static void test_version_equal(void)
{
    const ObjectVersion version = {.ino = 1, .size = 2, .mtime_ns = 3, .ctime_ns = 4};
    const ObjectVersion others[] = {
        {.ino = 0, .size = 2, .mtime_ns = 3, .ctime_ns = 4},
        {.ino = 1, .size = 0, .mtime_ns = 3, .ctime_ns = 4},
        {.ino = 1, .size = 2, .mtime_ns = 0, .ctime_ns = 4},
        {.ino = 1, .size = 2, .mtime_ns = 3, .ctime_ns = 0},
    };
    ObjectVersion same = version;

    g_assert_true(object_version_equal(&version, &same));
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(object_version_equal(&version, &others[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *path = g_strdup_printf("/object/key/%s", keys[i].name);
        g_test_add_data_func(path, &keys[i], test_valid);
    }
    g_test_add_func("/object/length", test_length);
    g_test_add_func("/object/below", test_below);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = g_strdup_printf("/object/text/%s", texts[i].name);
        g_test_add_data_func(path, &texts[i], test_text);
    }
    g_test_add_func("/object/text-random", test_text_random);
    g_test_add_func("/object/not-text", test_not_text);
    g_test_add_func("/object/version", test_version);
    g_test_add_func("/object/version-equal", test_version_equal);
    return g_test_run();
}
