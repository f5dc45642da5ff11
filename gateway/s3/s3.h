/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the exchanges of an HTTP server as S3. */
#pragma once

#include "gateway_config.h"
#include "gateway_keys.h"
#include "http/server.h"
#include "plans.h"
#include "s3/buckets.h"

typedef struct S3 S3;

/* Makes the S3 of these buckets, keys and counters, which outlive it. Owner: s3_free. */
S3 *s3_new(Buckets *buckets, Keys *keys, Plans *plans);
/* Uses `config`, which lives until the next one is set, from the next request on. Needed before the
 * first request. */
void s3_set_config(S3 *s3, const GatewayConfig *config);
/* Ends copies that run, and the thread of s3_sweep: their requests fail. */
void s3_stop(S3 *s3);
/* NULL is allowed. */
void s3_free(S3 *s3);

/* Starts a thread that removes unfinished uploads of all buckets which have not changed for longer
 * than `age_us`; does nothing while such a thread runs. `now_us` is of the wall clock. */
void s3_sweep(S3 *s3, int64_t now_us, int64_t age_us);

/* The functions of the server's handler; `data` is the S3. */
void s3_begin(HttpExchange *exchange, void *data);
void s3_body(HttpExchange *exchange, const void *bytes, size_t len, void *data);
void s3_end(HttpExchange *exchange, void *data);

/* Id of the key that has signed an exchange. NULL: no key has. Borrowed. */
const char *s3_key_id(const HttpExchange *exchange);

/* Name of the operation of an exchange, for metrics: "PutObject"; "Unknown": it has none. Static.
 */
const char *s3_operation_name(const HttpExchange *exchange);

/* Verdict of the usage plan of the key that has signed an exchange; PLAN_ALLOWED: it has none. */
PlanVerdict s3_plan_verdict(const HttpExchange *exchange);
