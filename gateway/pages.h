/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for the gateway itself, at paths that are no buckets: /healthz, /readyz and /metrics. The
 * last one needs the token of a key that may read everything, and counts under its usage plan. A
 * request with a signature of S3 is for a bucket of that name.
 */
#pragma once

#include "gateway_keys.h"
#include "gateway_metrics.h"
#include "http/server.h"
#include "plans.h"
#include "s3/buckets.h"
#include "serving.h"

#include <stdbool.h>

typedef struct Pages Pages;

/* All arguments outlive it. Owner: pages_free. */
Pages *pages_new(Buckets *buckets, Keys *keys, Plans *plans, Metrics *metrics);
/* Uses `config`, which lives until the next one is set, from the next request on. Needed before the
 * first request. */
void pages_set_config(Pages *pages, const GatewayConfig *config);
void pages_free(Pages *pages);

/* The servers whose connections are counted, which outlive it. */
void pages_set_serving(Pages *pages, const Serving *serving);

/* Takes the head of a request for one of these paths. False: the request is for a bucket. */
bool pages_begin(Pages *pages, HttpExchange *exchange);

/* Takes the end of a request that pages_begin has not answered. False: it is for a bucket. */
bool pages_end(Pages *pages, HttpExchange *exchange);

/* Name of the page, for metrics. NULL: the request is for a bucket. Static. */
const char *pages_operation(const HttpExchange *exchange);
