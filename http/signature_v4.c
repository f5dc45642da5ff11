/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4, in a header and in the query. */
#include "base/clock.h"
#include "base/scan.h"
#include "signature_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define UNSIGNED   "UNSIGNED-PAYLOAD"
/* Most headers that a signature may cover. */
#define NAMES_MAX 64
#define DATE_LEN  8
/* Bytes for which a text has room at first. Longer ones grow. */
#define TEXT_BYTES     512
#define IS_AMZ(header) (g_ascii_strncasecmp((header), "x-amz-", 6) == 0)

static bool digits(const char *text, int len, int max, int *ret_number)
{
    char number[8];
    const char *at = number;

    g_strlcpy(number, text, (gsize)len + 1);
    return scan_int(&at, max, ret_number) && at == number + len;
}

/* Parses a time like "20261128T180000Z". */
static bool parse_time(const char *text, int64_t *ret_us)
{
    int year, month, day, hour, minute, second;

    if (strlen(text) != SIGNATURE_TIME_MAX - 1 || text[8] != 'T' || text[15] != 'Z' ||
        !digits(text, 4, 9999, &year) || !digits(text + 4, 2, 12, &month) ||
        !digits(text + 6, 2, 31, &day) || !digits(text + 9, 2, 23, &hour) ||
        !digits(text + 11, 2, 59, &minute) || !digits(text + 13, 2, 60, &second))
        return false;
    if (year == 0 || !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year) ||
        second == 60)
        return false;
    struct tm fields = {.tm_year = year - 1900,
                        .tm_mon = month - 1,
                        .tm_mday = day,
                        .tm_hour = hour,
                        .tm_min = minute,
                        .tm_sec = second};
    *ret_us = timegm(&fields) * CLOCK_US_PER_SEC;
    return true;
}

/* True for a legal name of a region or service. Paths and logs may contain these names, so other
 * characters are refused. */
static bool is_scope_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < SIGNATURE_SCOPE_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

/* Takes the text before the next '/', which is not empty and fits into `size` bytes. */
static bool take_part(const char **text, char *ret_part, size_t size)
{
    const size_t len = strcspn(*text, "/");

    if (len == 0 || len >= size || !(*text)[len])
        return false;
    memcpy(ret_part, *text, len);
    ret_part[len] = '\0';
    *text += len + 1;
    return true;
}

/* Parses a credential like "KEY/20261128/us-east-1/s3/aws4_request". */
static bool parse_credential(const char *text, Signature *signature)
{
    return take_part(&text, signature->key_id, sizeof signature->key_id) &&
           take_part(&text, signature->date, sizeof signature->date) &&
           strlen(signature->date) == DATE_LEN &&
           take_part(&text, signature->region, sizeof signature->region) &&
           is_scope_name(signature->region) &&
           take_part(&text, signature->service, sizeof signature->service) &&
           is_scope_name(signature->service) && strcmp(text, TERMINATOR) == 0;
}

static bool parse_time_of_scope(const char *time, Signature *signature)
{
    if (!time || !parse_time(time, &signature->time_us) ||
        strncmp(time, signature->date, DATE_LEN) != 0)
        return false;
    g_strlcpy(signature->time, time, SIGNATURE_TIME_MAX);
    return true;
}

/* True if `host` and all x-amz-* headers of the request are signed. */
static bool covers(const Signature *signature, const HttpHead *head)
{
    const char *const *names = (const char *const *)signature->signed_headers;

    if (!g_strv_contains(names, "host"))
        return false;
    for (size_t i = 0; i < head->n_headers; i++) {
        if (!IS_AMZ(head->headers[i].name))
            continue;
        g_autofree char *name = g_ascii_strdown(head->headers[i].name, -1);
        if (!g_strv_contains(names, name))
            return false;
    }
    return true;
}

/* Parses a list like "host;x-amz-date": in small letters, sorted, no name twice. False also if a
 * header is missing that has to be signed. */
static bool parse_signed_headers(const char *text, const HttpHead *head, Signature *signature)
{
    g_strfreev(signature->signed_headers);
    signature->signed_headers = g_strsplit(text, ";", NAMES_MAX + 1);
    if (g_strv_length(signature->signed_headers) > NAMES_MAX)
        return false;
    for (size_t i = 0; signature->signed_headers[i]; i++) {
        const char *name = signature->signed_headers[i];
        if (!*name || (i > 0 && strcmp(signature->signed_headers[i - 1], name) >= 0))
            return false;
        for (const char *at = name; *at; at++) {
            if (g_ascii_isupper(*at))
                return false;
        }
    }
    return covers(signature, head);
}

/* Finds the value of "NAME=VALUE" among the parts of an Authorization header. NULL: the name is
 * missing, or occurs twice. Owner: the caller frees. */
static char *find_part(char *const *parts, const char *name)
{
    char *found = NULL;

    for (; *parts; parts++) {
        const char *part = *parts + strspn(*parts, " \t");
        size_t len = strlen(name);
        if (strncmp(part, name, len) != 0 || part[len] != '=')
            continue;
        if (found) {
            g_free(found);
            return NULL;
        }
        found = g_strchomp(g_strdup(part + len + 1));
    }
    return found;
}

SignatureFault signature_read_v4_header(const HttpHead *head, const char *authorization,
                                        Signature *signature)
{
    if (!g_str_has_prefix(authorization, ALGORITHM " "))
        return SIGNATURE_MALFORMED;
    g_auto(GStrv) parts = g_strsplit(authorization + strlen(ALGORITHM " "), ",", 8);
    g_autofree char *credential = find_part(parts, "Credential");
    g_autofree char *headers = find_part(parts, "SignedHeaders");
    g_autofree char *value = find_part(parts, "Signature");

    signature->kind = SIGNATURE_V4_HEADER;
    if (!credential || !headers || !value || !parse_credential(credential, signature) ||
        !parse_time_of_scope(http_head_get(head, "x-amz-date"), signature) ||
        !parse_signed_headers(headers, head, signature) ||
        !http_parse_hex(value, signature->value, HTTP_SHA256_BYTES))
        return SIGNATURE_MALFORMED;
    return SIGNATURE_OK;
}

SignatureFault signature_read_v4_query(const HttpHead *head, Signature *signature)
{
    const char *algorithm = signature_parameter(head, "X-Amz-Algorithm");
    const char *credential = signature_parameter(head, "X-Amz-Credential");
    const char *headers = signature_parameter(head, "X-Amz-SignedHeaders");
    const char *expires = signature_parameter(head, "X-Amz-Expires");
    const char *value = signature_parameter(head, "X-Amz-Signature");
    uint64_t seconds;

    signature->kind = SIGNATURE_V4_QUERY;
    if (g_strcmp0(algorithm, ALGORITHM) != 0 || !credential || !headers || !expires || !value ||
        !parse_credential(credential, signature) ||
        !parse_time_of_scope(signature_parameter(head, "X-Amz-Date"), signature) ||
        !parse_signed_headers(headers, head, signature) ||
        !http_parse_hex(value, signature->value, HTTP_SHA256_BYTES))
        return SIGNATURE_MALFORMED;
    /* With a validity out of range the request has expired. Only a client with the right signature
     * learns that. */
    if (!scan_number(&expires, SIGNATURE_EXPIRES_MAX_S, &seconds) || *expires)
        seconds = 0;
    signature->expires_us = seconds ? signature->time_us + (int64_t)seconds * CLOCK_US_PER_SEC : 0;
    return SIGNATURE_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the query as "name=value&...", encoded, sorted, without X-Amz-Signature. */
static void append_query(GString *out, const HttpTarget *target)
{
    g_autoptr(GString) texts = g_string_sized_new(TEXT_BYTES);
    size_t begins[HTTP_PARAMETERS_MAX];
    const char *pairs[HTTP_PARAMETERS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < MIN(target->n_parameters, HTTP_PARAMETERS_MAX); i++) {
        const HttpParameter *parameter = &target->parameters[i];
        if (strcmp(parameter->name, "X-Amz-Signature") == 0)
            continue;
        begins[n++] = texts->len;
        http_percent_encode(texts, parameter->name, false);
        /* A byte that sorts before all others replaces the '=', so that the order of names comes
         * first. */
        g_string_append_c(texts, '\001');
        http_percent_encode(texts, parameter->value, false);
        g_string_append_c(texts, '\0');
    }
    for (size_t i = 0; i < n; i++)
        pairs[i] = texts->str + begins[i];
    qsort(pairs, n, sizeof *pairs, compare_texts);
    for (size_t i = 0; i < n; i++) {
        const size_t name_len = strcspn(pairs[i], "\001");
        if (i > 0)
            g_string_append_c(out, '&');
        g_string_append_len(out, pairs[i], (gssize)name_len);
        g_string_append_c(out, '=');
        g_string_append(out, pairs[i] + name_len + 1);
    }
}

/* Appends the path, which S3 signs encoded once, and all other services encoded twice. `raw`: the
 * path as it was sent takes the place of the encoded one. */
static void append_path(GString *out, const HttpTarget *target, const char *service, bool raw)
{
    if (strcmp(service, "s3") == 0 && raw) {
        g_string_append(out, target->raw_path);
    } else if (strcmp(service, "s3") == 0) {
        http_percent_encode(out, target->path, true);
    } else if (raw) {
        http_percent_encode(out, target->raw_path, true);
    } else {
        g_autoptr(GString) once = g_string_new(NULL);
        http_percent_encode(once, target->path, true);
        http_percent_encode(out, once->str, true);
    }
}

static void append_canonical_request(GString *out, const Signature *signature, const HttpHead *head,
                                     const char *payload_hash, bool raw)
{
    g_string_append(out, head->method);
    g_string_append_c(out, '\n');
    append_path(out, &head->target, signature->service, raw);
    g_string_append_c(out, '\n');
    append_query(out, &head->target);
    g_string_append_c(out, '\n');
    for (size_t i = 0; signature->signed_headers[i]; i++) {
        g_string_append(out, signature->signed_headers[i]);
        g_string_append_c(out, ':');
        /* A header that is missing counts as empty. */
        (void)signature_append_header(out, head, signature->signed_headers[i]);
        g_string_append_c(out, '\n');
    }
    g_string_append_c(out, '\n');
    for (size_t i = 0; signature->signed_headers[i]; i++) {
        if (i > 0)
            g_string_append_c(out, ';');
        g_string_append(out, signature->signed_headers[i]);
    }
    g_string_append_c(out, '\n');
    g_string_append(out, payload_hash);
}

void signature_derive_key(const char *secret, const char *date, const char *region,
                          const char *service, SigningKey *ret_key)
{
    g_autofree char *begin = g_strconcat("AWS4", secret, NULL);
    uint8_t key[HTTP_SHA256_BYTES];

    http_hmac_sha256(begin, strlen(begin), date, strlen(date), key);
    http_hmac_sha256(key, sizeof key, region, strlen(region), key);
    http_hmac_sha256(key, sizeof key, service, strlen(service), key);
    http_hmac_sha256(key, sizeof key, TERMINATOR, strlen(TERMINATOR), ret_key->bytes);
    memset(begin, 0, strlen(begin));
}

static void sign(const Signature *signature, const HttpHead *head, const SigningKey *key,
                 const char *payload_hash, bool raw, uint8_t ret_mac[static HTTP_SHA256_BYTES])
{
    g_autoptr(GString) request = g_string_sized_new(TEXT_BYTES);
    g_autoptr(GString) text = g_string_sized_new(TEXT_BYTES);
    char hash[HTTP_HEX_SHA256_MAX];

    append_canonical_request(request, signature, head, payload_hash, raw);
    http_sha256_hex(request->str, request->len, hash);
    g_string_printf(text, ALGORITHM "\n%s\n%s/%s/%s/" TERMINATOR "\n%s", signature->time,
                    signature->date, signature->region, signature->service, hash);
    http_hmac_sha256(key->bytes, sizeof key->bytes, text->str, text->len, ret_mac);
}

SignatureFault signature_check_v4(const Signature *signature, const HttpHead *head,
                                  const SigningKey *key, const char *payload_hash)
{
    uint8_t mac[HTTP_SHA256_BYTES];

    if (signature->kind == SIGNATURE_V4_QUERY) {
        const char *stated = http_head_get(head, "x-amz-content-sha256");
        payload_hash = stated ? stated : UNSIGNED;
    }
    sign(signature, head, key, payload_hash, false, mac);
    if (http_equal_secret(mac, signature->value, sizeof mac))
        return SIGNATURE_OK;
    /* Some clients sign the path as they send it, with characters that need not be encoded. */
    sign(signature, head, key, payload_hash, true, mac);
    return http_equal_secret(mac, signature->value, sizeof mac) ? SIGNATURE_OK : SIGNATURE_MISMATCH;
}

char *signature_presign(const char *method, const char *host, const char *path, const char *key_id,
                        const char *secret, const char *region, int64_t now_us, int64_t expires_s)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now_us / CLOCK_US_PER_SEC);
    g_autofree char *stamp = g_date_time_format(time, "%Y%m%dT%H%M%SZ");
    g_autofree char *credential =
        g_strdup_printf("%s/%.8s/%s/s3/" TERMINATOR, key_id, stamp, region);
    g_autofree char *expires = g_strdup_printf("%" G_GINT64_FORMAT, expires_s);
    HttpParameter parameters[] = {
        {(char *)"X-Amz-Algorithm", (char *)ALGORITHM, true},
        {(char *)"X-Amz-Credential", credential, true},
        {(char *)"X-Amz-Date", stamp, true},
        {(char *)"X-Amz-Expires", expires, true},
        {(char *)"X-Amz-SignedHeaders", (char *)"host", true},
    };
    HttpHeader header = {(char *)"host", (char *)host};
    const HttpHead head = {
        .method = (char *)method,
        .target = {(char *)path, (char *)path, parameters, G_N_ELEMENTS(parameters)},
        .headers = &header,
        .n_headers = 1,
    };
    char *names[] = {(char *)"host", NULL};
    Signature signature = {.signed_headers = names};
    uint8_t mac[HTTP_SHA256_BYTES];
    char hex[HTTP_HEX_SHA256_MAX];
    SigningKey key;

    g_strlcpy(signature.time, stamp, SIGNATURE_TIME_MAX);
    g_strlcpy(signature.date, stamp, sizeof signature.date);
    g_strlcpy(signature.region, region, SIGNATURE_SCOPE_MAX);
    g_strlcpy(signature.service, "s3", SIGNATURE_SCOPE_MAX);
    signature_derive_key(secret, signature.date, region, "s3", &key);
    sign(&signature, &head, &key, UNSIGNED, false, mac);
    http_hex(mac, sizeof mac, hex);
    GString *query = g_string_new(NULL);
    append_query(query, &head.target);
    g_string_append_printf(query, "&X-Amz-Signature=%s", hex);
    return g_string_free(query, FALSE);
}
