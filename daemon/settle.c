/* SPDX-License-Identifier: Apache-2.0 */
#include "settle.h"

#include "journal/journal.h"
#include "parts.h"
#include "passes/backfill.h"
#include "queue/dispatch.h"
#include "queue/folders.h"
#include "rules/triggers.h"
#include "rules/window_switch.h"
#include "server/command_server.h"

typedef struct {
    GSource source;
    Daemon *daemon;
    /* Number of the current turn of the loop. */
    uint64_t turn;
    /* The last turn that this source had for itself. */
    uint64_t settled;
    /* journal_changes at the last wake-up of jobs. */
    uint64_t changes;
} Settle;

/* True if all work that existed at the call has been done. */
static bool is_reached(const Daemon *daemon)
{
    return journal_is_open(daemon->state.journal) && !bucket_is_scanning(daemon->state.bucket) &&
           passes_is_empty(daemon->passes, PASS_WALKS) &&
           passes_is_empty(daemon->passes, PASS_FOLDERS) &&
           passes_is_idle(daemon->passes, PASS_SWEEPS) &&
           (backfill_is_idle(&daemon->backfill) ||
            window_switch_is_closed(daemon->window, daemon->state.config)) &&
           !dispatch_is_due(daemon->dispatch) && dispatch_is_empty(daemon->dispatch) &&
           dispatch_busy(daemon->dispatch) == 0;
}

/* Wakes the back-fill jobs after objects have been handled. A job that is woken may make changes,
 * which wake it again; this ends when it changes nothing. */
static void wake_jobs(Settle *self)
{
    uint64_t changes = journal_changes(self->daemon->state.journal);

    if (self->changes != changes)
        passes_wake(self->daemon->passes, PASS_JOBS);
    self->changes = changes;
}

/* Runs after each piece of work: starts what can be started, and ends the daemon if it is stopping,
 * or with --once if nothing is left to do. */
static void settle(Settle *self)
{
    Daemon *daemon = self->daemon;

    dispatch_settle(daemon->dispatch);
    wake_jobs(self);
    folders_check(daemon->folders);
    if (run_is_stopping(daemon->run)) {
        dispatch_stop_lending(daemon->dispatch);
        if (dispatch_busy(daemon->dispatch) == 0)
            run_end(daemon->run);
    }
    if (!is_reached(daemon))
        return;
    if (store_batch_size(daemon->state.store) > 0 && !journal_commit(daemon->state.journal))
        return;
    if (daemon->options->once && triggers_are_settled(daemon->triggers))
        run_end(daemon->run);
    command_server_check_settled(daemon->server);
}

/* Called in each turn, because no other source has a higher priority. The turn after its own has
 * nothing to settle: only the sources that are called in that turn give a reason. */
static gboolean prepare(GSource *source, gint *timeout_ms)
{
    Settle *self = (Settle *)source;

    *timeout_ms = -1;
    return ++self->turn != self->settled + 1;
}

/* Runs in a turn of its own: other ready sources have a lower priority, and run in the next
 * turn. */
static gboolean dispatch(GSource *source, GSourceFunc unused_callback, gpointer unused_data)
{
    Settle *self = (Settle *)source;

    (void)unused_callback;
    (void)unused_data;
    self->settled = self->turn;
    settle(self);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {.prepare = prepare, .dispatch = dispatch};

GSource *settle_new(Daemon *daemon)
{
    GSource *source = g_source_new(&functions, sizeof(Settle));

    ((Settle *)source)->daemon = daemon;
    g_source_set_priority(source, G_PRIORITY_HIGH);
    (void)g_source_attach(source, NULL);
    return source;
}

void settle_free(GSource *settle)
{
    g_source_destroy(settle);
    g_source_unref(settle);
}
