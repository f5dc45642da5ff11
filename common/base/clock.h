/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: the monotonic clock for durations and timers, the wall clock for records and schedules
 * only. All times are int64_t microseconds. Code below the commands gets the time as an argument
 * where a decision depends on it.
 */
#pragma once

#include "base/clock_units.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC. */
int64_t clock_monotonic_us(void);

/*
 * Microseconds of CLOCK_BOOTTIME, which unlike CLOCK_MONOTONIC also counts while the machine
 * sleeps.
 */
int64_t clock_boot_us(void);

/* CLOCK_REALTIME, microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);

/* CPU time of a process, user and system together. Source: getrusage(2). */
struct rusage;
int64_t clock_cpu_us(const struct rusage *usage);

#define CLOCK_TEXT_MAX 32

/*
 * Formats "2026-01-31T12:00:00Z" (RFC 3339, UTC). Years outside 0..9999 are clamped. Returns
 * `text`.
 */
char *clock_format_seconds(int64_t wall_us, char text[static CLOCK_TEXT_MAX]);

/* Formats "2026-01-31T12:00:00.123Z". Returns `text`. */
char *clock_format_millis(int64_t wall_us, char text[static CLOCK_TEXT_MAX]);

/*
 * Formats "2026-01-31T13:00:00+01:00" as a clock shows it that is `offset_min` minutes ahead of
 * UTC; "Z" stands for an offset of 0. Without `has_offset`: "2026-01-31T13:00:00". Returns `text`.
 */
char *clock_format_wall(int64_t wall_us, bool has_offset, int offset_min,
                        char text[static CLOCK_TEXT_MAX]);

/* A point in time as people write it, with or without a zone. */
typedef struct {
    /* True if no zone was given: the time that a local clock shows. */
    bool is_wall;
    /* The instant; or, if `is_wall`, the local clock's time as if the clock showed UTC. */
    int64_t us;
} ClockMoment;

/*
 * Parses `2026-01-31` (midnight), `2026-01-31T12:00`, `2026-01-31T12:00:00`,
 * `2026-01-31T12:00:00.5` (a blank may stand for the T), each with `Z`, an offset such as `+02:00`,
 * or no zone; or an age before `now_us`: `90s`, `15m`, `12h`, `7d`, `2w`. Every time that thumbq
 * prints can be parsed. Errors: ERROR_USAGE, with the text and the allowed forms.
 */
bool clock_parse_moment(const char *text, int64_t now_us, ClockMoment *ret_moment, GError **error);

/* Converts a moment to an instant. A moment without a zone is taken as local time. */
int64_t clock_moment_us(const ClockMoment *moment);

/* As clock_parse_moment and clock_moment_us: a time without a zone is local time. */
bool clock_parse_time(const char *text, int64_t now_us, int64_t *ret_wall_us, GError **error);

/*
 * Formats a duration for people: "850 ms", "12.3 s", "4 min 05 s", "2 h 07 min", "3 d 04 h". Owner:
 * the caller frees.
 */
char *clock_format_duration(int64_t duration_us);
