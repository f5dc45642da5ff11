/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules: parses an expression, and computes when it is due next. Pure: time is an argument.
 *
 * Five-field crontab(5) with names, ranges, lists, steps and @hourly @daily @weekly @monthly
 * @yearly; EventBridge's `cron(min hour day-of-month month day-of-week year)` with ? L W #, `rate(5
 * minutes)` and `at(2026-01-31T12:00:00)`. A local time that the change to summer time leaves out
 * is skipped; a local time that occurs twice fires once.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of an expression. */
#define CRON_TEXT_MAX 256

typedef struct Cron Cron;

/*
 * Parses an expression. `zone` is an IANA name; NULL or "" means the local zone. Errors:
 * ERROR_USAGE, with the field, its text and its range. Owner: cron_free.
 */
Cron *cron_parse(const char *expression, const char *zone, GError **error);

/*
 * Finds the first time strictly after `after_us` (wall clock). Returns false if there is none at
 * all (a year that has passed, 30 February). rate() counts from `after_us`.
 */
bool cron_next(const Cron *cron, int64_t after_us, int64_t *ret_us);

#define CRON_MISSED_MAX 100

/*
 * Finds the first run to make up for: of the times in (after_us, until_us] the oldest among the
 * newest `max` (at most CRON_MISSED_MAX). Returns false if there is none, or if `max` is 0. rate()
 * counts from `after_us`. Cost: a few times the number of times between *ret_us and until_us, or
 * since after_us if there are fewer than `max`.
 */
bool cron_missed(const Cron *cron, int64_t after_us, int64_t until_us, unsigned max,
                 int64_t *ret_us);

/* True for rate(...), which counts from its last run and has no fixed times. */
bool cron_is_rate(const Cron *cron);

/* Formats "2026-03-29T03:00:00+02:00", in the schedule's zone. Owner: the caller frees. */
char *cron_format(const Cron *cron, int64_t wall_us);

void cron_free(Cron *cron);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cron, cron_free)
