/* SPDX-License-Identifier: Apache-2.0 */
/* The examples in Amazon's documentation. e2e/test_signatures.py tests signatures of other
 * programs. */
#include "base/clock.h"
#include "http/aws_chunked.h"
#include "http/signature.h"

#include <string.h>

#define KEY    "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define EMPTY  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HELLO  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define SCOPE  KEY "/20130524/us-east-1/s3/aws4_request"

/* The time 2013-05-24T00:00:00Z. */
#define NOW_US (INT64_C(1369353600) * CLOCK_US_PER_SEC)

static void set_head(HttpHead *head, const char *method, const char *target, const char *lines)
{
    g_auto(GStrv) parts = g_strsplit(lines, "|", 0);

    head->method = g_strdup(method);
    g_assert_true(http_target_parse(target, &head->target));
    for (size_t i = 0; parts[i] && *parts[i]; i++) {
        char *colon = strchr(parts[i], ':');
        *colon = '\0';
        http_head_add(head, parts[i], colon + 1);
    }
}

static SignatureFault judge(const HttpHead *head, const char *secret, int64_t now_us)
{
    g_auto(Signature) signature = {0};
    const char *hash = http_head_get(head, "x-amz-content-sha256");
    SignatureFault fault = signature_read(head, &signature);

    return fault ? fault : signature_check(&signature, head, secret, hash ? hash : "", now_us);
}

#define HOST "Host:examplebucket.s3.amazonaws.com"
#define AUTHORIZATION(signed, value)                                                               \
    "|Authorization:AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=" signed ",Signature"      \
                                                                                 "=" value
#define DATE "|x-amz-date:20130524T000000Z"

/* Source: "Authenticating Requests: Using the Authorization Header", examples. */
static void test_documented(void)
{
    static const struct {
        const char *method, *target, *lines;
    } cases[] = {
        {"GET", "/test.txt",
         HOST "|Range:bytes=0-9|x-amz-content-sha256:" EMPTY DATE AUTHORIZATION(
             "host;range;x-amz-content-sha256;x-amz-date",
             "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")},
        {"PUT", "/test%24file.text",
         HOST "|Date:Fri, 24 May 2013 00:00:00 GMT" DATE
              "|x-amz-storage-class:REDUCED_REDUNDANCY|x-amz-content-sha256:" HELLO AUTHORIZATION(
                  "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")},
        {"GET", "/?lifecycle",
         HOST DATE "|x-amz-content-sha256:" EMPTY AUTHORIZATION(
             "host;x-amz-content-sha256;x-amz-date",
             "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")},
        {"GET", "/?max-keys=2&prefix=J",
         HOST DATE "|x-amz-content-sha256:" EMPTY AUTHORIZATION(
             "host;x-amz-content-sha256;x-amz-date",
             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")},
        {"GET",
         "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY
         "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
         "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
         "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
         HOST},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HttpHead) head = {0};
        g_test_message("%s %s", cases[i].method, cases[i].target);
        set_head(&head, cases[i].method, cases[i].target, cases[i].lines);
        g_assert_cmpint(judge(&head, SECRET, NOW_US), ==, SIGNATURE_OK);
        g_assert_cmpint(judge(&head, "another", NOW_US), ==, SIGNATURE_MISMATCH);
        g_free(head.method);
        head.method = g_strdup("HEAD");
        g_assert_cmpint(judge(&head, SECRET, NOW_US), ==, SIGNATURE_MISMATCH);
    }
}

static void test_times(void)
{
    const int64_t minute_us = CLOCK_MINUTE_US;
    g_auto(HttpHead) header = {0}, query = {0};

    set_head(&header, "GET", "/?lifecycle",
             HOST DATE "|x-amz-content-sha256:" EMPTY AUTHORIZATION(
                 "host;x-amz-content-sha256;x-amz-date",
                 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
    g_assert_cmpint(judge(&header, SECRET, NOW_US + 15 * minute_us), ==, SIGNATURE_OK);
    g_assert_cmpint(judge(&header, SECRET, NOW_US - 15 * minute_us), ==, SIGNATURE_OK);
    g_assert_cmpint(judge(&header, SECRET, NOW_US + 16 * minute_us), ==, SIGNATURE_SKEWED);
    g_assert_cmpint(judge(&header, SECRET, NOW_US - 16 * minute_us), ==, SIGNATURE_SKEWED);
    /* A client with a wrong signature is told nothing about the time. */
    g_assert_cmpint(judge(&header, "x", NOW_US - 16 * minute_us), ==, SIGNATURE_MISMATCH);

    set_head(&query, "GET",
             "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY
             "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
             "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
             "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
             HOST);
    g_assert_cmpint(judge(&query, SECRET, NOW_US + CLOCK_DAY_US - 1), ==, SIGNATURE_OK);
    g_assert_cmpint(judge(&query, SECRET, NOW_US + CLOCK_DAY_US), ==, SIGNATURE_EXPIRED);
    g_assert_cmpint(judge(&query, SECRET, NOW_US - 16 * minute_us), ==, SIGNATURE_SKEWED);
}

#define SIXTYFOUR "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
#define GOOD      "host;x-amz-date"
#define V4(credential, signed, value)                                                              \
    HOST DATE "|Authorization:AWS4-HMAC-SHA256 Credential=" credential                             \
              ", SignedHeaders=" signed ", Signature=" value

static void test_malformed(void)
{
    static const struct {
        const char *target, *lines;
        SignatureFault fault;
    } cases[] = {
        /* Only the value is wrong. */
        {"/", V4(SCOPE, GOOD, SIXTYFOUR), SIGNATURE_MISMATCH},
        {"/", HOST, SIGNATURE_NONE},
        {"/", HOST "|Authorization:Bearer abc", SIGNATURE_NONE},
        {"/", HOST "|Authorization:AWS " KEY ":abc", SIGNATURE_MALFORMED},
        {"/", HOST "|Authorization:AWS4-HMAC-SHA256", SIGNATURE_MALFORMED},
        {"/", V4(KEY "/20130524/us-east-1/s3", GOOD, SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4(KEY "/20130525/us-east-1/s3/aws4_request", GOOD, SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4("/20130524/us-east-1/s3/aws4_request", GOOD, SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4(KEY "/20130524//s3/aws4_request", GOOD, SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4(KEY "/20130524/us east/s3/aws4_request", GOOD, SIXTYFOUR), SIGNATURE_MALFORMED},
        /* The list of signed headers lacks host. */
        {"/", V4(SCOPE, "x-amz-date", SIXTYFOUR), SIGNATURE_MALFORMED},
        /* The list lacks x-amz-date. */
        {"/", V4(SCOPE, "host", SIXTYFOUR), SIGNATURE_MALFORMED},
        /* The list is not in order. */
        {"/", V4(SCOPE, "x-amz-date;host", SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4(SCOPE, "host;host;x-amz-date", SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4(SCOPE, "Host;x-amz-date", SIXTYFOUR), SIGNATURE_MALFORMED},
        {"/", V4(SCOPE, GOOD, "abc"), SIGNATURE_MALFORMED},
        {"/", V4(SCOPE, GOOD, SIXTYFOUR) ", Signature=" SIXTYFOUR, SIGNATURE_MALFORMED},
        {"/", V4(SCOPE, GOOD, SIXTYFOUR) "|x-amz-acl:public-read", SIGNATURE_MALFORMED},
        {"/?X-Amz-Signature=" SIXTYFOUR, HOST, SIGNATURE_MALFORMED},
        {"/?Signature=abc", HOST, SIGNATURE_MALFORMED},
        {"/?AWSAccessKeyId=a&Expires=1e9&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D", HOST,
         SIGNATURE_MALFORMED},
        /* The request is signed in two ways. */
        {"/?AWSAccessKeyId=a&Expires=9&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D",
         V4(SCOPE, GOOD, SIXTYFOUR), SIGNATURE_MALFORMED},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HttpHead) head = {0};
        g_test_message("%s %s", cases[i].target, cases[i].lines);
        set_head(&head, "GET", cases[i].target, cases[i].lines);
        g_assert_cmpint(judge(&head, SECRET, NOW_US), ==, cases[i].fault);
    }
}

static void test_presign(void)
{
    g_autofree char *query = signature_presign("GET", "examplebucket.s3.amazonaws.com", "/test.txt",
                                               KEY, SECRET, "us-east-1", NOW_US, 86400);

    g_assert_true(g_str_has_suffix(
        query, "&X-Amz-SignedHeaders=host&X-Amz-Signature="
               "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
}

static bool append(const void *bytes, size_t len, void *data)
{
    g_string_append_len(data, bytes, (gssize)len);
    return true;
}

/* Decodes `body` in pieces of `step` bytes. */
static AwsChunkedFault decode(AwsChunked *chunked, const char *body, size_t len, size_t step,
                              GString *out)
{
    for (size_t at = 0; at < len; at += step) {
        AwsChunkedFault fault =
            aws_chunked_push(chunked, body + at, MIN(step, len - at), append, out);
        if (fault != AWS_CHUNKED_OK)
            return fault;
    }
    return aws_chunked_finish(chunked);
}

/* Makes the example in "Signature Calculations: Transferring Payload in Multiple Chunks": 66,560
 * bytes. */
static GString *documented_chunks(void)
{
    GString *body = g_string_new("10000;chunk-signature="
                                 "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
                                 "\r\n");
    g_autofree char *first = g_strnfill(65536, 'a'), *second = g_strnfill(1024, 'a');

    g_string_append(body, first);
    g_string_append(body, "\r\n400;chunk-signature="
                          "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n");
    g_string_append(body, second);
    g_string_append(body,
                    "\r\n0;chunk-signature="
                    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n");
    return body;
}

static void test_chunks_signed(void)
{
    g_auto(HttpHead) head = {0};
    g_auto(Signature) signature = {0};
    g_autoptr(GString) body = documented_chunks();
    SigningKey key;

    set_head(&head, "PUT", "/examplebucket/chunkObject.txt",
             "Host:s3.amazonaws.com" DATE "|x-amz-storage-class:REDUCED_REDUNDANCY"
             "|x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD|Content-Encoding:aws-chunked"
             "|x-amz-decoded-content-length:66560|Content-Length:66824" AUTHORIZATION(
                 "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                 "x-amz-decoded-content-length;x-amz-storage-class",
                 "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"));
    g_assert_cmpint(judge(&head, SECRET, NOW_US), ==, SIGNATURE_OK);
    g_assert_cmpint(signature_read(&head, &signature), ==, SIGNATURE_OK);
    g_assert_cmpuint(body->len, ==, 66824);
    signature_derive_key(SECRET, signature.date, signature.region, signature.service, &key);
    const AwsChunkedSigner signer = {&signature, &key};
    for (size_t step = 1; step <= body->len; step = step * 7 + 3) {
        g_autoptr(AwsChunked) chunked = aws_chunked_new(&signer, false, 66560);
        g_autoptr(GString) out = g_string_new(NULL);
        g_assert_cmpint(decode(chunked, body->str, body->len, step, out), ==, AWS_CHUNKED_OK);
        g_assert_cmpuint(out->len, ==, 66560);
        g_assert_cmpuint(strspn(out->str, "a"), ==, 66560);
    }
    /* A changed byte of the body or of a signature is detected. */
    static const size_t places[] = {100, 70, 65536 + 80, 66300, 66800};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(AwsChunked) chunked = aws_chunked_new(&signer, false, 66560);
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *forged = g_memdup2(body->str, body->len);
        forged[places[i]] = forged[places[i]] == 'b' ? 'c' : 'b';
        g_assert_cmpint(decode(chunked, forged, body->len, 4096, out), !=, AWS_CHUNKED_OK);
    }
    /* A body that is cut off is refused. */
    for (size_t len = 0; len < body->len; len += 997) {
        g_autoptr(AwsChunked) chunked = aws_chunked_new(&signer, false, 66560);
        g_autoptr(GString) out = g_string_new(NULL);
        g_assert_cmpint(decode(chunked, body->str, len, 4096, out), ==, AWS_CHUNKED_MALFORMED);
    }
}

static void test_chunks_unsigned(void)
{
    static const struct {
        const char *body, *decoded;
        int64_t len;
        bool has_trailer;
        AwsChunkedFault fault;
    } cases[] = {
        {"5\r\nhello\r\n0\r\n\r\n", "hello", 5, false, AWS_CHUNKED_OK},
        {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "hello", 5, true,
         AWS_CHUNKED_OK},
        {"0\r\n\r\n", "", 0, false, AWS_CHUNKED_OK},
        {"00005\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!", 6, false, AWS_CHUNKED_OK},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", 6, false, AWS_CHUNKED_LENGTH},
        {"5\r\nhello\r\n0\r\n\r\n", "", 4, false, AWS_CHUNKED_LENGTH},
        {"5\r\nhello\r\n0\r\nx:y\r\n\r\n", "hello", 5, false, AWS_CHUNKED_MALFORMED},
        {"5\nhello\r\n0\r\n\r\n", "", 5, false, AWS_CHUNKED_MALFORMED},
        {"5\r\nhello\n0\r\n\r\n", "hello", 5, false, AWS_CHUNKED_MALFORMED},
        {"5\r\nhello!\r\n0\r\n\r\n", "hello", 6, false, AWS_CHUNKED_MALFORMED},
        {"\r\n", "", 0, false, AWS_CHUNKED_MALFORMED},
        {"-1\r\n", "", 0, false, AWS_CHUNKED_MALFORMED},
        {"0x5\r\nhello\r\n0\r\n\r\n", "", 5, false, AWS_CHUNKED_MALFORMED},
        {"5 \r\nhello\r\n0\r\n\r\n", "", 5, false, AWS_CHUNKED_MALFORMED},
        {"ffffffffffffffff\r\n", "", 5, false, AWS_CHUNKED_MALFORMED},
        {"0\r\n\r\n5\r\nhello\r\n", "", 0, false, AWS_CHUNKED_MALFORMED},
        {"5\r\nhello\r\n0\r\n", "hello", 5, false, AWS_CHUNKED_MALFORMED},
        {"5\r\nhello\r\n0\r\nnocolon\r\n\r\n", "hello", 5, true, AWS_CHUNKED_MALFORMED},
        {"5\r\nhello\r\n0\r\n:x\r\n\r\n", "hello", 5, true, AWS_CHUNKED_MALFORMED},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t step = 1; step < 64; step *= 2) {
            g_autoptr(AwsChunked) chunked =
                aws_chunked_new(NULL, cases[i].has_trailer, cases[i].len);
            g_autoptr(GString) out = g_string_new(NULL);
            g_test_message("case %zu, step %zu", i, step);
            AwsChunkedFault fault =
                decode(chunked, cases[i].body, strlen(cases[i].body), step, out);
            g_assert_cmpint(fault, ==, cases[i].fault);
            g_assert_cmpstr(out->str, ==, cases[i].decoded);
            if (cases[i].has_trailer && fault == AWS_CHUNKED_OK)
                g_assert_cmpstr(aws_chunked_trailer(chunked, "X-Amz-Checksum-CRC32"), ==,
                                "AAAAAA==");
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/signature/documented", test_documented);
    g_test_add_func("/signature/times", test_times);
    g_test_add_func("/signature/malformed", test_malformed);
    g_test_add_func("/signature/presign", test_presign);
    g_test_add_func("/signature/chunks-signed", test_chunks_signed);
    g_test_add_func("/signature/chunks-unsigned", test_chunks_unsigned);
    return g_test_run();
}
