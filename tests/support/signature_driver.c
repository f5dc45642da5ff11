/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges signatures that other programs have made, for tests.
 *
 * Usage: signature_driver SECRET NOW_S
 *
 * It reads requests: "METHOD TARGET", a line for each header, an empty line. For each it prints the
 * result of signature_check.
 *
 * Usage: signature_driver presign METHOD HOST PATH KEY SECRET REGION NOW_S EXPIRES_S
 *
 * It prints the query of a signed URL.
 */
#include "base/clock.h"
#include "http/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [SIGNATURE_OK] = "ok",
    [SIGNATURE_NONE] = "none",
    [SIGNATURE_MALFORMED] = "malformed",
    [SIGNATURE_MISMATCH] = "mismatch",
    [SIGNATURE_SKEWED] = "skewed",
    [SIGNATURE_EXPIRED] = "expired",
};

/* SHA-256 of no bytes. It stands for the body if no header states a hash. */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static SignatureFault judge(const HttpHead *head, const char *secret, int64_t now_us)
{
    g_auto(Signature) signature = {0};
    const char *hash = http_head_get(head, "x-amz-content-sha256");
    SignatureFault fault = signature_read(head, &signature);

    if (fault != SIGNATURE_OK)
        return fault;
    return signature_check(&signature, head, secret, hash ? hash : EMPTY_SHA256, now_us);
}

static void take_header(HttpHead *head, char *line)
{
    char *colon = strchr(line, ':');

    g_assert_nonnull(colon);
    *colon = '\0';
    http_head_add(head, line, colon + 1);
}

static int presign(char **argv)
{
    g_autofree char *query = signature_presign(
        argv[0], argv[1], argv[2], argv[3], argv[4], argv[5],
        g_ascii_strtoll(argv[6], NULL, 10) * CLOCK_US_PER_SEC, g_ascii_strtoll(argv[7], NULL, 10));

    puts(query);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 10 && strcmp(argv[1], "presign") == 0)
        return presign(argv + 2);
    g_assert_cmpint(argc, ==, 3);
    int64_t now_us = g_ascii_strtoll(argv[2], NULL, 10) * CLOCK_US_PER_SEC;
    g_auto(HttpHead) head = {0};
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        g_strchomp(line);
        if (!*line) {
            puts(names[judge(&head, argv[1], now_us)]);
            fflush(stdout);
            http_head_clear(&head);
        } else if (!head.method) {
            char *blank = strchr(line, ' ');
            *blank = '\0';
            head.method = g_strdup(line);
            g_assert_true(http_target_parse(blank + 1, &head.target));
        } else {
            take_header(&head, line);
        }
    }
    free(line);
    return 0;
}
