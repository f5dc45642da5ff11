/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 2, in the query. */
#include "base/clock.h"
#include "base/scan.h"
#include "signature_private.h"

#include <string.h>

/* Query parameters that are a part of the signed resource. Source: Amazon S3, "Signing and
 * Authenticating REST Requests". */
static const char *const subresources[] = {"accelerate",
                                           "acl",
                                           "analytics",
                                           "cors",
                                           "delete",
                                           "encryption",
                                           "inventory",
                                           "lifecycle",
                                           "location",
                                           "logging",
                                           "metrics",
                                           "notification",
                                           "object-lock",
                                           "ownershipControls",
                                           "partNumber",
                                           "policy",
                                           "policyStatus",
                                           "publicAccessBlock",
                                           "replication",
                                           "requestPayment",
                                           "response-cache-control",
                                           "response-content-disposition",
                                           "response-content-encoding",
                                           "response-content-language",
                                           "response-content-type",
                                           "response-expires",
                                           "restore",
                                           "retention",
                                           "select",
                                           "select-type",
                                           "tagging",
                                           "torrent",
                                           "uploadId",
                                           "uploads",
                                           "versionId",
                                           "versioning",
                                           "versions",
                                           "website",
                                           NULL};

SignatureFault signature_read_v2_query(const HttpHead *head, Signature *signature)
{
    const char *key_id = signature_parameter(head, "AWSAccessKeyId");
    const char *expires = signature_parameter(head, "Expires");
    const char *value = signature_parameter(head, "Signature");
    uint64_t seconds;

    if (!key_id || !expires || !value || !*key_id || strlen(key_id) >= SIGNATURE_KEY_ID_MAX)
        return SIGNATURE_MALFORMED;
    if (!scan_number(&expires, INT64_MAX / CLOCK_US_PER_SEC, &seconds) || *expires)
        return SIGNATURE_MALFORMED;
    if (!http_parse_base64(value, signature->value, HTTP_SHA1_BYTES))
        return SIGNATURE_MALFORMED;
    signature->kind = SIGNATURE_V2_QUERY;
    signature->expires_us = (int64_t)seconds * CLOCK_US_PER_SEC;
    g_strlcpy(signature->key_id, key_id, SIGNATURE_KEY_ID_MAX);
    return SIGNATURE_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends a line "x-amz-name:value" for each x-amz-* header, sorted by name. */
static void append_amz_headers(GString *out, const HttpHead *head)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *last = "";

    for (size_t i = 0; i < head->n_headers; i++) {
        if (g_ascii_strncasecmp(head->headers[i].name, "x-amz-", 6) == 0)
            g_ptr_array_add(names, g_ascii_strdown(head->headers[i].name, -1));
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        if (strcmp(name, last) == 0)
            continue;
        last = name;
        g_string_append_printf(out, "%s:", name);
        /* The name is that of a header, so there is a value. */
        (void)signature_append_header(out, head, name);
        g_string_append_c(out, '\n');
    }
}

static int compare_parameters(const void *a, const void *b)
{
    const HttpParameter *const *first = a, *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

static void append_resource(GString *out, const HttpHead *head)
{
    g_autoptr(GPtrArray) parameters = g_ptr_array_new();
    char before = '?';

    g_string_append(out, head->target.raw_path);
    for (size_t i = 0; i < head->target.n_parameters; i++) {
        if (g_strv_contains(subresources, head->target.parameters[i].name))
            g_ptr_array_add(parameters, &head->target.parameters[i]);
    }
    g_ptr_array_sort(parameters, compare_parameters);
    for (guint i = 0; i < parameters->len; i++) {
        const HttpParameter *parameter = parameters->pdata[i];
        g_string_append_printf(out, "%c%s", before, parameter->name);
        if (parameter->has_equals)
            g_string_append_printf(out, "=%s", parameter->value);
        before = '&';
    }
}

SignatureFault signature_check_v2(const Signature *signature, const HttpHead *head,
                                  const char *secret)
{
    g_autoptr(GString) text = g_string_new(head->method);
    const char *md5 = http_head_get(head, "Content-MD5");
    const char *type = http_head_get(head, "Content-Type");
    uint8_t mac[HTTP_SHA1_BYTES];

    g_string_append_printf(text, "\n%s\n%s\n%s\n", md5 ? md5 : "", type ? type : "",
                           signature_parameter(head, "Expires"));
    append_amz_headers(text, head);
    append_resource(text, head);
    http_hmac_sha1(secret, strlen(secret), text->str, text->len, mac);
    return http_equal_secret(mac, signature->value, sizeof mac) ? SIGNATURE_OK : SIGNATURE_MISMATCH;
}
