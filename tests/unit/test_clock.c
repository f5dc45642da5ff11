/* SPDX-License-Identifier: Apache-2.0 */
/* Times: parsed from options, formatted for records and for people. */
#include "base/clock.h"
#include "base/error.h"

#include <string.h>

/* The time 2026-02-01T00:00:00Z. */
#define NOW_US (INT64_C(1769904000) * CLOCK_US_PER_SEC)
#define DAY_US (INT64_C(86400) * CLOCK_US_PER_SEC)

typedef struct {
    const char *name;
    const char *text;
    int64_t before_now_us;
} ParseCase;

/* The local zone is set to two hours east of Greenwich ("UTC-2" in POSIX notation). */
#define LOCAL_US (2 * 3600 * CLOCK_US_PER_SEC)

static const ParseCase valid[] = {
    {"seconds", "90s", 90 * CLOCK_US_PER_SEC},
    {"minutes", "15m", 900 * CLOCK_US_PER_SEC},
    {"hours", "12h", DAY_US / 2},
    {"days", "7d", 7 * DAY_US},
    {"weeks", "2w", 14 * DAY_US},
    {"now", "0s", 0},
    {"date-utc", "2026-01-31Z", DAY_US},
    {"minute-utc", "2026-01-31T12:00Z", DAY_US / 2},
    {"second-utc", "2026-01-31T12:00:01Z", DAY_US / 2 - CLOCK_US_PER_SEC},
    {"date-local", "2026-01-31", DAY_US + LOCAL_US},
    {"minute-local", "2026-01-31T12:00", DAY_US / 2 + LOCAL_US},
    {"second-local", "2026-01-31T12:00:00", DAY_US / 2 + LOCAL_US},
    {"blank", "2026-01-31 12:00", DAY_US / 2 + LOCAL_US},
    {"part-of-a-second", "2026-01-31T12:00:00.500Z", DAY_US / 2 - CLOCK_US_PER_SEC / 2},
    {"east", "2026-01-31T12:00:00+05:30", DAY_US / 2 + 330 * 60 * CLOCK_US_PER_SEC},
    {"west", "2026-01-31 12:00-09:30", DAY_US / 2 - 570 * 60 * CLOCK_US_PER_SEC},
    {"leap-day", "2024-02-29Z", 703 * DAY_US},
    {"future", "2026-02-02Z", -DAY_US},
};

static void test_parse(const void *data)
{
    const ParseCase *row = data;
    g_autoptr(GError) error = NULL;
    int64_t wall_us = 0;

    bool parsed = clock_parse_time(row->text, NOW_US, &wall_us, &error);
    g_assert_no_error(error);
    g_assert_true(parsed);
    g_assert_cmpint(NOW_US - wall_us, ==, row->before_now_us);
}

static const char *const invalid[] = {
    "",
    " ",
    "7",
    "d",
    "-7d",
    "7dd",
    "7 d",
    "1.5d",
    "99999999d",
    "7x",
    "7d ",
    "yesterday",
    "2026",
    "2026-01",
    "2026-13-01",
    "2026-02-29",
    "2026-00-10",
    "2026-01-32",
    "2026/01/31",
    "2026-01-31T",
    "2026-01-31T12",
    "2026-01-31T24:01",
    "2026-01-31T12:60",
    "2026-01-31T12:00-05",
    "2026-01-31T12:00+25:00",
    "2026-01-31T12:00.5",
    "2026-01-31  12:00",
    "2026-01-31ZZ",
    "Z",
    "2026-W05-6",
    "x2026-01-31",
    "9223372036854775807s",
};

static void test_invalid(const void *data)
{
    const char *text = data;
    g_autoptr(GError) error = NULL;
    int64_t wall_us = -1;

    g_assert_false(clock_parse_time(text, NOW_US, &wall_us, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_assert_nonnull(strstr(error->message, text));
    g_assert_cmpint(wall_us, ==, -1);
}

typedef struct {
    const char *name;
    int64_t wall_us;
    const char *seconds;
    const char *millis;
} FormatCase;

static const FormatCase formats[] = {
    {"epoch", 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
    {"now", NOW_US + 123456, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00.123Z"},
    {"not-rounded-up", 999999, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.999Z"},
    {"before-epoch", -1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999Z"},
    {"year-0", INT64_C(-62167219200) * CLOCK_US_PER_SEC, "0000-01-01T00:00:00Z",
     "0000-01-01T00:00:00.000Z"},
    {"first", INT64_MIN, "0000-01-01T00:00:00Z", NULL},
    {"last", INT64_MAX, "9999-12-31T23:59:59Z", NULL},
};

static void test_format(const void *data)
{
    const FormatCase *row = data;
    char text[CLOCK_TEXT_MAX];

    g_assert_cmpstr(clock_format_seconds(row->wall_us, text), ==, row->seconds);
    g_assert_true(clock_format_millis(row->wall_us, text) == text);
    if (row->millis)
        g_assert_cmpstr(text, ==, row->millis);
    else
        g_assert_cmpmem(text, 19, row->seconds, 19);
}

/* A printed time can be parsed again. */
static void test_round_trip(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (int i = 0; i < 1000; i++) {
        char text[CLOCK_TEXT_MAX];
        int64_t back_us;
        /* The years are 1970 to 2105. */
        int64_t wall_us = (int64_t)g_rand_int(rand) * CLOCK_US_PER_SEC;

        g_assert_true(
            clock_parse_time(clock_format_seconds(wall_us, text), NOW_US, &back_us, NULL));
        g_assert_cmpint(back_us, ==, wall_us);
    }
}

typedef struct {
    bool has_offset;
    int offset_min;
    const char *text;
} WallCase;

static const WallCase walls[] = {
    {false, 0, "2026-02-01T00:00:00"},         {true, 0, "2026-02-01T00:00:00Z"},
    {true, 60, "2026-02-01T00:00:00+01:00"},   {true, 345, "2026-02-01T00:00:00+05:45"},
    {true, -570, "2026-02-01T00:00:00-09:30"},
};

static void test_wall(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(walls); i++) {
        const WallCase *row = &walls[i];
        char text[CLOCK_TEXT_MAX];
        ClockMoment moment;
        g_assert_cmpstr(clock_format_wall(NOW_US, row->has_offset, row->offset_min, text), ==,
                        row->text);
        g_assert_true(clock_parse_moment(text, 0, &moment, NULL));
        g_assert_true(moment.is_wall == !row->has_offset);
        g_assert_cmpint(moment.us, ==, NOW_US - row->offset_min * 60 * CLOCK_US_PER_SEC);
    }
}

typedef struct {
    int64_t duration_us;
    const char *text;
} DurationCase;

static const DurationCase durations[] = {
    {0, "0 ms"},
    {850 * CLOCK_US_PER_MS, "850 ms"},
    {999999, "999 ms"},
    {CLOCK_US_PER_SEC, "1.0 s"},
    {12300 * CLOCK_US_PER_MS, "12.3 s"},
    {59990 * CLOCK_US_PER_MS, "59.9 s"},
    {60 * CLOCK_US_PER_SEC, "1 min 00 s"},
    {245 * CLOCK_US_PER_SEC, "4 min 05 s"},
    {(2 * 3600 + 7 * 60 + 59) * CLOCK_US_PER_SEC, "2 h 07 min"},
    {3 * DAY_US + 4 * 3600 * CLOCK_US_PER_SEC, "3 d 04 h"},
};

static void test_duration(const void *data)
{
    const DurationCase *row = data;
    g_autofree char *text = clock_format_duration(row->duration_us);

    g_assert_cmpstr(text, ==, row->text);
}

static void test_clocks(void)
{
    int64_t first_us = clock_monotonic_us();

    g_assert_cmpint(clock_monotonic_us(), >=, first_us);
    /* The clock is after 2020, in microseconds. */
    g_assert_cmpint(clock_wall_us(), >, INT64_C(1577836800) * CLOCK_US_PER_SEC);
}

int main(int argc, char **argv)
{
    g_setenv("TZ", "UTC-2", TRUE);
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
        g_autofree char *path = g_strdup_printf("/clock/parse/%s", valid[i].name);
        g_test_add_data_func(path, &valid[i], test_parse);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
        g_autofree char *path = g_strdup_printf("/clock/invalid/%zu", i);
        g_test_add_data_func(path, invalid[i], test_invalid);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *path = g_strdup_printf("/clock/format/%s", formats[i].name);
        g_test_add_data_func(path, &formats[i], test_format);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(durations); i++) {
        g_autofree char *path = g_strdup_printf("/clock/duration/%zu", i);
        g_test_add_data_func(path, &durations[i], test_duration);
    }
    g_test_add_func("/clock/round-trip", test_round_trip);
    g_test_add_func("/clock/wall", test_wall);
    g_test_add_func("/clock/clocks", test_clocks);
    return g_test_run();
}
