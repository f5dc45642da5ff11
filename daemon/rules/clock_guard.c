/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the wall clock once a minute, and stores how far it can be trusted, so that a clock that
 * jumped ahead deletes nothing (see common/base/clock_trust.h). */
#include "rules/clock_guard.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal.h"

#define CHECK_MS 60000

/* Time between saves while the clock is trusted. */
#define SAVE_US (6 * CLOCK_HOUR_US)

/* Time between saves of the confirmed time while the clock is doubted. */
#define SAVE_DOUBT_US (600 * CLOCK_US_PER_SEC)

struct ClockGuard {
    const BucketState *state;
    bool once;
    ClockTrust trust;
    /* clock_boot_us of the last check; 0: not checked yet. */
    int64_t checked_us;
    /* clock_boot_us of the last save; 0: not saved yet. */
    int64_t saved_us;
    /* Trusted time at the last save. */
    int64_t was_saved_us;
    guint source;
};

/* Writes what is known of the clock to the store. */
static void save(ClockGuard *guard)
{
    const BucketState *state = guard->state;
    Journal *journal = state->journal;

    if (!journal_is_open(journal) || !state->store ||
        !journal_check(journal,
                       store_put_clock(state->store, &guard->trust, journal_error(journal))))
        return;
    guard->saved_us = guard->checked_us;
    guard->was_saved_us = guard->trust.believed_us;
    /* If the batch is lost, clock_guard_reset is called. */
    (void)journal_change(journal, true);
}

/* Returns the warning that the clock is ahead. Owner: the caller frees. */
static char *describe(const ClockTrust *trust)
{
    g_autofree char *ahead = clock_format_duration(trust->doubted_us - trust->believed_us);
    g_autofree char *left =
        clock_format_duration(MAX(CLOCK_TRUST_RUNNING_US - trust->running_us, 0));

    return g_strdup_printf("the clock is %s ahead of when thumbq last ran: nothing is deleted for "
                           "its age before %s more of running have confirmed it",
                           ahead, left);
}

static void log_change(const ClockGuard *guard)
{
    if (clock_trust_is_ahead(&guard->trust)) {
        g_autofree char *text = describe(&guard->trust);
        log_warning("%s", text);
    } else if (guard->trust.doubted_us == 0 && guard->checked_us > 0) {
        log_info("the clock is trusted again");
    }
}

static bool is_save_due(const ClockGuard *guard)
{
    int64_t since_us = guard->checked_us - guard->saved_us;

    if (guard->saved_us == 0)
        return guard->was_saved_us == 0 || guard->trust.doubted_us != 0 ||
               ABS(guard->trust.believed_us - guard->was_saved_us) >= SAVE_US;
    return since_us >= (guard->trust.doubted_us ? SAVE_DOUBT_US : SAVE_US);
}

/* Compares the clock with the time that has passed, and logs it if the clock has jumped. */
static void check_clock(ClockGuard *guard)
{
    int64_t running_us = clock_boot_us();
    bool first = guard->checked_us == 0;
    bool has_jumped = clock_trust_check(&guard->trust, clock_wall_us(),
                                        first ? 0 : running_us - guard->checked_us);

    if (has_jumped || (first && clock_trust_is_ahead(&guard->trust)))
        log_change(guard);
    guard->checked_us = running_us;
    if (has_jumped || is_save_due(guard))
        save(guard);
}

static gboolean check_again(gpointer data)
{
    check_clock(data);
    return G_SOURCE_CONTINUE;
}

ClockGuard *clock_guard_open(const BucketState *state, bool once, GError **error)
{
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(state->store, error);
    ClockTrust trust;

    if (!snapshot || !store_get_clock(snapshot, &trust, error))
        return NULL;
    ClockGuard *guard = g_new0(ClockGuard, 1);
    guard->state = state;
    guard->once = once;
    guard->trust = trust;
    guard->was_saved_us = trust.believed_us;
    return guard;
}

void clock_guard_start(ClockGuard *guard)
{
    check_clock(guard);
    if (!guard->once)
        guard->source = g_timeout_add(CHECK_MS, check_again, guard);
}

void clock_guard_reset(ClockGuard *guard)
{
    guard->saved_us = guard->was_saved_us = 0;
}

void clock_guard_save(ClockGuard *guard)
{
    const BucketState *state = guard->state;

    if (guard->checked_us == 0 || !state->store)
        return;
    check_clock(guard);
    if (guard->trust.doubted_us != 0 || store_batch_size(state->store) > 0)
        save(guard);
}

void clock_guard_free(ClockGuard *guard)
{
    if (!guard)
        return;
    g_clear_handle_id(&guard->source, g_source_remove);
    g_free(guard);
}

/* Computes the trust at this moment without storing it, for sweeps that change nothing. */
static ClockTrust believed_now(const ClockGuard *guard)
{
    ClockTrust trust = guard->trust;
    bool first = guard->checked_us == 0;

    (void)clock_trust_check(&trust, clock_wall_us(),
                            first ? 0 : clock_boot_us() - guard->checked_us);
    return trust;
}

char *clock_guard_objection(const ClockGuard *guard)
{
    ClockTrust trust = believed_now(guard);

    return clock_trust_is_ahead(&trust) ? describe(&trust) : NULL;
}

int64_t clock_guard_now_us(const ClockGuard *guard)
{
    ClockTrust trust = believed_now(guard);

    return clock_trust_is_ahead(&trust) ? trust.believed_us : clock_wall_us();
}
