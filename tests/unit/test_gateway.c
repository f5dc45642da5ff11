/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_keys.h"
#include "s3/conditions.h"
#include "s3/meta.h"
#include "s3/multipart.h"
#include "s3/part_sizes.h"
#include "s3/s3_bucket.h"
#include "setup_config.h"

#include <string.h>

static void test_rights(void)
{
    unsigned rights;

    g_assert_true(rights_parse("read,write", &rights));
    g_assert_cmpuint(rights, ==, RIGHT_READ | RIGHT_WRITE);
    g_autofree char *text = rights_format(rights);
    g_assert_cmpstr(text, ==, "read,write");
    g_assert_false(rights_parse("", &rights));
    g_assert_false(rights_parse("read,", &rights));
    g_assert_false(rights_parse("Read", &rights));
}

static void test_may(void)
{
    char *all[] = {(char *)"*", NULL}, *one[] = {(char *)"photos", NULL};
    const Key reader = {.rights = RIGHT_READ, .buckets = all, .prefix = (char *)""};
    const Key below = {.rights = RIGHT_WRITE, .buckets = one, .prefix = (char *)"a/"};
    const Key admin = {.rights = RIGHT_ADMIN, .buckets = all, .prefix = (char *)""};

    g_assert_true(key_may(&reader, RIGHT_READ, "photos", "x", ""));
    g_assert_false(key_may(&reader, RIGHT_WRITE, "photos", "x", ""));
    g_assert_true(key_may(&below, RIGHT_WRITE, "photos", "a/x", ""));
    g_assert_false(key_may(&below, RIGHT_WRITE, "photos", "b", "a/"));
    g_assert_false(key_may(&below, RIGHT_WRITE, "other", "a/x", ""));
    g_assert_false(key_may(&below, RIGHT_READ, "photos", "a/x", ""));
    g_assert_true(key_may(&below, RIGHT_WRITE, "photos", NULL, "a/b"));
    g_assert_false(key_may(&below, RIGHT_WRITE, "photos", NULL, "a"));
    g_assert_true(key_may(&admin, RIGHT_WRITE, "photos", "x", ""));
}

static void test_names(void)
{
    static const struct {
        const char *name;
        bool is_legal;
    } buckets[] = {{"photos", true},    {"a.b-c", true},  {"123", true},      {"ab", false},
                   {"Photos", false},   {"-abc", false},  {"abc-", false},    {"a..b", false},
                   {"a_b", false},      {"a b", false},   {"", false},        {".thumbq", false},
                   {"a.-b", false},     {"a-.b", false},  {"1.2.3.4", false}, {"1.2.3", true},
                   {"1.2.3.4.5", true}, {"1.2.3.a", true}};
    static const struct {
        const char *key;
        S3Fault fault;
    } keys[] = {{"a", S3_OK},
                {"a/b", S3_OK},
                {"a/", S3_OK},
                {"a\\..\\b", S3_OK},
                {"...", S3_OK},
                {".a", S3_OK},
                {"", S3_INVALID_URI},
                {"/", S3_INVALID_URI},
                {"/a", S3_INVALID_URI},
                {"a//b", S3_INVALID_URI},
                {"a//", S3_INVALID_URI},
                {".", S3_INVALID_URI},
                {"..", S3_INVALID_URI},
                {"a/../b", S3_INVALID_URI},
                {"a/./b", S3_INVALID_URI},
                {"a/..", S3_INVALID_URI}};
    const S3Bucket bucket = {.prefix = (char *)"thumbnails"};

    for (size_t i = 0; i < G_N_ELEMENTS(buckets); i++)
        g_assert_cmpint(bucket_name_is_legal(buckets[i].name), ==, buckets[i].is_legal);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_test_message("%s", keys[i].key);
        g_assert_cmpint(bucket_check_key(keys[i].key), ==, keys[i].fault);
    }
    g_autofree char *component = g_strnfill(256, 'x');
    g_assert_cmpint(bucket_check_key(component), ==, S3_KEY_TOO_LONG);
    g_assert_cmpint(bucket_check_key(component + 1), ==, S3_OK);
    g_assert_true(bucket_is_reserved(&bucket, "thumbnails/x"));
    g_assert_true(bucket_is_reserved(&bucket, ".thumbq"));
    g_assert_true(bucket_is_reserved(&bucket, ".thumbq-uploads/x"));
    g_assert_false(bucket_is_reserved(&bucket, "thumbnails2"));
    g_assert_false(bucket_is_reserved(&bucket, "a/thumbnails/x"));
}

static void test_ranges(void)
{
    static const struct {
        const char *header;
        RangeKind kind;
        int64_t offset, len;
    } cases[] = {
        {NULL, RANGE_NONE, 0, 0},
        {"bytes=0-0", RANGE_PART, 0, 1},
        {"bytes=2-", RANGE_PART, 2, 8},
        {"bytes=-4", RANGE_PART, 6, 4},
        {"bytes=-40", RANGE_PART, 0, 10},
        {"bytes=9-99", RANGE_PART, 9, 1},
        {"bytes=10-", RANGE_BAD, 0, 0},
        {"bytes=-0", RANGE_BAD, 0, 0},
        {"bytes=5-4", RANGE_NONE, 0, 0},
        {"bytes=-", RANGE_NONE, 0, 0},
        {"bytes=1-2,4-5", RANGE_NONE, 0, 0},
        {"bytes=a-b", RANGE_NONE, 0, 0},
        {"items=0-1", RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-", RANGE_NONE, 0, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t offset = 0, len = 0;
        g_test_message("%s", cases[i].header ? cases[i].header : "(none)");
        g_assert_cmpint(range_parse(cases[i].header, 10, &offset, &len), ==, cases[i].kind);
        g_assert_cmpint(offset, ==, cases[i].offset);
        g_assert_cmpint(len, ==, cases[i].len);
    }
    int64_t offset, len;
    g_assert_cmpint(range_parse("bytes=0-", 0, &offset, &len), ==, RANGE_BAD);
    g_assert_cmpint(range_parse("bytes=-1", 0, &offset, &len), ==, RANGE_BAD);
}

/* Source: RFC 9110, section 5.6.7. */
static void test_dates(void)
{
    int64_t time_s;
    g_autofree char *text = http_date_format(784111777);

    g_assert_cmpstr(text, ==, "Sun, 06 Nov 1994 08:49:37 GMT");
    g_assert_true(http_date_parse(text, &time_s));
    g_assert_cmpint(time_s, ==, 784111777);
    g_assert_false(http_date_parse("Sun, 31 Feb 1994 08:49:37 GMT", &time_s));
    g_assert_false(http_date_parse("Sunday, 06-Nov-94 08:49:37 GMT", &time_s));
    g_assert_false(http_date_parse("", &time_s));
}

static void test_conditions(void)
{
    static const struct {
        const char *name, *value;
        Condition condition;
    } cases[] = {
        {"If-Match", "\"abc\"", CONDITION_HOLDS},
        {"If-Match", "\"x\", \"abc\"", CONDITION_HOLDS},
        {"If-Match", "*", CONDITION_HOLDS},
        {"If-Match", "\"x\"", CONDITION_FAILED},
        {"If-None-Match", "W/\"abc\"", CONDITION_NOT_MODIFIED},
        {"If-None-Match", "abc", CONDITION_NOT_MODIFIED},
        {"If-None-Match", "\"x\"", CONDITION_HOLDS},
        {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", CONDITION_NOT_MODIFIED},
        {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", CONDITION_HOLDS},
        {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", CONDITION_FAILED},
        {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", CONDITION_HOLDS},
        {"If-Modified-Since", "yesterday", CONDITION_HOLDS},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HttpHead) head = {0};
        g_test_message("%s: %s", cases[i].name, cases[i].value);
        http_head_add(&head, cases[i].name, cases[i].value);
        g_assert_cmpint(conditions_check(&head, "abc", 784111777), ==, cases[i].condition);
    }
}

static void test_meta(void)
{
    const struct stat st = {.st_size = 5, .st_ino = 7, .st_mtim = {1, 2}};
    struct stat other = st;
    g_auto(HttpHead) head = {0};
    g_auto(Meta)
        meta = {.etag = g_strdup("d41d8cd98f00b204e9800998ecf8427e"), .key_id = g_strdup("TQKEY")};
    g_auto(Meta) read = {0};
    Meta none = {0};

    http_head_add(&head, "Content-Type", "image/png");
    http_head_add(&head, "Content-Encoding", "aws-chunked, gzip");
    http_head_add(&head, "X-Amz-Meta-A", "1");
    http_head_add(&head, "x-amz-meta-a", "2");
    http_head_add(&head, "Authorization", "secret");
    g_assert_true(meta_set_headers(&meta, &head));
    g_autofree char *text = meta_format(&meta, &st);
    g_assert_true(meta_parse(text, strlen(text), &st, &read));
    g_assert_cmpstr(read.etag, ==, meta.etag);
    g_assert_cmpstr(read.key_id, ==, "TQKEY");
    g_assert_cmpuint(read.kept.n_headers, ==, 3);
    g_assert_cmpstr(http_head_get(&read.kept, "content-encoding"), ==, "gzip");
    g_assert_cmpstr(http_head_get(&read.kept, "x-amz-meta-a"), ==, "1,2");
    other.st_mtim.tv_nsec++;
    g_assert_false(meta_parse(text, strlen(text), &other, &none));
    g_autofree char *forged = g_strconcat(text, "set-cookie:x\n", NULL);
    g_assert_false(meta_parse(forged, strlen(forged), &st, &none));
    g_autofree char *split = g_strconcat(text, "expires:x\rSet-Cookie: y\n", NULL);
    g_assert_false(meta_parse(split, strlen(split), &st, &none));
    g_autofree char *large = g_strnfill(META_HEADERS_MAX + 1, 'x');
    http_head_add(&head, "x-amz-meta-b", large);
    g_auto(Meta) too_large = {0};
    g_assert_false(meta_set_headers(&too_large, &head));
}

static void test_part_sizes(void)
{
    static const int64_t sizes[] = {5, 5, 5, 7, 5, 0};
    g_autoptr(GArray) parts = g_array_new(FALSE, TRUE, sizeof(MultipartPart));
    int64_t offset = 0;
    PartPlace place;
    unsigned count;

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        const MultipartPart part = {.number = (unsigned)i * 2 + 1, .size = sizes[i]};
        g_array_append_val(parts, part);
    }
    g_autofree char *text = part_sizes_format(parts);
    g_assert_cmpstr(text, ==, "5*3;7;5;0");
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); offset += sizes[i++]) {
        g_assert_true(part_sizes_find(text, (unsigned)i + 1, &place, &count));
        g_assert_cmpint(place.offset, ==, offset);
        g_assert_cmpint(place.len, ==, sizes[i]);
        g_assert_cmpuint(count, ==, G_N_ELEMENTS(sizes));
    }
    g_assert_false(part_sizes_find(text, 7, &place, &count));
    g_assert_cmpuint(count, ==, 6);
    static const char *const wrong[] = {
        "", "5*", "5*0", "*3", "5;", "5,5", "5*10001", "-1", "5*9999;5*2", "99999999999999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(part_sizes_find(wrong[i], 1, &place, &count));
        g_assert_cmpuint(count, ==, 0);
    }
    /* Too many different sizes. */
    for (unsigned i = 0; i < 1000; i++) {
        const MultipartPart part = {.size = i};
        g_array_append_val(parts, part);
    }
    g_assert_null(part_sizes_format(parts));
}

static void test_setup_config(void)
{
    static const struct {
        const char *folder, *name;
    } rows[] = {{"/srv/photos", "photos"},
                {"/srv/Meine  Bilder", "meine-bilder"},
                {"/srv/a", "bucket-a"},
                {"/srv/\xc3\xa4", "bucket"},
                {"/srv/..x..", "bucket-x"},
                {"/srv/1.2.3.4", "1-2-3-4"},
                {"/srv/2026 pictures of the whole family", "2026-pictures-of-the-whole-fami"},
                {"/srv/1234567890123456789012345678 1234", "1234567890123456789012345678-12"}};
    bool found;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = setup_bucket_name(rows[i].folder);
        g_assert_cmpstr(name, ==, rows[i].name);
        g_assert_true(bucket_name_is_legal(name));
    }
    g_autofree char *one = setup_config_with("[gateway]", "one", "/srv/one");
    g_assert_cmpstr(one, ==, "[gateway]\n\n[bucket one]\npath = /srv/one\n");
    g_autofree char *two = setup_config_with(one, "two", "/srv/two");
    g_autofree char *less = setup_config_without(two, "/srv/two", &found);
    g_assert_true(found);
    g_assert_cmpstr(less, ==, one);
    g_autofree char *last = setup_config_without(two, "/srv/one", &found);
    g_assert_true(found);
    g_assert_cmpstr(last, ==, "[gateway]\n\n[bucket two]\npath = /srv/two\n");
    g_autofree char *same = setup_config_without(two, "/srv", &found);
    g_assert_false(found);
    g_assert_cmpstr(same, ==, two);
    /* A blank before the '[' is legal. */
    g_autofree char *indented = setup_config_without(
        "[bucket one]\npath = /srv/one\n [bucket two]\npath = /srv/two\n  [gateway]\n", "/srv/two",
        &found);
    g_assert_true(found);
    g_assert_cmpstr(indented, ==, "[bucket one]\npath = /srv/one\n  [gateway]\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gateway/rights", test_rights);
    g_test_add_func("/gateway/may", test_may);
    g_test_add_func("/gateway/names", test_names);
    g_test_add_func("/gateway/ranges", test_ranges);
    g_test_add_func("/gateway/dates", test_dates);
    g_test_add_func("/gateway/conditions", test_conditions);
    g_test_add_func("/gateway/meta", test_meta);
    g_test_add_func("/gateway/part_sizes", test_part_sizes);
    g_test_add_func("/gateway/setup-config", test_setup_config);
    return g_test_run();
}
