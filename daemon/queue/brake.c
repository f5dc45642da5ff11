/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/brake.h"

#include "base/log.h"
#include "queue/auto_concurrency.h"

/* Time until the next try while the machine lacks a resource. */
#define HOLD_MS 1000

/* Time until the concurrency is doubled again, after a handler was killed. */
#define RAISE_MS 30000

struct Brake {
    const Config *config;
    BrakeCallbacks callbacks;
    AutoConcurrency *automatic;
    /* Ends the pause. No work is begun before. */
    guint hold_source;
    /* Concurrency after a handler was killed; 0: as configured. */
    int lowered;
    /* Raises the concurrency again. */
    guint raise_source;
};

Brake *brake_new(const Config *config, const BrakeCallbacks *callbacks)
{
    Brake *brake = g_new0(Brake, 1);

    brake->config = config;
    brake->callbacks = *callbacks;
    brake->automatic = auto_concurrency_new(callbacks->again, callbacks->data);
    return brake;
}

void brake_stop(Brake *brake)
{
    g_clear_handle_id(&brake->raise_source, g_source_remove);
    brake_resume(brake);
    auto_concurrency_stop(brake->automatic);
}

void brake_free(Brake *brake)
{
    brake_stop(brake);
    auto_concurrency_free(brake->automatic);
    g_free(brake);
}

void brake_configure(Brake *brake, const Config *config)
{
    brake->config = config;
}

bool brake_check(Brake *brake, int64_t held_bytes)
{
    return auto_concurrency_check(brake->automatic, brake->config, held_bytes);
}

int brake_concurrency(const Brake *brake)
{
    int most = auto_concurrency_most(brake->automatic, brake->config);

    return brake->lowered > 0 ? MIN(brake->lowered, most) : most;
}

bool brake_is_lowered(const Brake *brake)
{
    return brake_concurrency(brake) < brake->config->concurrency.most;
}

bool brake_is_careful(const Brake *brake)
{
    return brake->lowered > 0;
}

bool brake_is_alone(const Brake *brake)
{
    return brake->lowered == 1 || brake->config->concurrency.most == 1;
}

static gboolean end_pause(gpointer data)
{
    Brake *brake = data;

    brake->hold_source = 0;
    brake->callbacks.again(brake->callbacks.data);
    return G_SOURCE_REMOVE;
}

void brake_pause(Brake *brake)
{
    if (!brake->hold_source)
        brake->hold_source = g_timeout_add(HOLD_MS, end_pause, brake);
}

void brake_resume(Brake *brake)
{
    g_clear_handle_id(&brake->hold_source, g_source_remove);
}

bool brake_is_on(const Brake *brake)
{
    return brake->hold_source != 0;
}

/* Doubles the number of invocations at a time, until it is as configured. */
static gboolean raise_concurrency(gpointer data)
{
    Brake *brake = data;

    brake->lowered *= 2;
    if (brake->lowered >= brake->config->concurrency.most)
        brake->lowered = 0;
    brake->callbacks.changed(brake->callbacks.data);
    if (brake->lowered > 0)
        return G_SOURCE_CONTINUE;
    brake->raise_source = 0;
    return G_SOURCE_REMOVE;
}

void brake_lower(Brake *brake)
{
    if (brake->config->concurrency.most == 1)
        return;
    if (brake->lowered == 0)
        log_warning("a handler was killed, most likely for want of memory: one picture at a time "
                    "for %d s, then more again; see 'concurrency'",
                    RAISE_MS / 1000);
    brake->lowered = 1;
    brake->callbacks.changed(brake->callbacks.data);
    g_clear_handle_id(&brake->raise_source, g_source_remove);
    brake->raise_source = g_timeout_add(RAISE_MS, raise_concurrency, brake);
}

void brake_learn(Brake *brake, int64_t memory_bytes)
{
    auto_concurrency_learn(brake->automatic, memory_bytes);
}

void brake_wait(Brake *brake)
{
    auto_concurrency_wait(brake->automatic, brake->config);
}
