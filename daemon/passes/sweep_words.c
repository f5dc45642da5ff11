/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sweep_words.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *name;
    SweepKinds kinds;
} kind_rows[] = {{"orphans", SWEEP_ORPHANS}, {"missing", SWEEP_MISSING}, {"stale", SWEEP_STALE},
                 {"expire", SWEEP_EXPIRE},   {"store", SWEEP_STORE},     {"all", SWEEP_ALL}};

bool sweep_kinds_from_name(const char *name, SweepKinds *ret_kinds)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kind_rows); i++) {
        if (strcmp(kind_rows[i].name, name) == 0) {
            *ret_kinds = kind_rows[i].kinds;
            return true;
        }
    }
    return false;
}

char *sweep_kinds_name(SweepKinds kinds)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(kind_rows); i++) {
        if (kind_rows[i].kinds == kinds)
            return g_strdup(kind_rows[i].name);
        if (kind_rows[i].kinds & kinds && kind_rows[i].kinds != SWEEP_ALL)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "+" : "", kind_rows[i].name);
    }
    return g_strdup(text->str);
}

static void append_count(GString *text, uint64_t n, const char *one, const char *many,
                         const char *did)
{
    if (n > 0)
        g_string_append_printf(text, "%s%" PRIu64 " %s %s", text->len > 0 ? ", " : "", n,
                               n == 1 ? one : many, did);
}

char *sweep_describe(const SweepCounts *counts, bool dry_run)
{
    GString *text = g_string_new(NULL);
    const char *dropped = dry_run ? "to be dropped" : "dropped";
    const char *removed = dry_run ? "to be removed" : "removed";
    const char *queued = dry_run ? "to be made again" : "queued to be made again";

    append_count(text, counts->orphans, "orphaned thumbnail", "orphaned thumbnails", removed);
    append_count(text, counts->missing, "object with missing or changed thumbnails",
                 "objects with missing or changed thumbnails", queued);
    append_count(text, counts->stale, "object with stale thumbnails",
                 "objects with stale thumbnails", queued);
    append_count(text, counts->expired, "expired object", "expired objects",
                 dry_run ? "to be deleted" : "deleted");
    append_count(text, counts->expired_thumbnails, "object whose thumbnails have expired:",
                 "objects whose thumbnails have expired:", removed);
    append_count(text, counts->away, "object that is away", "objects that are away",
                 dry_run ? "to be forgotten" : "forgotten");
    append_count(text, counts->store.events, "old event", "old events", dropped);
    append_count(text, counts->store.metrics, "old row of metrics", "old rows of metrics", dropped);
    append_count(text, counts->destinations, "old destination record", "old destination records",
                 dropped);
    append_count(text, counts->store.readers, "dead reader", "dead readers", "cleared");
    append_count(text, counts->failed, "expired object", "expired objects", "could not be deleted");
    if (counts->is_held)
        g_string_append_printf(text,
                               "%snothing expires before the clock has been confirmed by a "
                               "day of running",
                               text->len > 0 ? ", " : "");
    if (text->len == 0)
        g_string_append(text, "all in order");
    append_count(text, counts->foreign, "file that thumbq did not make",
                 "files that thumbq did not make", "left alone");
    return g_string_free(text, FALSE);
}
