/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemons.h"

#include <jansson.h>
#include <string.h>

#define TEXT_TYPE    "text/plain; charset=utf-8"
#define PROBLEM_TYPE "application/problem+json"
/* Most requests for metrics that ask daemons at once: each holds a thread of short work. */
#define ASKING_MAX 2
/* No further daemon is asked after this time. */
#define ASKING_US       (8 * CLOCK_US_PER_SEC)
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct Pages {
    Buckets *buckets;
    Keys *keys;
    Plans *plans;
    Metrics *metrics;
    const GatewayConfig *config;
    const Serving *serving;
    /* Requests for metrics that wait for daemons. */
    unsigned n_asking;
};

typedef struct {
    const char *path, *operation;
    /* Called with the head. Answers, or leaves the answer to `end`. */
    void (*begin)(Pages *pages, HttpExchange *exchange);
    /* Called at the end of the request. May be NULL if `begin` always answers. */
    void (*end)(Pages *pages, HttpExchange *exchange);
} PageRow;

static void answer_text(HttpExchange *exchange, unsigned status, const char *text)
{
    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_answer(exchange, status, TEXT_TYPE, text, strlen(text));
}

/* The process lives and its loop runs. */
static void answer_health(Pages *pages, HttpExchange *exchange)
{
    (void)pages;
    answer_text(exchange, 200, "ok\n");
}

/* On an error the keys stay as they are, and the log says so. */
static void renew_keys(const Pages *pages)
{
    g_autoptr(GError) error = NULL;

    if (!keys_renew(pages->keys, &error))
        log_warning("the keys stay what they were: %s", error->message);
}

/* Requests can be served: the keys can be read, and the buckets are there. The answer needs no key,
 * so it names neither. */
static void answer_ready(Pages *pages, HttpExchange *exchange)
{
    renew_keys(pages);
    if (!keys_are_current(pages->keys))
        answer_text(exchange, 503, "the keys cannot be read\n");
    else if (buckets_find_missing(pages->buckets))
        answer_text(exchange, 503, "a bucket is missing\n");
    else
        answer_text(exchange, 200, "ok\n");
}

/* Answers with a problem. `error` is a name of the table of errors. Source: RFC 9457. */
static void answer_problem(HttpExchange *exchange, unsigned status, const char *title,
                           const char *detail, const char *error)
{
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", title,
                                "status", (int)status, "detail", detail, "error", error);
    char *text = json_dumps(problem, JSON_COMPACT);

    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_answer(exchange, status, PROBLEM_TYPE, text, strlen(text));
    json_decref(problem);
    free(text);
}

/* The token of a request; NULL: it has none. Borrowed. */
static const char *find_token(const HttpHead *head)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = http_head_get(head, "Authorization");

    if (authorization && g_ascii_strncasecmp(authorization, scheme, strlen(scheme)) == 0)
        return authorization + strlen(scheme);
    return http_head_get(head, "x-api-key");
}

/* Counts the request under the usage plan of its key. True: the plan refuses it, and there is an
 * answer. */
static bool is_throttled(Pages *pages, HttpExchange *exchange, const Key *key)
{
    const PlanConfig *plan = key->plan ? gateway_config_find_plan(pages->config, key->plan) : NULL;
    const PlanTime now = {clock_wall_us(), clock_monotonic_us()};
    int64_t retry_s = 0;

    if (!key->plan)
        return false;
    if (!plan) {
        answer_problem(exchange, 403, "Forbidden",
                       "the configuration does not have the usage plan of the key",
                       "access_denied");
        return true;
    }
    const PlanVerdict verdict = plans_count(pages->plans, key->id, plan, now, &retry_s);
    if (verdict == PLAN_ALLOWED)
        return false;
    g_autofree char *retry = g_strdup_printf("%" G_GINT64_FORMAT, retry_s);
    metrics_count_throttled(pages->metrics, verdict == PLAN_RATE ? THROTTLE_RATE : THROTTLE_QUOTA);
    http_exchange_add_header(exchange, "Retry-After", retry);
    answer_problem(exchange, 429, "Too Many Requests",
                   "the usage plan of the key allows no further request now", "shortage");
    return true;
}

/* True, with an answer, if other requests for metrics wait for daemons. */
static bool is_busy(const Pages *pages, HttpExchange *exchange)
{
    if (pages->n_asking < ASKING_MAX)
        return false;
    http_exchange_add_header(exchange, "Retry-After", "1");
    answer_problem(exchange, 503, "Service Unavailable",
                   "other requests for metrics wait for daemons", "shortage");
    return true;
}

static void begin_metrics(Pages *pages, HttpExchange *exchange)
{
    const char *token = find_token(http_exchange_head(exchange));

    renew_keys(pages);
    const Key *key = token ? keys_find_token(pages->keys, token) : NULL;
    if (!key) {
        http_exchange_add_header(exchange, "WWW-Authenticate", "Bearer");
        answer_problem(exchange, 401, "Unauthorized",
                       "the request has no token of a key: Authorization: Bearer TOKEN",
                       "access_denied");
    } else if (!key_may_all(key, RIGHT_READ)) {
        answer_problem(exchange, 403, "Forbidden",
                       "the key may not read all objects of all buckets", "access_denied");
    } else if (!is_throttled(pages, exchange, key)) {
        (void)is_busy(pages, exchange);
    }
}

/* The work of a request for metrics. */
typedef struct {
    Pages *pages;
    guint n_buckets;
    /* Elements: char *, owned. State folders of the daemons. */
    GPtrArray *states;
    /* Elements: char *, owned. Their answers. */
    GPtrArray *texts;
} MetricsTask;

static void ask_daemons(void *data)
{
    MetricsTask *task = data;
    const int64_t end_us = clock_monotonic_us() + ASKING_US;

    for (guint i = 0; i < task->states->len && clock_monotonic_us() < end_us; i++) {
        char *text = daemons_ask_metrics(task->states->pdata[i]);
        if (text)
            g_ptr_array_add(task->texts, text);
    }
}

static void answer_metrics(HttpExchange *exchange, void *data)
{
    MetricsTask *task = data;
    Pages *pages = task->pages;
    g_autoptr(GString) text = g_string_new(NULL);
    const MetricsState state = {
        .connections = serving_connections(pages->serving),
        .exchanges = serving_exchanges(pages->serving),
        .buckets = task->n_buckets,
        .keys = keys_count(pages->keys),
    };

    pages->n_asking--;
    metrics_print(pages->metrics, &state, text);
    metrics_join(task->texts, text);
    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_answer(exchange, 200, PROMETHEUS_TYPE, text->str, text->len);
    g_ptr_array_unref(task->states);
    g_ptr_array_unref(task->texts);
    g_free(task);
}

static void end_metrics(Pages *pages, HttpExchange *exchange)
{
    /* Others may have begun since the head of this request came. */
    if (is_busy(pages, exchange))
        return;
    g_autoptr(GPtrArray) buckets = buckets_list(pages->buckets);
    MetricsTask *task = g_new0(MetricsTask, 1);

    task->pages = pages;
    task->n_buckets = buckets->len;
    task->states = g_ptr_array_new_with_free_func(g_free);
    task->texts = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < buckets->len; i++) {
        const S3Bucket *bucket = buckets->pdata[i];
        g_ptr_array_add(task->states, g_canonicalize_filename(bucket->state, bucket->path));
    }
    pages->n_asking++;
    http_exchange_work(exchange, ask_daemons, answer_metrics, task);
}

static const PageRow rows[] = {
    {"/healthz", "Health", answer_health, NULL},
    {"/readyz", "Ready", answer_ready, NULL},
    {"/metrics", "Metrics", begin_metrics, end_metrics},
};

/* True for a request that S3 clients sign: in the header, or in the query. */
static bool is_signed(const HttpHead *head)
{
    const char *authorization = http_head_get(head, "Authorization");

    return (authorization && g_str_has_prefix(authorization, "AWS")) ||
           http_target_get(&head->target, "X-Amz-Signature") ||
           http_target_get(&head->target, "Signature");
}

static const PageRow *find(const HttpExchange *exchange)
{
    const HttpHead *head = http_exchange_head(exchange);

    /* A connection may end before its head is complete. */
    for (size_t i = 0; head->target.path && i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(head->target.path, rows[i].path) == 0)
            return is_signed(head) ? NULL : &rows[i];
    }
    return NULL;
}

Pages *pages_new(Buckets *buckets, Keys *keys, Plans *plans, Metrics *metrics)
{
    Pages *pages = g_new0(Pages, 1);

    pages->buckets = buckets;
    pages->keys = keys;
    pages->plans = plans;
    pages->metrics = metrics;
    return pages;
}

void pages_set_config(Pages *pages, const GatewayConfig *config)
{
    pages->config = config;
}

void pages_free(Pages *pages)
{
    g_free(pages);
}

void pages_set_serving(Pages *pages, const Serving *serving)
{
    pages->serving = serving;
}

bool pages_begin(Pages *pages, HttpExchange *exchange)
{
    const PageRow *row = find(exchange);
    const char *method = http_exchange_head(exchange)->method;

    if (!row)
        return false;
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        row->begin(pages, exchange);
    else
        answer_text(exchange, 405, "only GET and HEAD\n");
    return true;
}

bool pages_end(Pages *pages, HttpExchange *exchange)
{
    const PageRow *row = find(exchange);

    if (!row)
        return false;
    row->end(pages, exchange);
    return true;
}

const char *pages_operation(const HttpExchange *exchange)
{
    const PageRow *row = find(exchange);

    return row ? row->operation : NULL;
}
