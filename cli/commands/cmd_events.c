/* SPDX-License-Identifier: Apache-2.0 */
/* The command `events`: prints the event log, and follows it. */
#include "asking.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "command.h"
#include "daemon/daemon.h"
#include "model/eventbridge.h"
#include "model/object_json.h"
#include "model/s3_event.h"
#include "store/epoch.h"
#include "views/json_out.h"
#include "views/table.h"
#include "views/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

typedef struct {
    bool follow;
    bool json;
    uint64_t limit;
} EventsOptions;

static const CommandOption options[] = {
    {"follow", OPTION_FLAG, NULL, offsetof(EventsOptions, follow),
     "also print new events, until interrupted"},
    {"json", OPTION_FLAG, NULL, offsetof(EventsOptions, json),
     "an event per line: S3's {\"Records\":[...]}, or EventBridge's of schedules and sweeps"},
    {"limit", OPTION_COUNT, "N", offsetof(EventsOptions, limit),
     "print only the newest N events of the log"},
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
    /* Events that are still skipped. */
    uint64_t skip;
    /* Sequencer of the newest event read. */
    uint64_t last;
    /* Events read for the page. */
    uint64_t n_read;
    /* The table for people. NULL for scripts. */
    TextTable *table;
} EventView;

#define PAGE_ROWS 1000

/* Returns the object's etag if the event is of its current version, else NULL. */
static char *etag_of_event(const Context *context, const Event *event)
{
    Record record;
    if (!store_get(context->snapshot, event->key, &record, NULL))
        return NULL;
    bool same = record.id == event->object_id && record_is_current(&record) &&
                record.uploaded_us <= event->time_us;
    return same ? image_etag(&record.facts) : NULL;
}

enum { COLUMN_TIME, COLUMN_EVENT, COLUMN_SIZE, COLUMN_NAME, COLUMN_NOTE, COLUMNS };

/* Returns the change of an alarm, such as "OK -> ALARM"; NULL for other events. Owner: the caller
 * frees. */
static char *change_of(json_t *detail)
{
    const char *from, *to;
    bool found = json_unpack(detail, "{s:{s:s}, s:{s:s}}", "previousState", "value", &from, "state",
                             "value", &to) == 0;
    return found ? g_strdup_printf("%s -> %s", from, to) : NULL;
}

/* Returns the text after the name: the reason of a failure, or figures. Owner: the caller frees. */
static char *remark_of(const Event *event)
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

/* Reserves column widths, because later events must not be wider than the first page. */
static void reserve_columns(TextTable *table)
{
    for (int type = 1; type < EVENT_TYPES; type++)
        table_reserve(table, COLUMN_EVENT, event_type_name((EventType)type));
    table_reserve(table, COLUMN_SIZE, "1023.9 KiB");
}

/* Fills in the cells. NULL is an empty cell. Owner: the caller frees. */
static void make_cells(const Event *event, char *ret_cells[static COLUMNS])
{
    bool has_size =
        event->object_id != 0 && event->type != EVENT_REMOVED && event->type != EVENT_EXPIRED;

    ret_cells[COLUMN_TIME] = terminal_time(event->time_us);
    ret_cells[COLUMN_EVENT] = g_strdup(event_type_name(event->type));
    ret_cells[COLUMN_SIZE] = has_size ? units_format_bytes(event->size) : NULL;
    ret_cells[COLUMN_NAME] = object_key_to_text(event->key, NULL);
    ret_cells[COLUMN_NOTE] = remark_of(event);
}

static void add_cells(TextTable *table, char *const *cells)
{
    bool is_dead = strcmp(cells[COLUMN_EVENT], event_type_name(EVENT_DEAD)) == 0;

    table_add(table, (const char *const *)cells, is_dead ? COLUMN_EVENT : TABLE_NO_PROBLEM);
}

static void add_row(TextTable *table, const Event *event)
{
    char *cells[COLUMNS];

    make_cells(event, cells);
    add_cells(table, cells);
    for (size_t i = 0; i < COLUMNS; i++)
        g_free(cells[i]);
}

static void print_json(const EventView *view, const Event *event)
{
    if (event->object_id == 0) {
        json_out_print(eventbridge_json(event, view->context->bucket));
        return;
    }
    g_autofree char *etag = etag_of_event(view->context, event);
    json_out_print(s3_event_json(event, view->context->bucket, etag));
}

/* Prints one event of the log, or adds it to the table; passes over the first ones if only the last
 * are asked for. Returns false if no more can be printed. */
static bool visit(const Event *event, void *data)
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
    /* The reader closed the pipe, or the disk is full. */
    return !ferror(stdout);
}

static bool count(const Event *event, void *data)
{
    /* Only the existence of an event counts. */
    (void)event;
    ++*(uint64_t *)data;
    return true;
}

/* Prints new events page by page: no snapshot is held while a page is written. */
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

/* Formats an id as "EPOCH-SEQUENCER", each of 16 hexadecimal digits. */
static void set_id(GString *text, uint64_t epoch, uint64_t sequencer)
{
    g_string_printf(text, "%016" PRIx64 "-%016" PRIX64, epoch, sequencer);
}

/* Parses an id. Returns false for any other text. */
static bool parse_id(const char *text, uint64_t *ret_epoch, uint64_t *ret_sequencer)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", 2);
    guint64 epoch, sequencer;

    if (g_strv_length(parts) != 2 || strlen(parts[0]) != 16 || strlen(parts[1]) != 16 ||
        !g_ascii_string_to_unsigned(parts[0], 16, 0, UINT64_MAX, &epoch, NULL) ||
        !g_ascii_string_to_unsigned(parts[1], 16, 0, UINT64_MAX, &sequencer, NULL))
        return false;
    *ret_epoch = epoch;
    *ret_sequencer = sequencer;
    return true;
}

/* Prints lines "ID TAB EVENT". EVENT is JSON, or cells separated by tabs. */
typedef struct {
    EventView view;
    uint64_t epoch;
    uint64_t rows;
    /* Sequencer of the last event printed. */
    uint64_t last;
} EventPage;

/* Prints an event as a line of a page from the reader. Returns false at the end of the page, and
 * before an event that is not on disk yet. */
static bool visit_for_page(const Event *event, void *data)
{
    EventPage *events = data;
    ContextPage *page = events->view.context->page;
    g_autoptr(GString) id = g_string_new(NULL);

    if (event->sequencer > page->durable)
        return false;
    events->last = event->sequencer;
    if (events->view.skip > 0) {
        events->view.skip--;
        return true;
    }
    set_id(id, events->epoch, event->sequencer);
    printf("%s\t", id->str);
    if (events->view.options->json) {
        print_json(&events->view, event);
    } else {
        char *cells[COLUMNS + 1] = {NULL};
        make_cells(event, cells);
        for (size_t i = 0; i < COLUMNS; i++)
            cells[i] = cells[i] ? cells[i] : g_strdup("");
        g_autofree char *line = g_strjoinv("\t", cells);
        puts(line);
        for (size_t i = 0; i < COLUMNS; i++)
            g_free(cells[i]);
    }
    return ++events->rows < page->rows && !context_page_is_full(page);
}

static bool set_sequencer(const Event *event, void *data)
{
    *(uint64_t *)data = event->sequencer;
    return false;
}

/* Finds where the page begins. *ret_known is false for an id of another store, for an id of the
 * future, and for an event that is no longer in the log. */
static bool find_beginning(const Context *context, uint64_t epoch, uint64_t *ret_after,
                           bool *ret_known, GError **error)
{
    const ContextPage *page = context->page;
    uint64_t asked_epoch, oldest = 0;

    *ret_after = 0;
    *ret_known = true;
    if (!*page->after)
        return true;
    if (!store_events(context->snapshot, 0, 0, 1, set_sequencer, &oldest, error))
        return false;
    *ret_known = parse_id(page->after, &asked_epoch, ret_after) && asked_epoch == epoch &&
                 *ret_after <= page->durable && (oldest == 0 || *ret_after + 1 >= oldest);
    return true;
}

/* Prints the events behind the one that the client names, and sets the id of the last one for the
 * next question. */
static int print_page(Context *context, const EventsOptions *events, GError **error)
{
    ContextPage *page = context->page;
    EventPage found = {.view = {.context = context, .options = events}};
    uint64_t n = 0;
    bool is_known;

    if (!store_get_epoch(context->snapshot, &found.epoch, error) ||
        !find_beginning(context, found.epoch, &found.last, &is_known, error))
        return -1;
    if (!is_known) {
        page->reset = true;
        set_id(page->next, found.epoch, page->durable);
        return 0;
    }
    if (events->limit > 0 && !*page->after) {
        if (!store_events(context->snapshot, 0, 0, 0, count, &n, error))
            return -1;
        found.view.skip = n > events->limit ? n - events->limit : 0;
    }
    if (!store_events(context->snapshot, found.last, 0, 0, visit_for_page, &found, error))
        return -1;
    set_id(page->next, found.epoch, found.last);
    return 0;
}

/* Prints a line of a page from the daemon's reader. */
static void print_line(EventView *view, char *line)
{
    char *tab = strchr(line, '\t');
    g_auto(GStrv) cells = g_strsplit(tab ? tab + 1 : "", "\t", COLUMNS);

    if (!view->table && tab)
        puts(tab + 1);
    else if (view->table && g_strv_length(cells) == COLUMNS)
        add_cells(view->table, cells);
}

/* Prints the pages from the daemon's reader; with `follow`, also future ones. */
static int print_asked(Context *context, EventView *view, GError **error)
{
    g_autofree char *after = g_strdup("");
    bool is_following = false;

    for (;;) {
        ControlAnswer answer;
        if (!asking_page(context->asking, after, CONTROL_ROWS_MAX, is_following, &answer, error))
            return -1;
        bool has_rows = answer.question.output_len > 0;
        if (answer.question.reset)
            log_warning("events are missing here: the store was replaced, or has deleted them");
        for (char *line = answer.question.output, *end; (end = strchr(line, '\n'));
             line = end + 1) {
            *end = '\0';
            print_line(view, line);
        }
        g_free(after);
        after = g_strdup(answer.question.next);
        control_answer_clear(CONTROL_QUESTION, &answer);
        if (view->table)
            table_print(view->table);
        if (fflush(stdout) != 0 || ferror(stdout) || (!has_rows && !view->options->follow))
            return 0;
        is_following = !has_rows;
    }
}

/* A change of the store's files wakes up the command. Without one it checks after this time. */
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

/* Reads the pending inotify events. Returns false if the store's files were deleted or moved: the
 * store will not change any more. */
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

/* Waits until the store changes or the interval has passed. Returns false if the reader of stdout
 * has closed the pipe. */
static bool wait_for_change(int inotify_fd)
{
    struct pollfd fds[] = {
        {.fd = inotify_fd, .events = POLLIN},
        /* POLLERR: the reading end of the pipe is closed. */
        {.fd = STDOUT_FILENO},
    };
    /* After an interruption the store is checked, too. */
    (void)poll(fds, G_N_ELEMENTS(fds), FOLLOW_INTERVAL_MS);
    return !(fds[1].revents & POLLERR);
}

/* Prints each new event until the reader of stdout closes the pipe. Fails if the store goes away.
 */
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
    if (context->page)
        return print_page(context, events, error);
    g_autoptr(TextTable) table = events->json ? NULL : table_new(columns, COLUMNS);
    if (table && events->follow)
        reserve_columns(table);
    EventView view = {.context = context, .options = events, .table = table};
    if (context->asking)
        return print_asked(context, &view, error);
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
