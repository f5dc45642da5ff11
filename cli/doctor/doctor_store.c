/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `doctor` for the store and its daemon. */
#include "doctor/doctor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "base/units.h"
#include "control/connect.h"
#include "daemon/daemon.h"
#include "daemon/window.h"
#include "model/object.h"
#include "views/terminal.h"

#include <fcntl.h>

#define GROUP "store"

/* Bytes. Less reusable space is not worth a row. */
#define FREE_MUCH (INT64_C(64) << 20)
/* Units: batches; minutes of work under load. */
#define LAG_LONG 1000

static void check_daemon(Doctor *doctor, const char *state_path)
{
    g_autoptr(GError) error = NULL;
    autofd fd = control_connect(state_path, &error);
    if (fd < 0 && error_code(error) == ERROR_NOT_FOUND) {
        doctor_add(doctor, GROUP, "daemon", DOCTOR_OK, "none runs");
        return;
    }
    if (fd < 0) {
        doctor_add(doctor, GROUP, "daemon", DOCTOR_WARNING, "%s", error->message);
        doctor_advise(doctor, "run this as the user that the daemon runs as");
        return;
    }
    autofd folder_fd = trusted_open_folder(AT_FDCWD, state_path, false, NULL);
    g_autofree char *pid = folder_fd < 0 ? NULL : trusted_read(folder_fd, "lock", 32, NULL, NULL);
    doctor_add(doctor, GROUP, "daemon", DOCTOR_OK, "runs%s%s", pid ? ", process " : "",
               pid ? g_strchomp(pid) : "");
}

static void check_size(Doctor *doctor, const StoreHealth *health)
{
    g_autofree char *size = units_format_bytes(health->file_bytes);
    g_autofree char *unused = units_format_bytes(health->free_bytes);
    bool much = health->free_bytes > FREE_MUCH && health->free_bytes > health->file_bytes / 2;
    doctor_add(doctor, GROUP, "size", much ? DOCTOR_WARNING : DOCTOR_OK,
               "%s, of which %s are free for new data", size, unused);
    if (much)
        doctor_advise(doctor, "restart the daemon: it then rewrites the store without free pages "
                              "('compact' in [store])");
}

static void check_readers(Doctor *doctor, const StoreHealth *health)
{
    if (health->dead_readers > 0)
        doctor_add(doctor, GROUP, "dead-readers", DOCTOR_OK,
                   "%u of processes that had ended without a word, cleared now",
                   health->dead_readers);
    bool late = health->lag > LAG_LONG;
    g_autofree char *lag = terminal_count(health->lag, "change", "changes");
    if (health->readers == 0)
        doctor_add(doctor, GROUP, "readers", DOCTOR_OK, "no other");
    else
        doctor_add(doctor, GROUP, "readers", late ? DOCTOR_WARNING : DOCTOR_OK,
                   "%u other, the oldest %s behind", health->readers, lag);
    if (late)
        doctor_advise(doctor, "end the command that reads for so long, such as 'thumbq list' in a "
                              "pager: the store grows meanwhile");
}

typedef struct {
    Event event;
    char *key;
} LastError;

/* Remembers the newest event of an error. */
static bool set_last_error(const Event *event, void *data)
{
    LastError *last = data;
    if (event->error != ERROR_NONE && event->type != EVENT_SKIPPED && event->key) {
        g_free(last->key);
        last->event = *event;
        last->key = object_key_to_text(event->key, NULL);
    }
    return true;
}

static void check_last_error(Doctor *doctor, Context *context)
{
    g_autoptr(GError) error = NULL;
    LastError last = {0};
    if (!store_events(context->snapshot, 0, 0, 0, set_last_error, &last, &error)) {
        doctor_add(doctor, GROUP, "last-error", DOCTOR_FAILED, "%s", error->message);
    } else if (!last.key) {
        doctor_add(doctor, GROUP, "last-error", DOCTOR_OK, "none in the event log");
    } else {
        g_autofree char *date = terminal_date(last.event.time_us, true);
        doctor_add(doctor, GROUP, "last-error", DOCTOR_OK, "%s UTC, %s: %s", date, last.key,
                   error_text(last.event.error));
    }
    g_free(last.key);
}

static bool add_up(const char *group, const ObjectTotals *totals, void *data)
{
    (void)group;
    *(ObjectTotals *)data = *totals;
    return true;
}

static void check_objects(Doctor *doctor, Context *context)
{
    const StoreFilter everything = {0};
    g_autoptr(GError) error = NULL;
    ObjectTotals totals = {0};
    if (!store_totals(context->snapshot, &everything, STORE_BY_ALL, add_up, &totals, &error)) {
        doctor_add(doctor, GROUP, "objects", DOCTOR_FAILED, "%s", error->message);
        return;
    }
    g_autofree char *objects = terminal_count(totals.objects, "object", "objects");
    g_autofree char *dead = units_format_count((int64_t)totals.by_state[STATE_DEAD]);
    doctor_add(doctor, GROUP, "objects", DOCTOR_OK, "%s, %s dead%s", objects, dead,
               totals.by_state[STATE_DEAD] > 0 ? ": see 'thumbq dead'" : "");
}

/* Reports that a schedule or the user has paused back-fill. */
static void check_backfill(Doctor *doctor, Context *context)
{
    g_autoptr(GError) error = NULL;
    StoreWindow window;
    if (!window_is_used(context->config))
        return;
    if (!store_get_window(context->snapshot, &window, &error)) {
        doctor_add(doctor, GROUP, "back-fill", DOCTOR_FAILED, "%s", error->message);
    } else if (window_is_closed(context->config, &window)) {
        g_autofree char *since = terminal_date(window.due_us, true);
        doctor_add(doctor, GROUP, "back-fill", DOCTOR_OK,
                   "paused by a schedule, since %s UTC: see 'thumbq schedule'", since);
    } else {
        doctor_add(doctor, GROUP, "back-fill", DOCTOR_OK, "not paused");
    }
}

void doctor_check_store(Doctor *doctor, Context *context)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *state_path = daemon_state_path(context->bucket, context->config);
    check_daemon(doctor, state_path);
    if (!context_open_store(context, &error)) {
        bool is_new = error_code(error) == ERROR_NOT_FOUND;
        doctor_add(doctor, GROUP, "store", is_new ? DOCTOR_OK : DOCTOR_FAILED, "%s",
                   is_new ? "none yet: 'thumbq run' makes one" : error->message);
        return;
    }
    StoreHealth health;
    doctor_add(doctor, GROUP, "store", DOCTOR_OK, "opens");
    if (!store_health(context->snapshot, &health, &error)) {
        doctor_add(doctor, GROUP, "size", DOCTOR_FAILED, "%s", error->message);
        return;
    }
    check_size(doctor, &health);
    check_readers(doctor, &health);
    check_objects(doctor, context);
    check_backfill(doctor, context);
    check_last_error(doctor, context);
}
