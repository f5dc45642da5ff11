/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/auto_concurrency.h"

#include "base/capacity.h"
#include "base/clock.h"
#include "base/log.h"
#include "queue/spell.h"

#include <glib.h>

/* Time between two readings of the kernel's figures. */
#define CHECK_US (3 * CLOCK_US_PER_SEC)

struct AutoConcurrency {
    void (*again)(void *data);
    void *data;
    /* Invocations that the memory is enough for; 0: not checked yet. */
    int most;
    /* Monotonic: time of the last check; 0: check now. */
    int64_t checked_us;
    /* Estimated memory of one invocation, from the last invocations; 0: no invocation has ended
     * yet. */
    int64_t each_bytes;
    Spell low;
    /* Checks again while work waits. */
    guint source;
};

AutoConcurrency *auto_concurrency_new(void (*again)(void *data), void *data)
{
    AutoConcurrency *automatic = g_new0(AutoConcurrency, 1);

    automatic->again = again;
    automatic->data = data;
    return automatic;
}

void auto_concurrency_free(AutoConcurrency *automatic)
{
    auto_concurrency_stop(automatic);
    g_free(automatic);
}

int auto_concurrency_most(const AutoConcurrency *automatic, const Config *config)
{
    const Concurrency *configured = &config->concurrency;
    int most = automatic->most;

    return configured->is_auto && most > 0 ? MIN(most, configured->most) : configured->most;
}

/* Logs that fewer pictures are made at a time for want of memory, once for each shortage. */
static void log_limit(AutoConcurrency *automatic, const Config *config, const Capacity *capacity,
                      const CapacityLoad *load)
{
    int64_t now_us = clock_monotonic_us();
    int n = auto_concurrency_most(automatic, config);

    if (n == config->concurrency.most) {
        /* The end of the shortage is not logged. */
        (void)spell_end(&automatic->low, now_us);
        return;
    }
    /* Before the first picture is done, the memory per picture is unknown. */
    if (automatic->each_bytes == 0 || !spell_note(&automatic->low, now_us))
        return;
    g_autofree char *why = capacity_describe(capacity, load);
    log_info("%d %s at a time, for want of memory: %s", n, n == 1 ? "picture" : "pictures", why);
}

bool auto_concurrency_check(AutoConcurrency *automatic, const Config *config, int64_t held_bytes)
{
    int64_t now_us = clock_monotonic_us();
    int before = auto_concurrency_most(automatic, config);
    Capacity capacity;

    if (!config->concurrency.is_auto ||
        (automatic->checked_us > 0 && now_us - automatic->checked_us < CHECK_US))
        return false;
    automatic->checked_us = now_us;
    capacity_read("", &capacity);
    const CapacityLoad load = {
        .each_bytes = automatic->each_bytes > 0 ? automatic->each_bytes : config->memory_bytes,
        .held_bytes = held_bytes,
    };
    automatic->most = capacity_concurrency(&capacity, &load);
    log_limit(automatic, config, &capacity, &load);
    return auto_concurrency_most(automatic, config) != before;
}

void auto_concurrency_learn(AutoConcurrency *automatic, int64_t memory_bytes)
{
    if (memory_bytes > automatic->each_bytes)
        automatic->checked_us = 0;
    automatic->each_bytes = capacity_update_each(automatic->each_bytes, memory_bytes);
}

static gboolean check_again(gpointer data)
{
    AutoConcurrency *automatic = data;

    automatic->source = 0;
    automatic->again(automatic->data);
    return G_SOURCE_REMOVE;
}

void auto_concurrency_wait(AutoConcurrency *automatic, const Config *config)
{
    if (automatic->source == 0 &&
        auto_concurrency_most(automatic, config) < config->concurrency.most)
        automatic->source =
            g_timeout_add((guint)(CHECK_US / CLOCK_US_PER_MS) + 1, check_again, automatic);
}

void auto_concurrency_stop(AutoConcurrency *automatic)
{
    g_clear_handle_id(&automatic->source, g_source_remove);
}
