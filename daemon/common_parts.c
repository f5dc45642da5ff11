/* SPDX-License-Identifier: Apache-2.0 */
#include "common_parts.h"

#include "base/clock.h"
#include "facts.h"
#include "journal/journal.h"
#include "journal/state_parts.h"
#include "parts.h"
#include "queue/away.h"
#include "queue/folders.h"
#include "queue/objects.h"
#include "rules/clock_guard.h"
#include "rules/window_switch.h"

#include <sys/resource.h>

static void on_failed_pass(GError *error, void *data)
{
    const Daemon *daemon = data;

    *journal_error(daemon->state.journal) = error;
    /* Gives the batch up, which ends the passes. */
    (void)journal_check(daemon->state.journal, false);
}

static Journal *make_journal(Daemon *daemon)
{
    const JournalOptions options = {.state = &daemon->state,
                                    .run = daemon->run,
                                    .once = daemon->options->once,
                                    .offline = daemon->offline,
                                    .listener = facts_journal_listener(daemon)};

    return journal_new(&options);
}

void common_parts_init(Daemon *daemon)
{
    const PassCallbacks callbacks = {
        .failed = on_failed_pass,
        .now_us = clock_monotonic_us,
        .data = daemon,
    };
    const NewsReceiver news = {daemon->options->news, daemon->options->news_data};

    daemon->run = run_new();
    daemon->state.journal = make_journal(daemon);
    daemon->passes = passes_new(&callbacks);
    daemon->objects = objects_new(&daemon->state, &news);
    daemon->folders = folders_new(&daemon->state, daemon->passes);
    daemon->away = away_new(&daemon->state, daemon->offline);
    daemon->window = window_switch_new();
    daemon->backfill = (Backfill){.state = &daemon->state,
                                  .passes = daemon->passes,
                                  .run = daemon->run,
                                  .only_job = daemon->options->job,
                                  .is_offline = daemon->offline};
}

/* Raises the limit: each watched directory, open output and unsynced thumbnail takes a descriptor
 * or two. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = MIN(limit.rlim_max, 65536);
        /* If this fails, fewer workers fit, with a clear error. */
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_clock_guard(Daemon *daemon, GError **error)
{
    daemon->clock_guard = clock_guard_open(&daemon->state, daemon->options->once, error);
    daemon->sweeps = (SweepParts){.state = &daemon->state,
                                  .passes = daemon->passes,
                                  .objects = daemon->objects,
                                  .clock_guard = daemon->clock_guard};
    return daemon->clock_guard != NULL;
}

bool common_parts_open(Daemon *daemon, bool dry_run, GError **error)
{
    const StatePartsOptions options = {.dry_run = dry_run, .adopt = daemon->options->adopt};

    raise_descriptor_limit();
    return state_parts_open(&daemon->state, &options, error) && open_clock_guard(daemon, error);
}

void common_parts_close(Daemon *daemon, bool saved)
{
    journal_close(daemon->state.journal, saved && passes_is_empty(daemon->passes, PASS_SWEEPS));
}

void common_parts_clear(Daemon *daemon)
{
    g_clear_pointer(&daemon->passes, passes_free);
    g_clear_pointer(&daemon->clock_guard, clock_guard_free);
    g_clear_pointer(&daemon->objects, objects_free);
    g_clear_pointer(&daemon->folders, folders_free);
    g_clear_pointer(&daemon->away, away_free);
    g_clear_pointer(&daemon->window, window_switch_free);
    state_parts_clear(&daemon->state);
    g_clear_pointer(&daemon->run, run_free);
}
