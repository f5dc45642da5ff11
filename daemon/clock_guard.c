/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at the wall clock once a minute, and remembers in the store how far it is to be believed,
 * so that a clock that jumped ahead deletes nothing (see common/clock_trust.h).
 */
#include "daemon_private.h"

#include "clock.h"
#include "log.h"

#define LOOK_MS 60000

/* How often it is written down that all is well. */
#define SAVE_US (6 * 3600 * CLOCK_US_PER_SEC)

/* And how far a clock that is doubted has been confirmed. */
#define SAVE_DOUBT_US (600 * CLOCK_US_PER_SEC)

struct ClockGuard {
    Daemon *daemon;
    ClockTrust trust;
    int64_t looked_us;    /* clock_boot_us of the last look; 0 before the first */
    int64_t saved_us;     /* the same, of the last time it was written down; 0: not yet */
    int64_t was_saved_us; /* what was believed then */
    guint source;
};

static void save(ClockGuard *guard)
{
    Daemon *daemon = guard->daemon;
    GError *error = NULL;

    if (daemon->paused || !daemon->store)
        return;
    if (!store_put_clock(daemon->store, &guard->trust, &error)) {
        batch_lost(daemon, error);
        return;
    }
    guard->saved_us = guard->looked_us;
    guard->was_saved_us = guard->trust.believed_us;
    batch_changed(daemon);
}

static char *describe(const ClockTrust *trust)
{
    g_autofree char *ahead = clock_format_duration(trust->doubted_us - trust->believed_us);
    g_autofree char *left =
        clock_format_duration(MAX(CLOCK_TRUST_RUNNING_US - trust->running_us, 0));

    return g_strdup_printf("the clock is %s ahead of when thumbq last ran: nothing is deleted for "
                           "its age before %s more of running have confirmed it",
                           ahead, left);
}

static void tell(const ClockGuard *guard)
{
    if (clock_trust_is_ahead(&guard->trust)) {
        g_autofree char *text = describe(&guard->trust);
        log_warning("%s", text);
    } else if (guard->trust.doubted_us == 0 && guard->looked_us > 0) {
        log_info("the clock is believed again");
    }
}

static bool is_save_due(const ClockGuard *guard)
{
    int64_t since_us = guard->looked_us - guard->saved_us;

    if (guard->saved_us == 0)
        return guard->was_saved_us == 0 || guard->trust.doubted_us != 0 ||
               ABS(guard->trust.believed_us - guard->was_saved_us) >= SAVE_US;
    return since_us >= (guard->trust.doubted_us ? SAVE_DOUBT_US : SAVE_US);
}

static void look(ClockGuard *guard)
{
    int64_t running_us = clock_boot_us();
    bool first = guard->looked_us == 0;
    bool has_jumped =
        clock_trust_look(&guard->trust, clock_wall_us(), first ? 0 : running_us - guard->looked_us);

    if (has_jumped || (first && clock_trust_is_ahead(&guard->trust)))
        tell(guard);
    guard->looked_us = running_us;
    if (has_jumped || is_save_due(guard))
        save(guard);
}

static gboolean look_again(gpointer data)
{
    look(data);
    return G_SOURCE_CONTINUE;
}

bool clock_guard_open(Daemon *daemon, GError **error)
{
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(daemon->store, error);
    ClockTrust trust;

    if (!snapshot || !store_get_clock(snapshot, &trust, error))
        return false;
    ClockGuard *guard = g_new0(ClockGuard, 1);
    guard->daemon = daemon;
    guard->trust = trust;
    guard->was_saved_us = trust.believed_us;
    daemon->clock_guard = guard;
    return true;
}

void clock_guard_start(Daemon *daemon)
{
    look(daemon->clock_guard);
    if (!daemon->options->once)
        daemon->clock_guard->source = g_timeout_add(LOOK_MS, look_again, daemon->clock_guard);
}

void clock_guard_reset(Daemon *daemon)
{
    if (daemon->clock_guard)
        daemon->clock_guard->saved_us = daemon->clock_guard->was_saved_us = 0;
}

void clock_guard_rest(Daemon *daemon)
{
    ClockGuard *guard = daemon->clock_guard;

    if (!guard || guard->looked_us == 0)
        return;
    look(guard);
    if (guard->trust.doubted_us != 0 || store_batch_size(daemon->store) > 0)
        save(guard);
}

void clock_guard_free(Daemon *daemon)
{
    if (!daemon->clock_guard)
        return;
    g_clear_handle_id(&daemon->clock_guard->source, g_source_remove);
    g_clear_pointer(&daemon->clock_guard, g_free);
}

/* What would be believed now, without writing it down: for sweeps that change nothing. */
static ClockTrust believed_now(const ClockGuard *guard)
{
    ClockTrust trust = guard->trust;
    bool first = guard->looked_us == 0;

    (void)clock_trust_look(&trust, clock_wall_us(), first ? 0 : clock_boot_us() - guard->looked_us);
    return trust;
}

char *clock_guard_objection(Daemon *daemon)
{
    ClockTrust trust = believed_now(daemon->clock_guard);

    return clock_trust_is_ahead(&trust) ? describe(&trust) : NULL;
}

int64_t clock_guard_now_us(Daemon *daemon)
{
    ClockTrust trust = believed_now(daemon->clock_guard);

    return clock_trust_is_ahead(&trust) ? trust.believed_us : clock_wall_us();
}
