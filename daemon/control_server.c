/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "control_peer.h"
#include "daemon_private.h"
#include "error.h"
#include "failpoint.h"
#include "file.h"
#include "log.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_MAX 64

/* What a client waits for. */
typedef enum { WAITS_NOT, WAITS_FOR_SYNC, WAITS_FOR_SWEEP, WAITS_FOR_JOB } Waits;

typedef struct {
    Control *control;
    ControlPeer *peer;
    guint source;
    uint64_t id;
    Waits waits;
    Backlog backlog;   /* for sync: since it was asked for */
    const void *sweep; /* which one */
    uint32_t job;      /* which one */
} Client;

/* A sweep that somebody has asked for; who may be gone when it ends. */
typedef struct {
    Control *control;
    uint64_t client_id;
    bool dry_run;
} SweepRequest;

struct Control {
    Daemon *daemon;
    int folder_fd;
    int fd;
    struct stat file; /* the socket's name */
    guint source;
    GPtrArray *clients; /* Client, owned */
    uint64_t last_id;
    guint progress_source; /* 0: nobody waits */
};

static void client_free(Client *client)
{
    g_clear_handle_id(&client->source, g_source_remove);
    control_peer_free(client->peer);
    g_free(client);
}

static void answer(Client *client, const char *line)
{
    client->waits = WAITS_NOT;
    control_peer_answer(client->peer, line);
}

/* ---- waiting ------------------------------------------------------------------------------------
 */

static bool measure(Client *client, ProgressCount *ret_count)
{
    Daemon *daemon = client->control->daemon;
    JobState state;

    switch (client->waits) {
    case WAITS_FOR_JOB:
        return backfill_progress(daemon, client->job, ret_count, &state);
    case WAITS_FOR_SYNC:
        if (!report_backlog(daemon, &client->backlog, ret_count))
            return false;
        ret_count->failed = 0; /* what is dead is no concern of who waits */
        return true;
    case WAITS_FOR_SWEEP:
        return sweep_progress(daemon, client->sweep, ret_count);
    case WAITS_NOT:
        break;
    }
    return false;
}

static gboolean tell_progress(gpointer data)
{
    Control *control = data;
    bool somebody_waits = false;

    for (guint i = 0; i < control->clients->len; i++) {
        Client *client = g_ptr_array_index(control->clients, i);
        ProgressCount count;
        somebody_waits |= client->waits != WAITS_NOT;
        if (measure(client, &count))
            control_peer_progress(client->peer, &count);
    }
    if (somebody_waits)
        return G_SOURCE_CONTINUE;
    control->progress_source = 0;
    return G_SOURCE_REMOVE;
}

static void begin_to_wait(Client *client, Waits waits)
{
    Control *control = client->control;

    client->waits = waits;
    if (control->progress_source == 0)
        control->progress_source = g_timeout_add(PROGRESS_MS, tell_progress, control);
}

/* ---- requests -----------------------------------------------------------------------------------
 */

/* NULL: it has gone away. */
static Client *find_client(const Control *control, uint64_t id)
{
    for (guint i = 0; i < control->clients->len; i++) {
        Client *client = g_ptr_array_index(control->clients, i);
        if (client->id == id)
            return client;
    }
    return NULL;
}

static void end_sweep(const SweepCounts *counts, bool complete, void *data)
{
    g_autofree SweepRequest *request = data;
    g_autofree char *text = sweep_describe(counts, request->dry_run);
    bool saved = complete && (request->dry_run || batch_commit(request->control->daemon));
    g_autofree char *line =
        saved ? g_strdup_printf("ok %s", text) : g_strdup("error the store could not be changed");
    Client *client = find_client(request->control, request->client_id);

    if (saved && !request->dry_run)
        log_info("sweep: %s", text);
    if (client)
        answer(client, line);
}

static void resume_sweeps(void *control)
{
    sweep_resume(((Control *)control)->daemon);
}

static bool note_sweep(const char *line, void *data)
{
    const SweepRequest *request = data;
    Client *client = find_client(request->control, request->client_id);

    return !client || control_peer_item(client->peer, line, resume_sweeps, request->control);
}

/* "sweep KIND [dry-run] [include-away] [tell]" */
static bool take_sweep(Client *client, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 6);
    guint n = g_strv_length(words);
    SweepOptions sweep = {.note = NULL};

    if (n < 2 || n > 5 || strcmp(words[0], "sweep") != 0 ||
        !sweep_kinds_from_name(words[1], &sweep.kinds))
        return false;
    SweepRequest *request = g_new(SweepRequest, 1);
    *request = (SweepRequest){.control = client->control, .client_id = client->id};
    sweep.note_data = request;
    for (guint i = 2; i < n; i++) {
        if (strcmp(words[i], "dry-run") == 0)
            request->dry_run = sweep.dry_run = true;
        if (strcmp(words[i], "include-away") == 0)
            sweep.include_away = true;
        if (strcmp(words[i], "tell") == 0)
            sweep.note = note_sweep;
    }
    client->sweep = request;
    begin_to_wait(client, WAITS_FOR_SWEEP);
    sweep_start(client->control->daemon, &sweep, end_sweep, request);
    return true;
}

/* "retry KEY", "drop KEY" */
static bool take_edit(Client *client, const char *line)
{
    Daemon *daemon = client->control->daemon;
    GError *error = NULL;
    EditAction action;
    bool changed;

    if (!edit_action_from_prefix(&line, &action) || !object_key_is_valid(line))
        return false;
    if (daemon->paused) {
        answer(client, "error the store takes no changes at the moment");
    } else if (!edit_apply(daemon, action, line, &changed, &error)) {
        batch_lost(daemon, error);
        answer(client, "error the store could not be changed");
    } else {
        answer(client, changed ? "ok changed" : "ok unchanged");
    }
    return true;
}

static void answer_failure(Client *client, GError *error)
{
    batch_lost(client->control->daemon, error);
    answer(client, "error the store could not be changed");
}

/* "TOTAL", or "TOTAL FILTER". On disk when it is answered. */
static void submit_job(Client *client, const char *words)
{
    Daemon *daemon = client->control->daemon;
    g_autofree char *line = NULL;
    GError *error = NULL;
    char *filter;
    uint64_t total = g_ascii_strtoull(words, &filter, 10);
    uint32_t id;
    bool is_new;

    filter += *filter == ' ';
    if (!backfill_add(daemon, filter, total, &id, &is_new, &error)) {
        if (error_code(error) != ERROR_USAGE) {
            answer_failure(client, error);
            return;
        }
        line = g_strdup_printf("error %s", error->message);
        g_error_free(error);
    } else {
        line = g_strdup_printf("ok %" PRIu32 " %s", id, is_new ? "new" : "known");
    }
    answer(client, batch_commit(daemon) ? line : "error the store could not be changed");
}

static void cancel_job(Client *client, uint32_t id)
{
    Daemon *daemon = client->control->daemon;
    GError *error = NULL;
    bool cancelled;

    if (!backfill_end(daemon, id, &cancelled, &error))
        answer_failure(client, error);
    else if (!batch_commit(daemon))
        answer(client, "error the store could not be changed");
    else
        answer(client, cancelled ? "ok changed" : "ok unchanged");
}

static void wait_for_job(Client *client, uint32_t id)
{
    client->job = id;
    begin_to_wait(client, WAITS_FOR_JOB);
    control_check_jobs(client->control); /* it may have ended long ago */
}

/* "job submit TOTAL FILTER", "job wait ID", "job cancel ID" */
static bool take_job(Client *client, const char *line)
{
    static const char submit[] = "job submit ", wait[] = "job wait ", cancel[] = "job cancel ";

    if (client->control->daemon->paused && g_str_has_prefix(line, "job "))
        answer(client, "error the store takes no changes at the moment");
    else if (g_str_has_prefix(line, submit))
        submit_job(client, line + strlen(submit));
    else if (g_str_has_prefix(line, wait))
        wait_for_job(client, (uint32_t)g_ascii_strtoull(line + strlen(wait), NULL, 10));
    else if (g_str_has_prefix(line, cancel))
        cancel_job(client, (uint32_t)g_ascii_strtoull(line + strlen(cancel), NULL, 10));
    else
        return false;
    return true;
}

static void take_commit(Client *client)
{
    Daemon *daemon = client->control->daemon;
    bool saved = !daemon->paused && batch_commit(daemon);

    answer(client, saved ? "ok" : "error the store could not be changed");
}

static void take_request(Client *client, const char *line)
{
    if (strcmp(line, "sync") == 0) {
        client->backlog = (Backlog){0};
        begin_to_wait(client, WAITS_FOR_SYNC);
        /* The scan is the truth: what it does not meet is not there. */
        bucket_rescan(client->control->daemon->bucket);
    } else if (strcmp(line, "commit") == 0) {
        take_commit(client);
    } else if (!take_job(client, line) && !take_sweep(client, line) && !take_edit(client, line)) {
        answer(client, "error unknown request");
    }
}

static gboolean on_client(gint fd, GIOCondition condition, gpointer data)
{
    Client *client = data;
    char line[CONTROL_LINE_MAX];

    (void)condition; /* a hang-up is seen by reading */
    ssize_t len = recv(fd, line, sizeof line - 1, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (len <= 0) {
        client->source = 0; /* this one */
        g_ptr_array_remove_fast(client->control->clients, client);
        return G_SOURCE_REMOVE;
    }
    line[len] = '\0';
    take_request(client, line);
    return G_SOURCE_CONTINUE;
}

static gboolean on_connect(gint fd, GIOCondition condition, gpointer data)
{
    Control *control = data;

    (void)condition;
    autofd client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (client_fd < 0 || control->clients->len >= CLIENTS_MAX || !trusted_peer(client_fd, NULL))
        return G_SOURCE_CONTINUE;
    Client *client = g_new0(Client, 1);
    client->control = control;
    client->id = ++control->last_id;
    client->peer = control_peer_new(fd_steal(&client_fd));
    client->source =
        g_unix_fd_add(control_peer_fd(client->peer), G_IO_IN | G_IO_HUP, on_client, client);
    g_ptr_array_add(control->clients, client);
    return G_SOURCE_CONTINUE;
}

/* A socket with the name `control` in the folder, which listens. -1 on error. */
static int listen_in(int folder_fd, const char *state_path, GError **error)
{
    struct sockaddr_un address;
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    /* Of a dead daemon: this one has the lock. */
    (void)FAILPOINT("control.clean", unlinkat(folder_fd, "control", 0));
    control_address(folder_fd, &address);
    /* Before bind, so that the socket is never open to others, not even for a moment. */
    if (fd < 0 || fchmod(fd, 0600) != 0 ||
        FAILPOINT("control.bind", bind(fd, (const struct sockaddr *)&address, sizeof address)) !=
            0 ||
        listen(fd, CLIENTS_MAX) != 0) {
        error_set_errno(error, errno, "cannot make the control socket in", state_path);
        return -1;
    }
    return fd_steal(&fd);
}

/* The file that has its name. All zero if there is none. */
static struct stat stat_socket(int folder_fd)
{
    struct stat st;

    return fstatat(folder_fd, "control", &st, AT_SYMLINK_NOFOLLOW) == 0 ? st : (struct stat){0};
}

bool control_renew(Control *control, GError **error)
{
    Daemon *daemon = control->daemon;
    struct stat now = stat_socket(daemon->lock.folder_fd);

    if (control->fd >= 0 && file_is_same(&now, &control->file))
        return true;
    autofd folder_fd = fcntl(daemon->lock.folder_fd, F_DUPFD_CLOEXEC, 0);
    autofd fd = folder_fd < 0 ? -1 : listen_in(folder_fd, daemon->state_path, error);
    if (folder_fd < 0)
        error_set_errno(error, errno, "cannot open", daemon->state_path);
    if (fd < 0)
        return false;
    g_clear_handle_id(&control->source, g_source_remove);
    fd_clear(&control->fd);
    fd_clear(&control->folder_fd);
    control->file = stat_socket(folder_fd);
    control->folder_fd = fd_steal(&folder_fd);
    control->fd = fd_steal(&fd);
    control->source = g_unix_fd_add(control->fd, G_IO_IN, on_connect, control);
    return true;
}

Control *control_open(Daemon *daemon, GError **error)
{
    Control *control = g_new0(Control, 1);

    control->daemon = daemon;
    control->folder_fd = -1;
    control->fd = -1;
    control->clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    if (control_renew(control, error))
        return control;
    g_ptr_array_unref(control->clients);
    g_free(control);
    return NULL;
}

void control_check_settled(Control *control)
{
    for (guint i = 0; i < control->clients->len; i++) {
        Client *client = g_ptr_array_index(control->clients, i);
        if (client->waits == WAITS_FOR_SYNC)
            answer(client, "ok");
    }
}

void control_check_jobs(Control *control)
{
    for (guint i = 0; i < control->clients->len; i++) {
        Client *client = g_ptr_array_index(control->clients, i);
        ProgressCount count;
        JobState state;
        if (client->waits != WAITS_FOR_JOB)
            continue;
        if (!backfill_progress(control->daemon, client->job, &count, &state))
            answer(client, "error there is no such job");
        else if (state == JOB_SUCCEEDED || state == JOB_FAILED)
            answer(client, "ok");
    }
}

void control_free(Control *control)
{
    if (!control)
        return;
    g_source_remove(control->source);
    g_clear_handle_id(&control->progress_source, g_source_remove);
    g_ptr_array_unref(control->clients);
    /* The next daemon does it otherwise. */
    (void)FAILPOINT("control.remove", unlinkat(control->folder_fd, "control", 0));
    fd_clear(&control->fd);
    fd_clear(&control->folder_fd);
    g_free(control);
}
