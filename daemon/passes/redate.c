/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dates of files are those of the local zone. If the store has them in another zone (an older
 * thumbq has made it, the machine has moved, a command runs with another TZ), a pass over all
 * records converts each. It is one of the walks, because the walks before it move records.
 */
#include "passes/redate.h"

#include "base/log.h"
#include "base/zone.h"
#include "journal/journal.h"
#include "passes/record_cursor.h"

#include <sys/stat.h>

#define CHECK_MS 20000

static const char localtime_path[] = "/etc/localtime";

struct Redate {
    RedateOptions options;
    guint source;
    /* The file behind /etc/localtime, at the last check. */
    struct stat localtime;
};

typedef struct {
    /* Of the Redate, which outlives the passes. */
    const RedateOptions *options;
    RecordCursor cursor;
} RedateWork;

static PassStep redate_next(void *work, GError **error)
{
    RedateWork *redate = work;
    const BucketState *state = redate->options->state;
    Record record;
    bool found;

    if (!record_cursor_next(&redate->cursor, state->store, &found, &record, error))
        return PASS_FAILED;
    if (!found)
        return PASS_END;
    if (!store_redate(state->store, redate->cursor.key->str, error) ||
        !journal_change(state->journal, true))
        return PASS_FAILED;
    return PASS_MORE;
}

static bool redate_end(void *work, GError **error);

static void redate_work_free(void *work)
{
    RedateWork *redate = work;

    record_cursor_clear(&redate->cursor);
    g_free(redate);
}

static const PassKind redate_kind = {
    .queue = PASS_WALKS,
    .budget = PASS_BUDGET,
    .next = redate_next,
    .end = redate_end,
    .free = redate_work_free,
};

/* Records that all dates are local ones, unless the zone has changed again meanwhile. */
static bool redate_end(void *work, GError **error)
{
    const RedateOptions *options = ((const RedateWork *)work)->options;
    const BucketState *state = options->state;

    if (passes_find(options->passes, &redate_kind, NULL, NULL))
        return true;
    return store_set_zone(state->store, true, error) && journal_change(state->journal, true);
}

static void redate_all(const RedateOptions *options)
{
    RedateWork *redate = g_new0(RedateWork, 1);

    redate->options = options;
    record_cursor_init(&redate->cursor, "");
    folders_doubt(options->folders);
    pass_start(options->passes, &redate_kind, redate);
}

void redate_start(Redate *redate)
{
    const BucketState *state = redate->options.state;
    Journal *journal = state->journal;
    GError **error = journal_error(journal);
    bool is_local = false, found = false;
    Record record;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(state->store, error);
    bool ok = snapshot && store_zone_is_local(snapshot, &is_local, error);

    g_clear_pointer(&snapshot, store_snapshot_end);
    if (ok && is_local)
        return;
    ok = ok && store_peek_after(state->store, NULL, &found, &record, error) &&
         store_set_zone(state->store, !found, error);
    if (journal_change(journal, ok) && found)
        redate_all(&redate->options);
}

/* True if /etc/localtime was replaced since the last check, or leads to another file. */
static bool has_changed(Redate *redate)
{
    struct stat st = {0};

    if (stat(localtime_path, &st) != 0)
        st = (struct stat){0};
    bool is_same = st.st_dev == redate->localtime.st_dev && st.st_ino == redate->localtime.st_ino &&
                   st.st_mtim.tv_sec == redate->localtime.st_mtim.tv_sec &&
                   st.st_mtim.tv_nsec == redate->localtime.st_mtim.tv_nsec;
    redate->localtime = st;
    return !is_same;
}

void redate_check(Redate *redate)
{
    const RedateOptions *options = &redate->options;
    uint64_t before = zone_fingerprint();

    if (g_getenv("TZ") || !has_changed(redate))
        /* TZ sets the zone; the file does not matter. */
        return;
    zone_refresh();
    if (zone_fingerprint() == before)
        return;
    log_info("the local time zone has changed: schedules and dates of files go by the new one");
    options->zone_changed(options->data);
    if (journal_is_open(options->state->journal))
        /* Otherwise the pass starts when the store takes changes again. */
        redate_start(redate);
}

static gboolean check_again(gpointer data)
{
    redate_check(data);
    return G_SOURCE_CONTINUE;
}

void redate_watch(Redate *redate)
{
    (void)has_changed(redate);
    redate->source = g_timeout_add(CHECK_MS, check_again, redate);
}

Redate *redate_new(const RedateOptions *options)
{
    Redate *redate = g_new0(Redate, 1);

    redate->options = *options;
    return redate;
}

void redate_free(Redate *redate)
{
    if (!redate)
        return;
    g_clear_handle_id(&redate->source, g_source_remove);
    g_free(redate);
}
