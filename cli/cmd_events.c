/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "daemon.h"
#include "error.h"
#include "eventbridge.h"
#include "file.h"
#include "json_out.h"
#include "object_json.h"
#include "s3_event.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>

typedef struct {
    bool follow;
    bool json;
    uint64_t limit;
} EventsOptions;

static const Option options[] = {
    {"follow", OPTION_FLAG, NULL, offsetof(EventsOptions, follow),
     "go on with what happens from now on, until interrupted"},
    {"json", OPTION_FLAG, NULL, offsetof(EventsOptions, json),
     "an event per line: S3's {\"Records\":[...]}, or EventBridge's of schedules and sweeps"},
    {"limit", OPTION_COUNT, "N", offsetof(EventsOptions, limit),
     "of what is past, only the newest N"},
    {NULL},
};

const CommandUsage usage_events = {
    .about =
        "Prints the event log, oldest first: objects created, moved and removed, and how each\n"
        "invocation ended. The newest 100,000 events are kept.",
    .examples = "thumbq events --limit 20 photos\n"
                "thumbq events --json photos",
    .options = options,
    .values_size = sizeof(EventsOptions),
};

typedef struct {
    Context *context;
    const EventsOptions *options;
    uint64_t skip;   /* events still to be passed over */
    uint64_t last;   /* sequencer of the newest event seen */
    uint64_t n_read; /* of the page */
    Table *table;    /* for people; NULL otherwise */
} EventView;

#define PAGE_ROWS 1000

/* The etag belongs to the event if the object has had no other version since. */
static char *etag_of_event(const Context *context, const StoreEvent *event)
{
    Record record;
    if (!store_get(context->snapshot, event->key, &record, NULL))
        return NULL;
    bool same = record.id == event->object_id && record_is_current(&record) &&
                record.uploaded_us <= event->time_us;
    return same ? object_etag(&record.facts) : NULL;
}

enum { COLUMN_TIME, COLUMN_EVENT, COLUMN_SIZE, COLUMN_NAME, COLUMN_NOTE, COLUMNS };

/* "OK -> ALARM"; NULL for what is no alarm's. Owner: the caller frees. */
static char *change_of(json_t *detail)
{
    const char *from, *to;
    bool found = json_unpack(detail, "{s:{s:s}, s:{s:s}}", "previousState", "value", &from, "state",
                             "value", &to) == 0;
    return found ? g_strdup_printf("%s -> %s", from, to) : NULL;
}

/* What stands behind the name: why it failed, or how it went. Owner: the caller frees. */
static char *remark_of(const StoreEvent *event)
{
    json_t *detail = *event->detail ? json_loads(event->detail, 0, NULL) : NULL;
    const char *summary = json_string_value(json_object_get(detail, "summary"));
    g_autofree char *change = change_of(detail);
    const char *summary_or_change = summary ? summary : change;
    const char *text = event->error != ERROR_NONE ? error_name(event->error) : summary_or_change;
    char *remark = text ? terminal_safe(text) : NULL;

    json_decref(detail);
    return remark;
}

/* What comes later must not be wider than what was there at first. */
static void reserve_columns(Table *table)
{
    for (int type = 1; type < STORE_EVENT_TYPES; type++)
        table_reserve(table, COLUMN_EVENT, store_event_name((StoreEventType)type));
    table_reserve(table, COLUMN_SIZE, "1023.9 KiB");
}

static void add_row(Table *table, const StoreEvent *event)
{
    g_autofree char *time = terminal_time(event->time_us);
    g_autofree char *name = object_key_to_text(event->key, NULL);
    g_autofree char *size = units_format_bytes(event->size);
    g_autofree char *remark = remark_of(event);
    bool has_size = event->object_id != 0 && event->type != STORE_EVENT_REMOVED &&
                    event->type != STORE_EVENT_EXPIRED;
    const char *cells[COLUMNS] = {
        [COLUMN_TIME] = time,
        [COLUMN_EVENT] = store_event_name(event->type),
        [COLUMN_SIZE] = has_size ? size : "",
        [COLUMN_NAME] = name,
        [COLUMN_NOTE] = remark,
    };
    table_add(table, cells, event->type == STORE_EVENT_DEAD ? COLUMN_EVENT : TABLE_NO_PROBLEM);
}

static void print_json(const EventView *view, const StoreEvent *event)
{
    if (event->object_id == 0) {
        json_out_print(eventbridge_json(event, view->context->bucket));
        return;
    }
    g_autofree char *etag = etag_of_event(view->context, event);
    json_out_print(s3_event_json(event, view->context->bucket, etag));
}

static bool visit(const StoreEvent *event, void *data)
{
    EventView *view = data;
    view->last = event->sequencer;
    view->n_read++;
    if (view->skip > 0) {
        view->skip--;
        return true;
    }
    if (view->options->json)
        print_json(view, event);
    else
        add_row(view->table, event);
    return !ferror(stdout); /* nobody reads on, or the disk is full */
}

static bool count(const StoreEvent *event, void *data)
{
    (void)event; /* only that it is there */
    ++*(uint64_t *)data;
    return true;
}

/* Page by page: no snapshot is held while what was read is written. */
static bool print_new(EventView *view, GError **error)
{
    Context *context = view->context;
    do {
        view->n_read = 0;
        if ((!context->snapshot && !context_renew_snapshot(context, error)) ||
            !store_events(context->snapshot, view->last, 0, PAGE_ROWS, visit, view, error))
            return false;
        if (view->table)
            table_print(view->table);
        context_end_snapshot(context);
    } while (view->n_read == PAGE_ROWS && !ferror(stdout));
    return true;
}

/* ---- following ----------------------------------------------------------------------------------
 */

/* A change of the store's files is a hint to look; without one, we look this often. */
#define FOLLOW_INTERVAL_MS 1000

#define GONE_MASK (IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

static int watch_store(const char *path, GError **error)
{
    autofd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | GONE_MASK) < 0) {
        error_set_errno(error, errno, "cannot watch", path);
        return -1;
    }
    return fd_steal(&fd);
}

/* Reads what there is to read. False when the store's files are deleted or moved: it will not
 * change. */
static bool drain(int fd)
{
    _Alignas(struct inotify_event) char buffer[4096];
    bool here = true;
    for (ssize_t len; (len = read(fd, buffer, sizeof(buffer))) > 0;) {
        for (char *at = buffer; at < buffer + len;) {
            const struct inotify_event *event = (const void *)at;
            here = here && !(event->mask & GONE_MASK);
            at += sizeof(*event) + event->len;
        }
    }
    return here;
}

/* Until the store changed, or it is time to look anyway. False when nobody reads stdout any more.
 */
static bool wait_for_change(int inotify_fd)
{
    struct pollfd fds[] = {
        {.fd = inotify_fd, .events = POLLIN},
        {.fd = STDOUT_FILENO}, /* POLLERR: the pipe's other end is closed */
    };
    (void)poll(fds, G_N_ELEMENTS(fds), FOLLOW_INTERVAL_MS); /* an interruption is a look, too */
    return !(fds[1].revents & POLLERR);
}

static bool follow(EventView *view, GError **error)
{
    Context *context = view->context;
    g_autofree char *path = daemon_store_path(context->bucket, context->config);
    autofd inotify_fd = watch_store(path, error);
    if (inotify_fd < 0)
        return false;
    for (;;) {
        if (fflush(stdout) != 0 || ferror(stdout) || !wait_for_change(inotify_fd))
            return true;
        if (!drain(inotify_fd)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "the store in '%s' is gone", path);
            return false;
        }
        if (!print_new(view, error))
            return false;
    }
}

int cmd_events(Context *context, GError **error)
{
    const EventsOptions *events = context->options;
    static const TableColumn columns[COLUMNS] = {
        [COLUMN_TIME] = {"time", TABLE_TEXT},   [COLUMN_EVENT] = {"event", TABLE_TEXT},
        [COLUMN_SIZE] = {"size", TABLE_FIGURE}, [COLUMN_NAME] = {"name", TABLE_NAME},
        [COLUMN_NOTE] = {"", TABLE_NOTE},
    };
    g_autoptr(Table) table = events->json ? NULL : table_new(columns, COLUMNS);
    if (table && events->follow)
        reserve_columns(table);
    EventView view = {.context = context, .options = events, .table = table};
    if (events->limit) {
        uint64_t n = 0;
        if (!store_events(context->snapshot, 0, 0, 0, count, &n, error))
            return -1;
        view.skip = n > events->limit ? n - events->limit : 0;
    }
    if (!print_new(&view, error))
        return -1;
    return events->follow && !follow(&view, error) ? -1 : 0;
}
