/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a store of many records without pictures, for measurements of commands on a large bucket.
 * Prints a JSON line with the number of records and the time. */
#include "bench.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Uploads are spread evenly over these days; the last one is now. */
#define DAYS 1000

#define COMMIT_CHANGES 2000
#define KEY_BYTES      64

static void check(bool fine, GError *error)
{
    if (fine)
        return;
    fprintf(stderr, "thumbq-bench: %s\n", error->message);
    exit(error_exit_status(error_code(error)));
}

/* Returns numbers that look random and are the same in each run (splitmix64). */
static uint64_t scramble(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static ObjectVersion version_of(uint64_t i, int64_t when_us)
{
    return (ObjectVersion){.ino = i + 1,
                           .size = (int64_t)(20000 + scramble(i) % 8000000),
                           .mtime_ns = when_us * 1000,
                           .ctime_ns = when_us * 1000};
}

static StoreOutcome outcome_of(uint64_t i, const ObjectVersion *version, int64_t when_us,
                               const Rendition *renditions, size_t n)
{
    uint64_t random = scramble(i ^ 0xabcdef);
    StoreOutcome outcome = {.state = STATE_DONE,
                            .version = *version,
                            .counts = true,
                            .now_us = when_us + 50000,
                            .has_facts = true,
                            .n_thumbnails = n};
    outcome.attempt = (Attempt){.start_us = when_us + 20000,
                                .duration_us = (int64_t)(5000 + random % 60000),
                                .cpu_us = (int64_t)(5000 + random % 60000),
                                .memory_bytes = (int64_t)(8 + random % 30) << 20};
    memcpy(outcome.attempt.request_id, &random, sizeof random);
    outcome.facts = (ImageFacts){.type = random % 10 == 0 ? IMAGE_PNG : IMAGE_JPEG,
                                 .width = 4000,
                                 .height = 3000,
                                 .pages = 1,
                                 .orientation = 1,
                                 .has_date = true,
                                 .date_us = when_us,
                                 .etag = {random, i},
                                 .has_color = true,
                                 .color = (uint32_t)(random & 0xffffff),
                                 .thumbhash_len = 21};
    for (size_t at = 0; at < n; at++) {
        Thumbnail *thumbnail = &outcome.thumbnails[at];
        g_strlcpy(thumbnail->rendition, renditions[at].name, sizeof thumbnail->rendition);
        thumbnail->recipe = rendition_recipe(&renditions[at], outcome.facts.type);
        thumbnail->facts = (ThumbnailFacts){.type = IMAGE_JPEG,
                                            .width = renditions[at].width,
                                            .height = renditions[at].height * 3 / 4,
                                            .size = (int64_t)(4000 + random % 20000)};
    }
    return outcome;
}

/* Adds one object and takes it through its states: seen, claimed, done. */
static void add_object(Store *store, uint64_t i, int64_t when_us, const Rendition *renditions,
                       size_t n)
{
    g_autoptr(GError) error = NULL;
    char key[KEY_BYTES];
    uint64_t id;
    int64_t next_us;
    StoreSeen seen;
    Record record;
    bool found;

    g_snprintf(key, sizeof key, "%04u/%02u/IMG_%08" G_GUINT64_FORMAT ".jpg",
               (unsigned)(scramble(i) % 40 + 1990), (unsigned)(scramble(i) >> 32) % 12 + 1, i);
    ObjectVersion version = version_of(i, when_us);
    StoreOutcome outcome = outcome_of(i, &version, when_us, renditions, n);
    check(store_seen(store, key, &version, PRIORITY_UPLOAD, when_us, &seen, &id, &error), error);
    check(store_claim(store, when_us, &found, &record, &next_us, &error), error);
    check(store_finish(store, key, &outcome, &found, &record, &error), error);
    if (!found) {
        fprintf(stderr, "thumbq-bench: '%s' has no record to finish\n", key);
        exit(70);
    }
    if (store_batch_size(store) >= COMMIT_CHANGES)
        check(store_commit(store, &error), error);
}

int bench_fill(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gint64 count = 1000;
    const GOptionEntry entries[] = {
        {"count", 0, 0, G_OPTION_ARG_INT64, &count, "records", "N"},
        {0},
    };
    bench_parse("STORE - makes a store of many records", entries, &argc, &argv);
    if (argc != 2 || count < 1) {
        fprintf(stderr, "usage: thumbq-bench fill --count N STORE\n");
        return 2;
    }
    Rendition renditions[RENDITIONS_MAX];
    size_t n = bench_renditions("256,1024", 80, renditions);
    g_autoptr(Store) store = store_open(argv[1], STORE_WRITE, &error);
    check(store != NULL, error);
    store_set_renditions(store, renditions, n);

    int64_t start_ns = bench_now_ns();
    int64_t end_us = clock_wall_us();
    int64_t step_us = MAX(1, DAYS * CLOCK_DAY_US / count);
    for (gint64 i = 0; i < count; i++)
        add_object(store, (uint64_t)i, end_us - (count - i) * step_us, renditions, n);
    check(store_commit(store, &error), error);
    printf("{\"records\":%" G_GINT64_FORMAT ",\"seconds\":%.3f}\n", count,
           (double)(bench_now_ns() - start_ns) / 1e9);
    return 0;
}
