/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/mend.h"

#include "base/log.h"
#include "daemon/sweep_words.h"
#include "journal/journal.h"
#include "passes/sweep_pass.h"
#include "queue/objects.h"

/* Called when the sweep after a crash has ended. What it could not do is left for the next start.
 * */
static void end_sweep(const SweepCounts *counts, bool complete, void *data)
{
    if (!complete) {
        journal_leave(data, JOURNAL_LEFT_HALF_DONE);
        return;
    }
    if (counts->orphans + counts->missing > 0) {
        g_autofree char *text = sweep_describe(counts, false);
        log_info("put right what was left half done: %s", text);
    }
}

static void end_quietly(const SweepCounts *counts, bool complete, void *data)
{
    (void)counts;
    if (!complete)
        journal_leave(data, JOURNAL_LEFT_HALF_DONE);
}

void mend_after_scan(const SweepParts *sweeps, uint64_t n_objects, bool checks_thumbnails)
{
    Journal *journal = sweeps->state->journal;
    Publisher *publisher = sweeps->state->publisher;
    SweepOptions sweep = {.kinds = SWEEP_ORPHANS | SWEEP_MISSING};
    JournalLeft left = journal_left(journal);
    bool half_done = left & JOURNAL_LEFT_HALF_DONE || publisher_has_orphans(publisher);

    /* A bucket that looks empty may be unmounted: the work stays until a scan meets objects. */
    if (n_objects == 0 || (left == JOURNAL_LEFT_NOTHING && !half_done && !checks_thumbnails))
        return;
    sweep.is_quick = left == JOURNAL_LEFT_NOTHING && !half_done;
    if (!half_done)
        sweep.kinds = SWEEP_MISSING;
    journal_clear_left(journal, left);
    publisher_forget_orphans(publisher);
    sweep_start(sweeps, &sweep, end_sweep, journal, NULL);
}

void mend_resumed(const SweepParts *sweeps)
{
    Journal *journal = sweeps->state->journal;
    const SweepOptions missing = {.kinds = SWEEP_MISSING};

    if (!(journal_left(journal) & JOURNAL_LEFT_NO_THUMBNAILS) ||
        objects_seem_unmounted(sweeps->objects))
        return;
    journal_clear_left(journal, JOURNAL_LEFT_NO_THUMBNAILS);
    sweep_start(sweeps, &missing, end_quietly, journal, NULL);
}
