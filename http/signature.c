/* SPDX-License-Identifier: Apache-2.0 */
#include "http/signature.h"

#include "base/clock.h"
#include "signature_private.h"

#include <string.h>

void signature_clear(Signature *signature)
{
    g_strfreev(signature->signed_headers);
    *signature = (Signature){0};
}

const char *signature_parameter(const HttpHead *head, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < head->target.n_parameters; i++) {
        if (strcmp(head->target.parameters[i].name, name) != 0)
            continue;
        if (value)
            return NULL;
        value = head->target.parameters[i].value;
    }
    return value;
}

/* Appends a value in which several blanks become one. */
static void append_value(GString *out, const char *value)
{
    for (const char *at = value; *at; at++) {
        if (*at != ' ' || at[1] != ' ')
            g_string_append_c(out, *at);
    }
}

bool signature_append_header(GString *out, const HttpHead *head, const char *name)
{
    bool is_there = false;

    for (size_t i = 0; i < head->n_headers; i++) {
        if (g_ascii_strcasecmp(head->headers[i].name, name) != 0)
            continue;
        if (is_there)
            g_string_append_c(out, ',');
        append_value(out, head->headers[i].value);
        is_there = true;
    }
    return is_there;
}

SignatureFault signature_read(const HttpHead *head, Signature *ret_signature)
{
    const char *authorization = http_head_get(head, "Authorization");
    g_auto(Signature) signature = {0};
    SignatureFault fault = SIGNATURE_NONE;
    int ways = 0;

    if (authorization && g_str_has_prefix(authorization, "AWS")) {
        ways++;
        fault = signature_read_v4_header(head, authorization, &signature);
    }
    if (http_target_get(&head->target, "X-Amz-Signature") ||
        http_target_get(&head->target, "X-Amz-Algorithm")) {
        ways++;
        fault = signature_read_v4_query(head, &signature);
    }
    if (http_target_get(&head->target, "AWSAccessKeyId") ||
        http_target_get(&head->target, "Signature")) {
        ways++;
        fault = signature_read_v2_query(head, &signature);
    }
    /* A request with several signatures is ambiguous. */
    if (ways > 1)
        return SIGNATURE_MALFORMED;
    if (fault == SIGNATURE_OK) {
        *ret_signature = signature;
        signature = (Signature){0};
    }
    return fault;
}

/* Checks the time of a signature. */
static SignatureFault check_time(const Signature *signature, int64_t now_us)
{
    if (signature->kind != SIGNATURE_V2_QUERY && signature->time_us > now_us + SIGNATURE_SKEW_US)
        return SIGNATURE_SKEWED;
    if (signature->kind == SIGNATURE_V4_HEADER && signature->time_us < now_us - SIGNATURE_SKEW_US)
        return SIGNATURE_SKEWED;
    if (signature->kind != SIGNATURE_V4_HEADER && signature->expires_us <= now_us)
        return SIGNATURE_EXPIRED;
    return SIGNATURE_OK;
}

SignatureFault signature_check_with_key(const Signature *signature, const HttpHead *head,
                                        const SigningKey *key, const char *payload_hash,
                                        int64_t now_us)
{
    SignatureFault fault = signature_check_v4(signature, head, key, payload_hash);

    /* The time is checked last: only a right signature makes it trustworthy. */
    return fault == SIGNATURE_OK ? check_time(signature, now_us) : fault;
}

SignatureFault signature_check(const Signature *signature, const HttpHead *head, const char *secret,
                               const char *payload_hash, int64_t now_us)
{
    if (signature->kind == SIGNATURE_V2_QUERY) {
        SignatureFault fault = signature_check_v2(signature, head, secret);
        return fault == SIGNATURE_OK ? check_time(signature, now_us) : fault;
    }
    SigningKey key;
    signature_derive_key(secret, signature->date, signature->region, signature->service, &key);
    return signature_check_with_key(signature, head, &key, payload_hash, now_us);
}
