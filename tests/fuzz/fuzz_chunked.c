/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies with aws-chunked. The first byte chooses whether they are signed, whether they have
 * trailers, and the size of the pieces. */
#include "fuzz.h"
#include "http/aws_chunked.h"

#include <string.h>

#define DECODED_LEN 5

static bool take(const void *bytes, size_t len, void *data)
{
    g_string_append_len(data, bytes, (gssize)len);
    return true;
}

static AwsChunkedFault decode(const uint8_t *data, size_t len, size_t step, bool is_signed,
                              bool has_trailer, GString *out)
{
    const Signature signature = {
        .time = "20130524T000000Z", .date = "20130524", .region = "r", .service = "s3"};
    const SigningKey key = {{1}};
    const AwsChunkedSigner signer = {&signature, &key};
    g_autoptr(AwsChunked) chunked =
        aws_chunked_new(is_signed ? &signer : NULL, has_trailer, DECODED_LEN);

    for (size_t at = 0; at < len; at += step) {
        if (aws_chunked_push(chunked, data + at, MIN(step, len - at), take, out) != AWS_CHUNKED_OK)
            break;
    }
    return aws_chunked_finish(chunked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    bool is_signed = data[0] & 1, has_trailer = data[0] & 2;
    size_t step = (size_t)(data[0] >> 2) + 1;
    g_autoptr(GString) parts = g_string_new(NULL);
    g_autoptr(GString) whole = g_string_new(NULL);

    AwsChunkedFault fault = decode(data + 1, len - 1, step, is_signed, has_trailer, parts);
    /* The size of the pieces must not change the result. */
    g_assert_cmpint(decode(data + 1, len - 1, len, is_signed, has_trailer, whole), ==, fault);
    g_assert_cmpstr(parts->str, ==, whole->str);
    g_assert_cmpuint(parts->len, <=, DECODED_LEN);
    if (fault == AWS_CHUNKED_OK)
        g_assert_cmpuint(parts->len, ==, DECODED_LEN);
    return 0;
}
