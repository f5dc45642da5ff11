/* SPDX-License-Identifier: Apache-2.0 */
#include "http/aws_chunked.h"

#include <string.h>

#define EMPTY_SHA256      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGNATURE_PART    ";chunk-signature="
#define TRAILER_SIGNATURE "x-amz-trailer-signature"

typedef enum {
    /* The line "LENGTH[;chunk-signature=...]" with CRLF. */
    STATE_HEAD,
    /* The bytes of the chunk. */
    STATE_BYTES,
    /* The CRLF after the bytes. */
    STATE_END,
    /* Lines "name:value" with CRLF, and an empty line at the end. */
    STATE_TRAILERS,
    STATE_DONE,
} State;

struct AwsChunked {
    State state;
    bool has_trailer, is_signed;
    /* The first fault: it ends the decoding. */
    AwsChunkedFault fault;
    int64_t decoded_len, decoded;
    /* Bytes of the chunk that are still to come. */
    uint64_t left;
    GString *line;
    /* The trailers, as headers of a head. */
    HttpHead trailers;
    GString *signed_trailers;
    /* Inputs of the signature of the next chunk. */
    SigningKey key;
    /* Part of each string to sign: "TIME\nDATE/REGION/SERVICE/aws4_request". */
    char *scope;
    /* Signature of the previous chunk; at first, of the request. */
    char previous[HTTP_HEX_SHA256_MAX];
    /* Signature that the current chunk, or the trailer, states. */
    uint8_t stated[HTTP_SHA256_BYTES];
    /* SHA-256 of the current chunk; NULL: the chunks are not signed. */
    HttpDigest *hash;
    bool is_trailer_signed;
};

AwsChunked *aws_chunked_new(const AwsChunkedSigner *signer, bool has_trailer, int64_t decoded_len)
{
    AwsChunked *chunked = g_new0(AwsChunked, 1);

    chunked->has_trailer = has_trailer;
    chunked->decoded_len = decoded_len;
    chunked->line = g_string_new(NULL);
    chunked->signed_trailers = g_string_new(NULL);
    if (signer) {
        const Signature *signature = signer->signature;
        chunked->is_signed = true;
        chunked->key = *signer->key;
        chunked->scope = g_strdup_printf("%s\n%s/%s/%s/aws4_request", signature->time,
                                         signature->date, signature->region, signature->service);
        http_hex(signature->value, HTTP_SHA256_BYTES, chunked->previous);
        chunked->hash = http_digest_new(HTTP_DIGEST_SHA256);
    }
    return chunked;
}

void aws_chunked_free(AwsChunked *chunked)
{
    if (!chunked)
        return;
    g_string_free(chunked->line, TRUE);
    g_string_free(chunked->signed_trailers, TRUE);
    http_head_clear(&chunked->trailers);
    http_digest_free(chunked->hash);
    g_free(chunked->scope);
    g_free(chunked);
}

static bool fail(AwsChunked *chunked, AwsChunkedFault fault)
{
    chunked->fault = fault;
    return false;
}

/* Compares the signature of `text` with `stated`, and keeps it as the previous signature. */
static bool check_signed(AwsChunked *chunked, const char *text)
{
    uint8_t mac[HTTP_SHA256_BYTES];

    http_hmac_sha256(chunked->key.bytes, sizeof chunked->key.bytes, text, strlen(text), mac);
    if (!http_equal_secret(mac, chunked->stated, sizeof mac))
        return fail(chunked, AWS_CHUNKED_MISMATCH);
    http_hex(mac, sizeof mac, chunked->previous);
    return true;
}

static bool check_chunk(AwsChunked *chunked)
{
    uint8_t value[HTTP_DIGEST_BYTES_MAX];
    char hash[HTTP_HEX_SHA256_MAX];

    if (!chunked->is_signed)
        return true;
    http_hex(value, http_digest_finish(chunked->hash, value), hash);
    g_autofree char *text =
        g_strdup_printf("AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s\n" EMPTY_SHA256 "\n%s", chunked->scope,
                        chunked->previous, hash);
    return check_signed(chunked, text);
}

static bool check_trailers(AwsChunked *chunked)
{
    char hash[HTTP_HEX_SHA256_MAX];

    if (!chunked->is_signed)
        return true;
    if (!chunked->is_trailer_signed)
        return fail(chunked, AWS_CHUNKED_MISMATCH);
    http_sha256_hex(chunked->signed_trailers->str, chunked->signed_trailers->len, hash);
    g_autofree char *text = g_strdup_printf("AWS4-HMAC-SHA256-TRAILER\n%s\n%s\n%s", chunked->scope,
                                            chunked->previous, hash);
    return check_signed(chunked, text);
}

static bool parse_head(AwsChunked *chunked, const char *line)
{
    const char *at = line;
    uint64_t len = 0;

    for (; g_ascii_isxdigit(*at) && at - line < 16; at++)
        len = len << 4 | (uint64_t)g_ascii_xdigit_value(*at);
    if (at == line || len > AWS_CHUNKED_CHUNK_MAX)
        return fail(chunked, AWS_CHUNKED_MALFORMED);
    if (chunked->is_signed) {
        if (!g_str_has_prefix(at, SIGNATURE_PART) ||
            !http_parse_hex(at + strlen(SIGNATURE_PART), chunked->stated, HTTP_SHA256_BYTES))
            return fail(chunked, AWS_CHUNKED_MALFORMED);
    } else if (*at && !g_str_has_prefix(at, SIGNATURE_PART)) {
        return fail(chunked, AWS_CHUNKED_MALFORMED);
    }
    if ((uint64_t)(chunked->decoded_len - chunked->decoded) < len)
        return fail(chunked, AWS_CHUNKED_LENGTH);
    chunked->left = len;
    if (len > 0) {
        chunked->state = STATE_BYTES;
        return true;
    }
    /* The last chunk is empty. Trailers or an empty line follow. */
    chunked->state = STATE_TRAILERS;
    return check_chunk(chunked);
}

static bool parse_trailer(AwsChunked *chunked, const char *line)
{
    const char *colon = strchr(line, ':');

    if (!*line) {
        chunked->state = STATE_DONE;
        return !chunked->has_trailer || check_trailers(chunked);
    }
    if (!chunked->has_trailer || !colon || colon == line || chunked->is_trailer_signed ||
        chunked->trailers.n_headers == AWS_CHUNKED_TRAILERS)
        return fail(chunked, AWS_CHUNKED_MALFORMED);
    g_autofree char *name = g_ascii_strdown(line, colon - line);
    g_autofree char *value = g_strstrip(g_strdup(colon + 1));
    if (strcmp(name, TRAILER_SIGNATURE) == 0) {
        chunked->is_trailer_signed = http_parse_hex(value, chunked->stated, HTTP_SHA256_BYTES);
        return chunked->is_trailer_signed || fail(chunked, AWS_CHUNKED_MALFORMED);
    }
    g_string_append_printf(chunked->signed_trailers, "%s:%s\n", name, value);
    http_head_add(&chunked->trailers, name, value);
    return true;
}

static bool parse_line(AwsChunked *chunked, const char *line)
{
    switch (chunked->state) {
    case STATE_HEAD:
        return parse_head(chunked, line);
    case STATE_END:
        chunked->state = STATE_HEAD;
        return *line ? fail(chunked, AWS_CHUNKED_MALFORMED) : check_chunk(chunked);
    case STATE_TRAILERS:
        return parse_trailer(chunked, line);
    case STATE_BYTES:
    case STATE_DONE:
        break;
    }
    return fail(chunked, AWS_CHUNKED_MALFORMED);
}

/* Gathers the bytes of a line up to its CRLF, then handles the line. Returns the number of bytes
 * that it has taken. */
static size_t gather_line(AwsChunked *chunked, const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    size_t n = end ? (size_t)(end - bytes) + 1 : len;
    GString *line = chunked->line;

    if (line->len + n > AWS_CHUNKED_LINE_MAX || memchr(bytes, '\0', n)) {
        (void)fail(chunked, AWS_CHUNKED_MALFORMED);
        return n;
    }
    g_string_append_len(line, bytes, (gssize)n);
    if (!end)
        return n;
    if (line->len < 2 || line->str[line->len - 2] != '\r') {
        (void)fail(chunked, AWS_CHUNKED_MALFORMED);
        return n;
    }
    g_string_truncate(line, line->len - 2);
    /* `chunked` keeps the fault. */
    (void)parse_line(chunked, line->str);
    g_string_truncate(line, 0);
    return n;
}

static size_t pass_bytes(AwsChunked *chunked, const char *bytes, size_t len, AwsChunkedTake take,
                         void *data)
{
    size_t n = (size_t)MIN((uint64_t)len, chunked->left);

    if (chunked->hash)
        http_digest_update(chunked->hash, bytes, n);
    if (!take(bytes, n, data))
        (void)fail(chunked, AWS_CHUNKED_LENGTH);
    chunked->decoded += (int64_t)n;
    chunked->left -= n;
    if (chunked->left == 0)
        chunked->state = STATE_END;
    return n;
}

AwsChunkedFault aws_chunked_push(AwsChunked *chunked, const void *bytes, size_t len,
                                 AwsChunkedTake take, void *data)
{
    const char *at = bytes;

    while (len > 0 && chunked->fault == AWS_CHUNKED_OK) {
        size_t n;
        if (chunked->state == STATE_BYTES) {
            n = pass_bytes(chunked, at, len, take, data);
        } else if (chunked->state == STATE_DONE) {
            (void)fail(chunked, AWS_CHUNKED_MALFORMED);
            break;
        } else {
            n = gather_line(chunked, at, len);
        }
        at += n;
        len -= n;
    }
    return chunked->fault;
}

AwsChunkedFault aws_chunked_finish(const AwsChunked *chunked)
{
    if (chunked->fault != AWS_CHUNKED_OK)
        return chunked->fault;
    if (chunked->state != STATE_DONE)
        return AWS_CHUNKED_MALFORMED;
    return chunked->decoded == chunked->decoded_len ? AWS_CHUNKED_OK : AWS_CHUNKED_LENGTH;
}

const char *aws_chunked_trailer(const AwsChunked *chunked, const char *name)
{
    return http_head_get(&chunked->trailers, name);
}
