/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/reader_process.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/zone.h"
#include "control/control_server.h"
#include "daemon_probe.h"
#include "model/layout.h"
#include "reader/lock_in.h"
#include "reader/reader_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

typedef struct {
    AnswerSource source;
    const ReaderShared *shared;
    ControlServer *server;
    GMainLoop *loop;
    /* GTimeZone, owned: the zones of schedules, read before the sandbox is entered. */
    GPtrArray *zones;
} ReaderProcess;

/* Returns true if the question waits for events and none has happened after its place. */
static bool is_pending(const ControlRequest *question, const ControlAnswer *answer)
{
    return question->question.wait && answer->question.output_len == 0 && !answer->question.reset;
}

static void ignore_ready(void *unused_data)
{
    /* A message for which the client has no room is dropped. */
    (void)unused_data;
}

/* Answers a question. One that waits for news stays open while there are none. */
static void try_to_answer(ControlCall *call, void *data)
{
    ReaderProcess *reader = data;
    const ControlRequest *question = control_call_request(call);
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;

    if (!answer_question(&reader->source, question, atomic_load(&reader->shared->durable), messages,
                         &answer, &error)) {
        control_call_refuse(call, error_code(error), error->message);
        return;
    }
    /* The messages are few and the client has read all earlier packets, so there is room. */
    for (guint i = 0; i < messages->len; i++)
        (void)control_call_item(call, g_ptr_array_index(messages, i), ignore_ready, NULL);
    if (!is_pending(question, &answer))
        control_call_answer(call, &answer);
    control_answer_clear(CONTROL_QUESTION, &answer);
}

static void run_question(ControlCall *call, const ControlRequest *question, void *data)
{
    (void)question;
    try_to_answer(call, data);
}

static const ControlRunner runners[CONTROL_TYPES] = {[CONTROL_QUESTION] = {run_question, NULL}};

/* Answers the questions that wait for an event: the daemon sends a packet when a change is on disk.
 * Ends this process if the daemon has ended. */
static gboolean on_link(gint fd, GIOCondition condition, gpointer data)
{
    ReaderProcess *reader = data;
    char bytes[64];
    ssize_t n;

    (void)condition;
    while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        ;
    if (n == 0 || errno != EAGAIN) {
        g_main_loop_quit(reader->loop);
        return G_SOURCE_REMOVE;
    }
    control_server_each(reader->server, CONTROL_QUESTION, try_to_answer, reader);
    return G_SOURCE_CONTINUE;
}

static Config *read_config(GError **error)
{
    g_autofree char *text =
        file_read_fd(READER_FD_CONFIG, "configuration", CONFIG_FILE_MAX, NULL, error);

    return text ? config_parse(text, "configuration", error) : NULL;
}

/*
 * Reads the time zones of all schedules now, as the sandbox will forbid the reading of files. GLib
 * caches a zone that is referenced.
 */
static void read_zones(ReaderProcess *reader)
{
    const Config *config = reader->source.config;

    zone_refresh();
    reader->zones = g_ptr_array_new_with_free_func((GDestroyNotify)g_time_zone_unref);
    for (size_t i = 0; i < config->n_schedules; i++) {
        const char *name = config->schedules[i].timezone;
        GTimeZone *zone = *name ? g_time_zone_new_identifier(name) : NULL;
        if (zone)
            g_ptr_array_add(reader->zones, zone);
    }
}

/* Opens everything that has a name. The first snapshot registers this process in LMDB's table of
 * readers. */
static bool open_all(ReaderProcess *reader, GError **error)
{
    AnswerSource *source = &reader->source;
    char *unknown = NULL;

    source->config = read_config(error);
    if (!source->config)
        return false;
    source->prefix = layout_below_bucket(source->bucket, source->config->prefix);
    disk_space_open(source->bucket, source->config, source->disk_fds);
    source->store = store_open_at(READER_FD_STATE, "store", STORE_READ, error);
    if (!source->store)
        return false;
    StoreSnapshot *snapshot = store_snapshot_begin(source->store, error);
    if (!snapshot)
        return false;
    store_snapshot_end(snapshot);
    reader->shared = mmap(NULL, sizeof(ReaderShared), PROT_READ, MAP_SHARED, READER_FD_SHARED, 0);
    if (reader->shared == MAP_FAILED) {
        error_set_errno(error, errno, "cannot map", "the shared memory of the daemon");
        return false;
    }
    read_zones(reader);
    reader->loop = g_main_loop_new(NULL, FALSE);
    reader->server = control_server_new(runners, CONTROL_READS, reader);
    control_server_set_access(reader->server,
                              control_access_new(source->config->access_readers, &unknown));
    if (unknown)
        log_warning("[access] readers: this machine has no group '%s'", unknown);
    g_free(unknown);
    return true;
}

static bool has_descriptors(void)
{
    for (int fd = READER_FD_SOCKET; fd < READER_FDS_END; fd++) {
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return false;
    }
    return true;
}

int reader_main(const Command *commands, size_t n_commands, char *const *args)
{
    ReaderProcess reader = {.source = {.commands = commands, .n_commands = n_commands}};
    g_autoptr(GError) error = NULL;

    if (!args[0] || args[1] || !has_descriptors()) {
        log_error("'" READER_WORD "' is for the daemon, which starts it");
        return error_exit_status(ERROR_USAGE);
    }
    reader.source.bucket = args[0];
    daemon_probe_is_part();
    if (!open_all(&reader, &error) || !lock_in(&error)) {
        log_error("the query reader: %s", error->message);
        return error_exit_status(error_code(error));
    }
    control_server_accept(reader.server, CONTROL_DOOR_OWN, READER_FD_SOCKET);
    (void)g_unix_fd_add(READER_FD_LINK, G_IO_IN | G_IO_HUP, on_link, &reader);
    (void)on_link(READER_FD_LINK, G_IO_IN, &reader);
    g_main_loop_run(reader.loop);
    /* The kernel frees everything. A normal exit would make a sanitizer search for leaks, which
     * needs ptrace, and the sandbox forbids that. */
    _exit(0);
}
