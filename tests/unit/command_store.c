/* SPDX-License-Identifier: Apache-2.0 */
#include "command_store.h"

#include "base/clock.h"
#include "config/config.h"
#include "daemon/daemon.h"
#include "store/store.h"

#include <glib.h>

/* The time 2026-02-01T08:00:00.123Z. Each object comes one second after the one before. */
#define START_US (INT64_C(1769932800) * CLOCK_US_PER_SEC + 123 * CLOCK_US_PER_MS)

typedef struct {
    const char *key;
    int64_t size;
    ObjectState state;
    ErrorCode error;
    const char *message;
    ImageFacts facts;
    size_t n_thumbnails;
} Upload;

static const Upload uploads[] = {
    {.key = "2026/trip/dune.png",
     .size = 123456,
     .state = STATE_DONE,
     .facts = {.type = IMAGE_PNG,
               .width = 4000,
               .height = 3000,
               .pages = 1,
               .orientation = 1,
               .has_date = true,
               .date_us = INT64_C(1769860800) * CLOCK_US_PER_SEC,
               .etag = {0x1122334455667788, 0x99aabbccddeeff00},
               .has_color = true,
               .color = 0x00bbcc,
               .thumbhash_len = 3,
               .thumbhash = {1, 2, 3}},
     .n_thumbnails = 2},
    {.key = "50% off, \"new\".jpg",
     .size = 2000,
     .state = STATE_DONE,
     .facts = {.type = IMAGE_JPEG,
               .width = 30,
               .height = 20,
               .pages = 1,
               .orientation = 6,
               .damaged = true},
     .n_thumbnails = 2},
    {.key = "caf\xe9.jpg",
     .size = 1000,
     .state = STATE_DEAD,
     .error = ERROR_TOO_MANY_PIXELS,
     .message = "20000x20000 is over max_pixels",
     .facts = {.type = IMAGE_JPEG, .width = 20000, .height = 20000}},
    {.key = "notes.txt",
     .size = 12,
     .state = STATE_SKIPPED,
     .error = ERROR_NOT_AN_IMAGE,
     .message = "no image"},
    {.key = "waiting.jpg", .size = 77, .state = STATE_PENDING},
};

static ObjectVersion version_of(const Upload *upload)
{
    return (ObjectVersion){
        .ino = 42,
        .size = upload->size,
        /* The time 2026-01-01T00:00:00.123456789Z. */
        .mtime_ns = INT64_C(1767225600123456789),
        .ctime_ns = INT64_C(1767225600123456789),
    };
}

static StoreOutcome outcome_of(const Upload *upload, const Config *config, int64_t now_us)
{
    StoreOutcome outcome = {
        .state = upload->state,
        .version = version_of(upload),
        .counts = true,
        .now_us = now_us + 37 * CLOCK_US_PER_MS,
        .error = upload->error,
        .attempt = {.request_id = {0xab, [15] = 0xcd},
                    .start_us = now_us + 18 * CLOCK_US_PER_MS,
                    .duration_us = 18440,
                    .cpu_us = 9004,
                    .memory_bytes = 50 << 20,
                    .error = upload->error},
        .has_facts = true,
        .facts = upload->facts,
        .n_thumbnails = upload->n_thumbnails,
    };
    g_strlcpy(outcome.message, upload->message ? upload->message : "", sizeof(outcome.message));
    for (size_t i = 0; i < upload->n_thumbnails; i++) {
        Thumbnail *made = &outcome.thumbnails[i];
        g_strlcpy(made->rendition, config->renditions[i].name, sizeof(made->rendition));
        made->recipe = rendition_recipe(&config->renditions[i], upload->facts.type);
        made->facts = (ThumbnailFacts){i ? IMAGE_JPEG : IMAGE_WEBP, 256, 192, 4321};
    }
    return outcome;
}

void command_store_make(const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_load(NULL, &error);
    g_assert_no_error(error);
    g_autofree char *path = daemon_store_path(folder, config);
    g_autoptr(Store) store = store_open(path, STORE_WRITE, &error);
    g_assert_no_error(error);
    store_set_renditions(store, config->renditions, config->n_renditions);
    for (size_t i = 0; i < G_N_ELEMENTS(uploads); i++) {
        const Upload *upload = &uploads[i];
        int64_t now_us = START_US + (int64_t)i * CLOCK_US_PER_SEC;
        ObjectVersion version = version_of(upload);
        StoreSeen seen;
        uint64_t id;
        store_seen(store, upload->key, &version, PRIORITY_UPLOAD, now_us, &seen, &id, &error);
        g_assert_no_error(error);
        if (upload->state == STATE_PENDING)
            continue;
        bool found;
        Record record;
        int64_t next_us;
        store_claim(store, now_us, &found, &record, &next_us, &error);
        g_assert_no_error(error);
        g_assert_true(found);
        StoreOutcome outcome = outcome_of(upload, config, now_us);
        store_finish(store, upload->key, &outcome, &found, &record, &error);
        g_assert_no_error(error);
    }
    store_commit(store, &error);
    g_assert_no_error(error);
}

void command_store_add(const char *folder, const char *key)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_load(NULL, &error);
    g_autofree char *path = daemon_store_path(folder, config);
    g_autoptr(Store) store = store_open(path, STORE_WRITE, &error);
    g_assert_no_error(error);
    ObjectVersion version = {.ino = 43, .size = 5};
    StoreSeen seen;
    uint64_t id;
    store_seen(store, key, &version, PRIORITY_UPLOAD, START_US, &seen, &id, &error);
    g_assert_no_error(error);
    store_commit(store, &error);
    g_assert_no_error(error);
}
