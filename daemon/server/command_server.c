/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves the requests of commands to a running daemon: the functions for the rows of control's
 * table, on its control socket. A row that makes a change, and waits for nothing, is done by
 * request_step (changes.c), which is also used without a daemon.
 */
#include "server/command_server.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "control/control_server.h"
#include "control/socket.h"
#include "daemon/sweep_words.h"
#include "journal/journal.h"
#include "passes/sweep_pass.h"
#include "report.h"
#include "server/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define NOT_CHANGED "the store could not be changed"
#define NOT_READ    "the store could not be read"

struct CommandServer {
    CommandServerParts parts;
    const BucketState *state;
    int folder_fd;
    /* Another folder, which other users may enter; -1: none. */
    int public_fd;
    /* Device and inode of the socket's name. */
    struct stat file;
    ControlServer *clients;
};

static void begin_sync(ControlCall *call, const ControlRequest *request, void *data)
{
    CommandServer *server = data;

    (void)request;
    control_call_set_state(call, g_new0(Backlog, 1), g_free);
    /* The scan decides: objects that it does not meet do not exist. */
    bucket_rescan(server->state->bucket);
}

/* Measures how far `thumbq sync` still is from its end: the objects that wait or are being
 * processed. */
static bool measure_sync(ControlCall *call, void *data, ProgressCount *ret_count)
{
    CommandServer *server = data;

    if (!report_backlog(server->parts.backfill, control_call_state(call), ret_count))
        return false;
    /* Dead objects do not concern a command that waits. */
    ret_count->failed = 0;
    return true;
}

static void answer_nothing(ControlCall *call, void *unused_data)
{
    (void)unused_data;
    control_call_answer(call, &(ControlAnswer){0});
}

void command_server_check_settled(CommandServer *server)
{
    control_server_each(server->clients, CONTROL_SYNC, answer_nothing, NULL);
}

/* A sweep that a command asked for. The command may be gone when the sweep ends. */
typedef struct {
    CommandServer *server;
    uint64_t call_id;
    bool dry_run;
} SweepRequest;

/* Called when the sweep has ended: answers the command that asked for it, if it still waits. */
static void end_sweep(const SweepCounts *counts, bool complete, void *data)
{
    const SweepRequest *request = data;
    g_autofree char *text = sweep_describe(counts, request->dry_run);
    bool saved = complete && (request->dry_run || journal_commit(request->server->state->journal));
    ControlCall *call = control_server_find(request->server->clients, request->call_id);
    ControlAnswer answer;

    if (saved && !request->dry_run)
        log_info("sweep: %s", text);
    if (call && !saved)
        control_call_refuse(call, ERROR_USAGE, NOT_CHANGED);
    else if (call) {
        g_strlcpy(answer.sweep.text, text, sizeof answer.sweep.text);
        control_call_answer(call, &answer);
    }
}

static void resume_sweeps(void *server)
{
    sweep_resume(((CommandServer *)server)->parts.sweeps);
}

static bool note_sweep(const char *line, void *data)
{
    const SweepRequest *request = data;
    ControlCall *call = control_server_find(request->server->clients, request->call_id);

    return !call || control_call_item(call, line, resume_sweeps, request->server);
}

/* Starts the sweep that a command asks for. */
static void begin_sweep(ControlCall *call, const ControlRequest *request, void *data)
{
    CommandServer *server = data;
    SweepOptions sweep = {.dry_run = request->sweep.dry_run,
                          .include_away = request->sweep.include_away,
                          .note = request->sweep.is_verbose ? note_sweep : NULL};

    if (!sweep_kinds_from_name(request->sweep.kinds, &sweep.kinds)) {
        control_call_refuse(call, ERROR_USAGE, "unknown kind of sweep");
        return;
    }
    SweepRequest *own = g_new(SweepRequest, 1);
    *own = (SweepRequest){server, control_call_id(call), sweep.dry_run};
    sweep.note_data = own;
    /* The sweep owns the state. */
    control_call_set_state(call, own, NULL);
    sweep_start(server->parts.sweeps, &sweep, end_sweep, own, g_free);
}

static bool measure_sweep(ControlCall *call, void *data, ProgressCount *ret_count)
{
    CommandServer *server = data;

    return sweep_progress(server->parts.sweeps, control_call_state(call), ret_count);
}

static void come_back(void *unused_data)
{
    /* The next tick comes in any case. */
    (void)unused_data;
}

static bool has_ended(JobState state)
{
    return state == JOB_SUCCEEDED || state == JOB_FAILED;
}

/* Reports once that the job stands still and why, and once that it continues. */
static void report_window(const CommandServer *server, ControlCall *call, JobState state)
{
    bool is_closed = window_switch_is_closed(server->parts.window, server->state->config);
    bool was_reported = control_call_state(call) != NULL;
    if (is_closed == was_reported || (is_closed && has_ended(state)))
        return;
    g_autofree char *paused = g_strdup_printf("back-fill is paused by a schedule: job %" PRIu32
                                              " waits; 'thumbq schedule' says when it goes on",
                                              control_call_request(call)->job.id);

    if (control_call_item(call, is_closed ? paused : "back-fill goes on", come_back, NULL))
        control_call_set_state(call, is_closed ? call : NULL, NULL);
}

/* Answers a command that waits for a job, once the job has ended. */
static void check_job(ControlCall *call, void *data)
{
    CommandServer *server = data;
    ControlAnswer answer = {0};
    ProgressCount count;
    JobState state;

    if (!backfill_progress(server->parts.backfill, control_call_request(call)->job.id, &count,
                           &state)) {
        control_call_refuse(call, ERROR_USAGE, "there is no such job");
        return;
    }
    report_window(server, call, state);
    if (!has_ended(state))
        return;
    if (request_describe_job(server->state->store, control_call_request(call)->job.id, &answer.job,
                             NULL))
        control_call_answer(call, &answer);
    else
        control_call_refuse(call, ERROR_USAGE, NOT_READ);
}

void command_server_check_jobs(CommandServer *server)
{
    control_server_each(server->clients, CONTROL_JOB_WAIT, check_job, server);
}

static void begin_job_wait(ControlCall *call, const ControlRequest *request, void *data)
{
    CommandServer *server = data;

    (void)request;
    if (!journal_is_open(server->state->journal))
        control_call_refuse(call, ERROR_USAGE, "the store takes no changes at the moment");
    else
        /* The job may have ended long ago. */
        check_job(call, server);
}

static bool measure_job(ControlCall *call, void *data, ProgressCount *ret_count)
{
    CommandServer *server = data;
    JobState state;

    if (!backfill_progress(server->parts.backfill, control_call_request(call)->job.id, ret_count,
                           &state))
        return false;
    report_window(server, call, state);
    return true;
}

/* A change under way, done in slices with other work in between. */
typedef struct {
    CommandServer *server;
    ControlCall *call;
    RequestProgress progress;
    /* Generation of the journal at its start: a different one means that the changes were lost. */
    uint64_t generation;
    guint source;
} Change;

static void change_free(gpointer data)
{
    Change *change = data;

    g_clear_handle_id(&change->source, g_source_remove);
    g_free(change);
}

/* Refuses a request for a change that has failed. Unless the request itself was wrong, the batch is
 * lost. */
static void refuse_change(ControlCall *call, Journal *journal)
{
    const GError *error = journal_reason(journal);

    if (error_code(error) == ERROR_USAGE) {
        control_call_refuse(call, ERROR_USAGE, error->message);
        return;
    }
    (void)journal_check(journal, false);
    control_call_refuse(call, ERROR_USAGE, NOT_CHANGED);
}

/* Does the next slice. Returns true if another one follows. */
static bool step_change(Change *change)
{
    const CommandServer *server = change->server;
    const RequestParts parts = {server->parts.backfill, server->parts.triggers};
    Journal *journal = server->state->journal;
    ControlCall *call = change->call;

    if (!journal_is_open(journal) || journal_generation(journal) != change->generation) {
        control_call_refuse(call, ERROR_USAGE, NOT_CHANGED);
        return false;
    }
    if (!request_step(&parts, control_call_request(call), &change->progress,
                      journal_error(journal))) {
        refuse_change(call, journal);
        return false;
    }
    if (!change->progress.has_ended)
        return true;
    ControlAnswer answer = change->progress.answer;
    if (journal_commit(journal))
        control_call_answer(call, &answer);
    else
        control_call_refuse(call, ERROR_USAGE, NOT_CHANGED);
    return false;
}

/* Carries out the next step of a change, when the daemon is idle. */
static gboolean go_on(gpointer data)
{
    Change *change = data;
    guint source = change->source;

    /* An answer frees the change. */
    change->source = 0;
    if (!step_change(change))
        return G_SOURCE_REMOVE;
    change->source = source;
    return G_SOURCE_CONTINUE;
}

/* Begins a request that changes the store; further steps follow when the daemon is idle. */
static void begin_change(ControlCall *call, const ControlRequest *request, void *data)
{
    CommandServer *server = data;
    const Journal *journal = server->state->journal;

    if (!journal_is_open(journal)) {
        control_call_refuse(call, ERROR_USAGE,
                            request->type == CONTROL_COMMIT
                                ? NOT_CHANGED
                                : "the store takes no changes at the moment");
        return;
    }
    Change *change = g_new0(Change, 1);
    *change = (Change){.server = server, .call = call, .generation = journal_generation(journal)};
    control_call_set_state(call, change, change_free);
    if (step_change(change))
        change->source = g_idle_add(go_on, change);
}

static const ControlRunner runners[CONTROL_TYPES] = {
    [CONTROL_SYNC] = {begin_sync, measure_sync},
    [CONTROL_SWEEP] = {begin_sweep, measure_sweep},
    [CONTROL_EDIT] = {begin_change, NULL},
    [CONTROL_JOB_SUBMIT] = {begin_change, NULL},
    [CONTROL_JOB_WAIT] = {begin_job_wait, measure_job},
    [CONTROL_JOB_CANCEL] = {begin_change, NULL},
    [CONTROL_TRIGGER] = {begin_change, NULL},
    [CONTROL_COMMIT] = {begin_change, NULL},
};

/* Returns the file that has the socket's name; all zero if there is none. */
static struct stat stat_socket(int folder_fd)
{
    struct stat st;

    return fstatat(folder_fd, CONTROL_SOCKET_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0
               ? st
               : (struct stat){0};
}

/* Opens a second socket for the configured groups, in a folder that others can reach. Without such
 * a folder there is none. */
static void open_public(CommandServer *server)
{
    const char *state_path = server->state->path;
    g_autofree char *path = control_runtime_folder(state_path);
    g_autoptr(GError) error = NULL;
    uid_t owner = 0;

    fd_clear(&server->public_fd);
    server->public_fd = control_open_runtime(state_path, &owner, &error);
    bool is_ours = server->public_fd >= 0 && owner == geteuid();
    int fd =
        is_ours ? control_listen(server->public_fd, CONTROL_PUBLIC_NAME, 0666, path, &error) : -1;
    if (error)
        log_warning("%s", error->message);
    if (fd < 0)
        fd_clear(&server->public_fd);
    control_server_accept(server->clients, CONTROL_DOOR_PUBLIC, fd);
}

bool command_server_renew(CommandServer *server, GError **error)
{
    const BucketState *state = server->state;
    struct stat now = stat_socket(state->lock.folder_fd);

    if (server->folder_fd >= 0 && file_is_same(&now, &server->file))
        return true;
    autofd folder_fd = fcntl(state->lock.folder_fd, F_DUPFD_CLOEXEC, 0);
    if (folder_fd < 0) {
        error_set_errno(error, errno, "cannot open", state->path);
        return false;
    }
    int fd = control_listen(folder_fd, CONTROL_SOCKET_NAME, 0600, state->path, error);
    if (fd < 0)
        return false;
    fd_clear(&server->folder_fd);
    server->file = stat_socket(folder_fd);
    server->folder_fd = fd_steal(&folder_fd);
    control_server_accept(server->clients, CONTROL_DOOR_OWN, fd);
    open_public(server);
    return true;
}

void command_server_configure(CommandServer *server)
{
    const char *names = server->state->config->access_writers;
    g_autofree char *unknown = NULL;
    ControlAccess *access = control_access_new(names, &unknown);

    if (unknown)
        log_warning("[access] writers: this machine has no group '%s'", unknown);
    control_server_set_access(server->clients, access);
}

static void warn_of_shortage(int errnum, void *unused_data)
{
    (void)unused_data;
    log_warning("cannot accept the connections of commands: %s; commands wait", g_strerror(errnum));
}

CommandServer *command_server_open(const CommandServerParts *parts, GError **error)
{
    CommandServer *server = g_new0(CommandServer, 1);

    server->parts = *parts;
    server->state = parts->state;
    server->folder_fd = server->public_fd = -1;
    server->clients = control_server_new(runners, CONTROL_CHANGES, server);
    control_server_on_shortage(server->clients, warn_of_shortage);
    command_server_configure(server);
    if (command_server_renew(server, error))
        return server;
    control_server_free(server->clients);
    g_free(server);
    return NULL;
}

void command_server_free(CommandServer *server)
{
    if (!server)
        return;
    control_server_free(server->clients);
    /* The next daemon replaces a socket that stays. */
    (void)FAILPOINT("control.remove", unlinkat(server->folder_fd, CONTROL_SOCKET_NAME, 0));
    if (server->public_fd >= 0)
        (void)unlinkat(server->public_fd, CONTROL_PUBLIC_NAME, 0);
    fd_clear(&server->public_fd);
    fd_clear(&server->folder_fd);
    g_free(server);
}
