/* SPDX-License-Identifier: Apache-2.0 */
/* The local time zone: offsets, changes of the clock, and a change of the zone. */
#include "base/clock.h"
#include "base/zone.h"

#include <glib.h>

static int64_t instant(const char *text)
{
    int64_t us = 0;

    g_assert_true(clock_parse_time(text, 0, &us, NULL));
    return us;
}

static void set_zone(const char *name)
{
    g_setenv("TZ", name, TRUE);
    zone_refresh();
}

static const struct {
    const char *zone;
    const char *utc;
    /* The wall time, written like UTC. */
    const char *wall;
} clocks[] = {
    {"UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-12-31T22:30:00Z", "2025-12-31T23:30:00Z"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59Z"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
    {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-01-01T00:00:00Z", "2026-01-01T13:00:00Z"},
    {"NPT-5:45", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00Z"},
    {"NST3:30", "2026-01-01T00:00:00Z", "2025-12-31T20:30:00Z"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "1969-12-31T23:59:59Z", "1970-01-01T00:59:59Z"},
};

static void test_clocks(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(clocks); i++) {
        set_zone(clocks[i].zone);
        int64_t utc_us = instant(clocks[i].utc), wall_us = instant(clocks[i].wall);
        g_assert_cmpint(zone_to_wall_us(utc_us), ==, wall_us);
        g_assert_cmpint(zone_from_wall_us(wall_us), ==, utc_us);
    }
}

/* An hour that comes twice means the first one. An hour that is skipped means the hour after it. */
static void test_changes(void)
{
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    g_assert_cmpint(zone_from_wall_us(instant("2026-10-25T02:30:00Z")), ==,
                    instant("2026-10-25T00:30:00Z"));
    g_assert_cmpint(zone_from_wall_us(instant("2026-03-29T02:30:00Z")), ==,
                    instant("2026-03-29T01:30:00Z"));
}

static void test_fingerprint(void)
{
    uint64_t hashes[4];
    const char *const zones[] = {"UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "CET-1",
                                 "NZST-12NZDT,M9.5.0,M4.1.0/3"};

    for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
        set_zone(zones[i]);
        hashes[i] = zone_fingerprint();
        g_assert_cmphex(hashes[i], ==, zone_fingerprint());
        for (size_t j = 0; j < i; j++)
            g_assert_cmphex(hashes[i], !=, hashes[j]);
    }
    set_zone("UTC0");
    g_assert_cmphex(zone_fingerprint(), ==, hashes[0]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/zone/clocks", test_clocks);
    g_test_add_func("/zone/changes", test_changes);
    g_test_add_func("/zone/fingerprint", test_fingerprint);
    return g_test_run();
}
