/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <string.h>

static void test_targets(void)
{
    static const struct {
        /* Decoded path; NULL: the target is refused. */
        const char *raw, *path;
    } cases[] = {
        {"/", "/"},
        {"/a%20b+c", "/a b+c"},
        {"/%2e%2e/x", "/../x"},
        {"/a\\b", "/a\\b"},
        {"/%c3%A9", "/\303\251"},
        {"/a?x=1", "/a"},
        {"/a//b", "/a//b"},
        {"/%00", NULL},
        {"/a%0", NULL},
        {"/a%", NULL},
        {"/%zz", NULL},
        {"/?a=%00", NULL},
        {"/?%4", NULL},
        {"/a b", NULL},
        {"/a\tb", NULL},
        {"/\303\251", NULL},
        {"", NULL},
        {"*", NULL},
        {"http://host/a", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HttpTarget) target = {0};
        g_test_message("%s", cases[i].raw);
        g_assert_cmpint(http_target_parse(cases[i].raw, &target), ==, cases[i].path != NULL);
        g_assert_cmpstr(target.path, ==, cases[i].path);
    }
    g_autofree char *longest = g_strnfill(HTTP_TARGET_MAX, '/');
    g_autofree char *too_long = g_strnfill(HTTP_TARGET_MAX + 1, '/');
    g_auto(HttpTarget) target = {0};
    g_assert_true(http_target_parse(longest, &target));
    HttpTarget none = {0};
    g_assert_false(http_target_parse(too_long, &none));
}

static void test_query(void)
{
    g_auto(HttpTarget) target = {0};

    g_assert_true(http_target_parse("/b?uploads&a=1&&a=2&p%3D=x%2By+z&e=", &target));
    g_assert_cmpuint(target.n_parameters, ==, 5);
    g_assert_cmpstr(http_target_get(&target, "uploads"), ==, "");
    g_assert_cmpstr(http_target_get(&target, "a"), ==, "1");
    g_assert_cmpstr(http_target_get(&target, "p="), ==, "x+y z");
    g_assert_cmpstr(http_target_get(&target, "e"), ==, "");
    g_assert_null(http_target_get(&target, "b"));
    g_autoptr(GString) many = g_string_new("/?");
    for (int i = 0; i <= HTTP_PARAMETERS_MAX; i++)
        g_string_append(many, "a&");
    HttpTarget none = {0};
    g_assert_false(http_target_parse(many->str, &none));
}

static void test_encode(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    http_percent_encode(text, "/a b~_-.\303\251*", true);
    g_assert_cmpstr(text->str, ==, "/a%20b~_-.%C3%A9%2A");
    g_string_truncate(text, 0);
    http_percent_encode(text, "a/b", false);
    g_assert_cmpstr(text->str, ==, "a%2Fb");
}

/* Checks a head that has a Host, and then `lines`: "NAME: VALUE", with '|' between them. */
static const char *check(const char *method, const char *version, const char *lines)
{
    HttpHeader headers[HTTP_HEADERS_MAX];
    g_auto(GStrv) parts = g_strsplit(lines, "|", 0);
    HttpRawHead head = {method, "/", version, headers, 0};

    for (size_t i = 0; parts[i] && *parts[i]; i++) {
        char *colon = strchr(parts[i], ':');
        *colon = '\0';
        headers[head.n_headers++] = (HttpHeader){parts[i], colon + 1};
    }
    return http_fence_check(&head);
}

static void test_fence(void)
{
    static const struct {
        const char *method, *version, *lines;
        bool is_fine;
    } cases[] = {
        {"GET", "HTTP/1.1", "Host:a", true},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:5", true},
        {"PUT", "HTTP/1.1", "Host:a|transfer-encoding:Chunked", true},
        {"GET", "HTTP/1.0", "Host:a", true},
        {"GET", "HTTP/1.1", "Host:a|x-y_z:a\tb", true},
        {"GET", "HTTP/1.1", "Host:a|x:\303\251", true},
        {"get", "HTTP/1.1", "Host:a", false},
        {"G T", "HTTP/1.1", "Host:a", false},
        {"", "HTTP/1.1", "Host:a", false},
        {"GET", "HTTP/1.2", "Host:a", false},
        {"GET", "", "Host:a", false},
        {"GET", "HTTP/1.1", "", false},
        {"GET", "HTTP/1.1", "Host:a|host:a", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:5|Content-Length:5", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:5|Transfer-Encoding:chunked", false},
        {"PUT", "HTTP/1.1", "Host:a|Transfer-Encoding:chunked|Transfer-Encoding:chunked", false},
        {"PUT", "HTTP/1.1", "Host:a|Transfer-Encoding:gzip, chunked", false},
        {"PUT", "HTTP/1.1", "Host:a|Transfer-Encoding:identity", false},
        {"PUT", "HTTP/1.1", "Host:a|Transfer-Encoding:chunked ", false},
        {"PUT", "HTTP/1.1", "Host:a|Transfer-Encoding:\vchunked", false},
        {"PUT", "HTTP/1.0", "Host:a|Transfer-Encoding:chunked", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:+5", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:5 ", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:0x5", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:5, 5", false},
        {"PUT", "HTTP/1.1", "Host:a|Content-Length:9223372036854775808", false},
        {"GET", "HTTP/1.1", "Host:a|Content-Length :5", false},
        {"GET", "HTTP/1.1", "Host:a|x y:5", false},
        {"GET", "HTTP/1.1", "Host:a|:5", false},
        {"GET", "HTTP/1.1", "Host:a|x:a\rb", false},
        {"GET", "HTTP/1.1", "Host:a|x:a\nb", false},
        {"GET", "HTTP/1.1", "Host:a|x:\177", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *fault = check(cases[i].method, cases[i].version, cases[i].lines);
        g_test_message("%s %s: %s", cases[i].method, cases[i].lines, fault ? fault : "fine");
        g_assert_cmpint(fault == NULL, ==, cases[i].is_fine);
    }
    const HttpRawHead many = {"GET", "/", "HTTP/1.1", NULL, HTTP_HEADERS_MAX + 1};
    g_assert_nonnull(http_fence_check(&many));
}

static void test_headers(void)
{
    g_auto(HttpHead) head = {0};

    http_head_add(&head, "Content-Type", " a/b \t");
    g_assert_cmpstr(http_head_get(&head, "content-type"), ==, "a/b");
    g_assert_null(http_head_get(&head, "content"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/targets", test_targets);
    g_test_add_func("/http/query", test_query);
    g_test_add_func("/http/encode", test_encode);
    g_test_add_func("/http/fence", test_fence);
    g_test_add_func("/http/headers", test_headers);
    return g_test_run();
}
