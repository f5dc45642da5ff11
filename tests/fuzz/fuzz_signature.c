/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a request: "METHOD TARGET" and a line for each header. */
#include "base/clock.h"
#include "fuzz.h"
#include "http/signature.h"

#include <string.h>

/* The time 2013-05-24T00:00:00Z. */
#define NOW_US (INT64_C(1369353600) * CLOCK_US_PER_SEC)

static bool parse(char *text, HttpHead *head)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", 64);
    char *blank = lines[0] ? strchr(lines[0], ' ') : NULL;

    if (!blank)
        return false;
    *blank = '\0';
    head->method = g_strdup(lines[0]);
    if (!http_target_parse(blank + 1, &head->target))
        return false;
    for (char **line = lines + 1; *line; line++) {
        char *colon = strchr(*line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        http_head_add(head, *line, colon + 1);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    g_auto(HttpHead) head = {0};
    g_auto(Signature) signature = {0};

    if (!parse(text, &head) || signature_read(&head, &signature) != SIGNATURE_OK)
        return 0;
    g_assert_true(*signature.key_id);
    if (signature.kind != SIGNATURE_V2_QUERY) {
        g_assert_true(g_strv_contains((const char *const *)signature.signed_headers, "host"));
        g_assert_true(*signature.region && *signature.service);
    }
    /* No seed is signed with this secret, so no signature is right. */
    SignatureFault fault = signature_check(&signature, &head, "no such secret", "x", NOW_US);
    g_assert_cmpint(fault, ==, SIGNATURE_MISMATCH);
    return 0;
}
