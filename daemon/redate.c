/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dates of files are those of the local zone. Where the store has them by another one (an older
 * thumbq has made it, the machine has moved, a command runs with another TZ), a walk over all
 * records brings each into its place.
 */
#include "daemon_private.h"

#include "log.h"
#include "zone.h"

#include <string.h>

#define LOOK_MS 20000

static const char localtime_path[] = "/etc/localtime";

void redate_start(Daemon *daemon)
{
    GError *error = NULL;
    bool is_local = false, found = false;
    Record record;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(daemon->store, &error);
    bool ok = snapshot && store_zone_is_local(snapshot, &is_local, &error);

    g_clear_pointer(&snapshot, store_snapshot_end);
    if (ok && is_local)
        return;
    ok = ok && store_peek_after(daemon->store, NULL, &found, &record, &error) &&
         store_set_zone(daemon->store, !found, &error);
    if (!ok) {
        batch_lost(daemon, error);
        return;
    }
    batch_changed(daemon);
    if (found)
        walk_start(daemon, WALK_REDATE, "", "", NULL);
}

void redate_object(Daemon *daemon, const char *key)
{
    GError *error = NULL;

    if (store_redate(daemon->store, key, &error))
        batch_changed(daemon);
    else
        batch_lost(daemon, error);
}

void redate_end(Daemon *daemon)
{
    GError *error = NULL;

    if (store_set_zone(daemon->store, true, &error))
        batch_changed(daemon);
    else
        batch_lost(daemon, error);
}

/* True if /etc/localtime is another file since the last look, or leads to one. */
static bool has_changed(Daemon *daemon)
{
    struct stat st = {0};

    if (stat(localtime_path, &st) != 0)
        st = (struct stat){0};
    bool is_same = st.st_dev == daemon->localtime.st_dev && st.st_ino == daemon->localtime.st_ino &&
                   st.st_mtim.tv_sec == daemon->localtime.st_mtim.tv_sec &&
                   st.st_mtim.tv_nsec == daemon->localtime.st_mtim.tv_nsec;
    daemon->localtime = st;
    return !is_same;
}

void redate_look(Daemon *daemon)
{
    uint64_t before = zone_fingerprint();

    if (g_getenv("TZ") || !has_changed(daemon))
        return; /* TZ is the zone, whatever the file says */
    zone_refresh();
    if (zone_fingerprint() == before)
        return;
    log_info("the local time zone has changed: schedules and dates of files go by the new one");
    schedules_zone_changed(daemon->schedules);
    if (!daemon->paused)
        redate_start(daemon); /* else when the store takes changes again */
}

static gboolean look_again(gpointer data)
{
    redate_look(data);
    return G_SOURCE_CONTINUE;
}

void redate_watch(Daemon *daemon)
{
    (void)has_changed(daemon);
    daemon->zone_source = g_timeout_add(LOOK_MS, look_again, daemon);
}

void redate_stop(Daemon *daemon)
{
    g_clear_handle_id(&daemon->zone_source, g_source_remove);
}
