/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/low_disk.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "journal/place.h"
#include "queue/spell.h"

/* Time between two calls to the file systems. */
#define CHECK_US CLOCK_US_PER_SEC

struct LowDisk {
    const BucketState *state;
    DaemonRun *run;
    bool once;
    /* Monotonic; 0: never. */
    int64_t checked_us;
    Spell spell;
};

LowDisk *low_disk_new(const BucketState *state, DaemonRun *run, bool once)
{
    LowDisk *low = g_new0(LowDisk, 1);

    low->state = state;
    low->run = run;
    low->once = once;
    return low;
}

void low_disk_free(LowDisk *low)
{
    g_free(low);
}

/* Describes the shortage on the file system of `path`; NULL: there is none. Owner: the caller. */
static char *explain(const Reserve *reserve, const char *path, int fd)
{
    ReserveSpace space;

    if (!reserve_read(reserve, fd, &space) || !space.is_low)
        return NULL;
    g_autofree char *free_text = units_format_bytes(space.free_bytes);
    g_autofree char *all_text = units_format_bytes(space.all_bytes);
    g_autofree char *reserve_text = reserve_format(reserve);
    return g_strdup_printf("only %s of %s are free on the disk of '%s', less than 'reserve = %s'",
                           free_text, all_text, path, reserve_text);
}

/* Describes a shortage at either of the two places; NULL: there is none. Owner: the caller. */
static char *find_reason(const BucketState *state)
{
    const Reserve *reserve = &state->config->reserve;

    if (reserve->percent == 0 && reserve->bytes == 0)
        return NULL;
    char *reason =
        explain(reserve, publisher_path(state->publisher), publisher_folder_fd(state->publisher));
    return reason ? reason : explain(reserve, state->path, state->lock.folder_fd);
}

bool low_disk_check(LowDisk *low)
{
    int64_t now_us = clock_monotonic_us();

    if (low->checked_us > 0 && now_us - low->checked_us < CHECK_US)
        return low->spell.is_on;
    low->checked_us = now_us;
    g_autofree char *reason = find_reason(low->state);
    if (!reason) {
        if (spell_end(&low->spell, now_us))
            log_info("the disk has room again: work goes on");
        return false;
    }
    bool is_news = spell_note(&low->spell, now_us);
    if (low->once)
        run_fail(low->run, g_error_new(THUMBQ_ERROR, ERROR_NO_SPACE, "%s" PLACE_HINT, reason));
    else if (is_news)
        log_warning("%s: work waits until there is room" PLACE_HINT, reason);
    return true;
}

bool low_disk_is(const LowDisk *low)
{
    return low->spell.is_on;
}
