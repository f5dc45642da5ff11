/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/cors.h"

#include <string.h>

/* Seconds for which a browser may remember the answer to a preflight. */
#define MAX_AGE "3000"

static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE", NULL};

/* Value of Access-Control-Allow-Origin; NULL: the page may not read the answer. */
static const char *find_origin(const S3Request *request)
{
    const char *origin = http_head_get(http_exchange_head(request->exchange), "Origin");

    return origin ? gateway_config_find_cors(request->s3->config, origin) : NULL;
}

void cors_add_headers(S3Request *request)
{
    HttpExchange *exchange = request->exchange;
    const char *origin = find_origin(request);

    if (!gateway_config_has_cors(request->s3->config))
        return;
    /* The answer to a request without Origin has Vary, too: a cache must not give that answer to a
     * page. */
    http_exchange_add_header(exchange, "Vary", "Origin");
    if (!origin)
        return;
    http_exchange_add_header(exchange, "Access-Control-Allow-Origin", origin);
    /* ETag, checksums and the object's own x-amz-meta-* among them. A browser reads * as all
     * headers unless the request has credentials, and the gateway never allows credentials. */
    http_exchange_add_header(exchange, "Access-Control-Expose-Headers", "*");
}

/* True for names of headers with commas between, and blanks around the commas. */
static bool is_list_of_names(const char *text)
{
    for (; *text; text++) {
        if (!g_ascii_isalnum(*text) && !strchr("!#$%&'*+-.^_`|~, ", *text))
            return false;
    }
    return true;
}

void cors_answer_preflight(S3Request *request)
{
    const HttpHead *head = http_exchange_head(request->exchange);
    const char *method = http_head_get(head, "Access-Control-Request-Method");
    const char *names = http_head_get(head, "Access-Control-Request-Headers");

    request->operation = &cors_preflight;
    if (!gateway_config_has_cors(request->s3->config)) {
        s3_refuse(request, S3_CORS_OFF, NULL);
    } else if (!http_head_get(head, "Origin") || !method) {
        s3_refuse(request, S3_BAD_REQUEST, NULL);
    } else if (!find_origin(request) || !g_strv_contains(methods, method) ||
               (names && !is_list_of_names(names))) {
        s3_refuse(request, S3_CORS_FORBIDDEN, NULL);
    } else {
        HttpExchange *exchange = request->exchange;
        g_autofree char *allowed = g_strjoinv(", ", (GStrv)methods);
        http_exchange_add_header(exchange, "Access-Control-Allow-Methods", allowed);
        if (names)
            http_exchange_add_header(exchange, "Access-Control-Allow-Headers", names);
        http_exchange_add_header(exchange, "Access-Control-Max-Age", MAX_AGE);
        http_exchange_add_header(exchange, "Vary",
                                 "Access-Control-Request-Method, Access-Control-Request-Headers");
        http_exchange_answer(exchange, 200, NULL, "", 0);
    }
}

const S3Operation cors_preflight = {"Preflight", RIGHT_READ, false, NULL, NULL};
