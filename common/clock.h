/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: monotonic for durations and timers, wall clock for records and schedules only.
 * All in microseconds, int64_t. Code below the commands takes time as an argument where it decides
 * anything by it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_US_PER_MS  INT64_C(1000)
#define CLOCK_US_PER_SEC INT64_C(1000000)

/* CLOCK_MONOTONIC. */
int64_t clock_monotonic_us(void);

/* CLOCK_BOOTTIME: as the one before, and goes on while the machine sleeps. */
int64_t clock_boot_us(void);

/* CLOCK_REALTIME, microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);

/* CPU time, user and system; source: getrusage(2). */
struct rusage;
int64_t clock_cpu_us(const struct rusage *usage);

#define CLOCK_TEXT_MAX 32

/* "2026-01-31T12:00:00Z" (RFC 3339, UTC). Years outside 0..9999 are clamped. Returns `text`. */
char *clock_format_seconds(int64_t wall_us, char text[static CLOCK_TEXT_MAX]);

/* "2026-01-31T12:00:00.123Z". Returns `text`. */
char *clock_format_millis(int64_t wall_us, char text[static CLOCK_TEXT_MAX]);

/*
 * "2026-01-31T13:00:00+01:00" of what a clock shows that is `offset_min` minutes ahead of UTC; "Z"
 * where that is 0. Without `has_offset`: "2026-01-31T13:00:00". Returns `text`.
 */
char *clock_format_wall(int64_t wall_us, bool has_offset, int offset_min,
                        char text[static CLOCK_TEXT_MAX]);

/* A point in time as people write it. */
typedef struct {
    bool is_wall; /* what a clock shows, wherever it hangs: no zone was given */
    int64_t us;   /* the instant, or the wall clock as if it showed UTC */
} ClockMoment;

/*
 * Parses `2026-01-31` (midnight), `2026-01-31T12:00`, `2026-01-31T12:00:00`,
 * `2026-01-31T12:00:00.5` (a blank may stand for the T), each of them with `Z`, an offset as
 * `+02:00`, or without a zone; or an age before `now_us`: `90s`, `15m`, `12h`, `7d`, `2w`. All that
 * thumbq prints is understood. Errors: ERROR_USAGE, naming the text and the forms that are
 * understood.
 */
bool clock_parse_moment(const char *text, int64_t now_us, ClockMoment *ret_moment, GError **error);

/* The instant of a moment; of a wall clock, that of the local zone. */
int64_t clock_moment_us(const ClockMoment *moment);

/* As clock_parse_moment; without a zone in the local one. */
bool clock_parse_time(const char *text, int64_t now_us, int64_t *ret_wall_us, GError **error);

/* "850 ms", "12.3 s", "4 min 05 s", "2 h 07 min", "3 d 04 h". Owner: the caller frees. */
char *clock_format_duration(int64_t duration_us);
