/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules: parses an expression, and computes when it is due next. Pure: time is an argument.
 *
 * Five-field crontab(5) with names, ranges, lists, steps and @hourly @daily @weekly @monthly
 * @yearly; EventBridge's `cron(min hour day-of-month month day-of-week year)` with ? L W #, `rate(5
 * minutes)` and `at(2026-01-31T12:00:00)`. A local time that the spring change leaves out is
 * skipped; one that the autumn change repeats fires once.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CRON_TEXT_MAX 256 /* bytes of an expression */

typedef struct Cron Cron;

/*
 * `zone` is an IANA name, or NULL or "" for the local one.
 * Errors: ERROR_USAGE, naming the field, its text and its range. Owner: cron_free.
 */
Cron *cron_parse(const char *expression, const char *zone, GError **error);

/*
 * The first time strictly after `after_us` (wall clock), in *ret_us. False when there is none ever
 * (a year that has passed, 30 February). rate() counts from `after_us`.
 */
bool cron_next(const Cron *cron, int64_t after_us, int64_t *ret_us);

#define CRON_MISSED_MAX 100

/*
 * What is to be made up for: of the times in (after_us, until_us] the newest `max` (CRON_MISSED_MAX
 * at the most), and of those the oldest, in *ret_us. False if there is none, or `max` is 0. rate()
 * counts from `after_us`. Cost: a few times as many steps as there are times between *ret_us and
 * until_us, or since after_us where there are fewer than `max`.
 */
bool cron_missed(const Cron *cron, int64_t after_us, int64_t until_us, unsigned max,
                 int64_t *ret_us);

/* True for rate(...), which counts from its last run instead of naming times. */
bool cron_is_rate(const Cron *cron);

/* "2026-03-29T03:00:00+02:00", in the schedule's zone. Owner: the caller frees. */
char *cron_format(const Cron *cron, int64_t wall_us);

void cron_free(Cron *cron);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cron, cron_free)
