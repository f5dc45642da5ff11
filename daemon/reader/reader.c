/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/reader.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "control/socket.h"
#include "daemon/reader_link.h"
#include "store/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Delay before a dead reader is started again. It is doubled each time, until a reader lives
 * longer. */
#define AGAIN_FIRST_MS 100
#define AGAIN_LAST_MS  60000
#define LIVES_US       (10 * CLOCK_US_PER_SEC)

struct QueryReader {
    const BucketState *state;
    const DaemonRun *run;
    /* Folder of the socket. */
    int folder_fd;
    /* The folder is not the state folder. */
    bool is_public;
    /* Device and inode of the socket's name. */
    struct stat file;
    /* The listening socket. */
    int socket_fd;
    int shared_fd;
    ReaderShared *shared;
    /* 0: no reader runs. */
    pid_t pid;
    int link_fd;
    guint link_source;
    /* Monotonic clock. */
    int64_t start_us;
    guint again_source;
    guint again_ms;
    /* The death of the reader was logged. */
    bool is_logged;
};

/* Makes a memory file with the configuration in force. Returns -1 on error. */
static int write_config(const Config *config, GError **error)
{
    autofd fd = memfd_create("thumbq-config", MFD_CLOEXEC);
    FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (out)
        config_print(config, out);
    if (!out || fclose(out) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        error_set_errno(error, errno, "cannot write", "the configuration");
        return -1;
    }
    return fd_steal(&fd);
}

/* Turns the child process into the reader. Never returns. */
static void become_reader(const char *bucket_path, int *fds)
{
    char *const arguments[] = {(char *)"thumbq", (char *)READER_WORD, (char *)bucket_path, NULL};
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* The reader ends with the daemon, and not before. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        _exit(1);
    /* Moves the descriptors out of the range of the fixed numbers, then to these numbers. */
    for (int i = READER_FD_SOCKET; i < READER_FDS_END; i++)
        fds[i] = fcntl(fds[i], F_DUPFD, READER_FDS_END);
    for (int i = READER_FD_SOCKET; i < READER_FDS_END; i++) {
        if (fds[i] < 0 || dup2(fds[i], i) != i)
            _exit(1);
    }
    /* If this fails, the exec closes the close-on-exec ones. */
    (void)close_range(READER_FDS_END, ~0U, 0);
    execv("/proc/self/exe", arguments);
    _exit(1);
}

static gboolean on_link(gint fd, GIOCondition condition, gpointer data);

/* Starts the process of the reader, with the descriptors of reader_link.h, and watches its end of
 * the link. */
static bool start(QueryReader *reader, GError **error)
{
    const BucketState *state = reader->state;
    int pair[2];
    autofd config_fd = write_config(state->config, error);

    /* Not a copy of the daemon's descriptor: a copy would hold its lock, too. */
    autofd state_fd = openat(state->lock.folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (config_fd < 0)
        return false;
    if (state_fd < 0) {
        error_set_errno(error, errno, "cannot open", state->path);
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        error_set_errno(error, errno, "cannot make", "a socket pair");
        return false;
    }
    autofd ours = pair[0], theirs = pair[1];
    int fds[READER_FDS_END] = {[READER_FD_SOCKET] = reader->socket_fd,
                               [READER_FD_STATE] = state_fd,
                               [READER_FD_CONFIG] = config_fd,
                               [READER_FD_LINK] = theirs,
                               [READER_FD_SHARED] = reader->shared_fd};
    reader->pid = fork();
    if (reader->pid == 0)
        become_reader(state->bucket_path, fds);
    if (reader->pid < 0) {
        reader->pid = 0;
        error_set_errno(error, errno, "cannot start", "the query reader");
        return false;
    }
    reader->start_us = clock_monotonic_us();
    reader->link_fd = fd_steal(&ours);
    reader->link_source = g_unix_fd_add(reader->link_fd, G_IO_IN | G_IO_HUP, on_link, reader);
    return true;
}

/* Ends the reader. Returns its wait status. */
static int stop(QueryReader *reader)
{
    int status = 0;

    g_clear_handle_id(&reader->again_source, g_source_remove);
    g_clear_handle_id(&reader->link_source, g_source_remove);
    fd_clear(&reader->link_fd);
    if (reader->pid == 0)
        return 0;
    (void)kill(reader->pid, SIGKILL);
    while (waitpid(reader->pid, &status, 0) < 0 && errno == EINTR)
        ;
    reader->pid = 0;
    return status;
}

static void start_later(QueryReader *reader);

/* Starts the reader process, which had ended or could not be started before. */
static gboolean start_again(gpointer data)
{
    QueryReader *reader = data;
    g_autoptr(GError) error = NULL;

    reader->again_source = 0;
    /* The store is being reopened: the reader is started after that. */
    if (!reader->state->store)
        return G_SOURCE_REMOVE;
    if (!start(reader, &error)) {
        if (error && !reader->is_logged)
            log_warning("%s", error->message);
        reader->is_logged = true;
        start_later(reader);
    }
    return G_SOURCE_REMOVE;
}

static void start_later(QueryReader *reader)
{
    reader->again_source = g_timeout_add(reader->again_ms, start_again, reader);
    reader->again_ms = MIN(reader->again_ms * 2, AGAIN_LAST_MS);
}

/* Restarts the reader, which has died: a live reader never sends data. */
static gboolean on_link(gint fd, GIOCondition condition, gpointer data)
{
    QueryReader *reader = data;
    bool has_lived = clock_monotonic_us() - reader->start_us > LIVES_US;

    (void)fd;
    (void)condition;
    /* The return value removes this source. */
    reader->link_source = 0;
    /* The reader's end of the link is closed: the process is about to end, and is killed. */
    int status = stop(reader);
    if (run_is_stopping(reader->run))
        return G_SOURCE_REMOVE;
    if (has_lived) {
        reader->again_ms = AGAIN_FIRST_MS;
        reader->is_logged = false;
    }
    if (!reader->is_logged)
        log_warning("the query reader ended by %s %d; it is started again",
                    WIFSIGNALED(status) ? "signal" : "status",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    reader->is_logged = true;
    start_later(reader);
    return G_SOURCE_REMOVE;
}

void reader_committed(QueryReader *reader)
{
    if (!reader)
        return;
    uint64_t durable = store_last_sequencer(reader->state->store);
    if (atomic_load(&reader->shared->durable) == durable)
        return;
    atomic_store(&reader->shared->durable, durable);
    /* A full link already has a packet with the same meaning. */
    if (reader->link_fd >= 0)
        (void)send(reader->link_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Returns all zero if there is no socket. */
static struct stat stat_socket(int folder_fd)
{
    struct stat st;

    return fstatat(folder_fd, CONTROL_QUERY_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st
                                                                                 : (struct stat){0};
}

/* Listens in the service's runtime folder, which others can reach, or else in the state folder. */
static bool create_socket(QueryReader *reader, GError **error)
{
    const BucketState *state = reader->state;
    g_autofree char *path = control_runtime_folder(state->path);
    g_autoptr(GError) reason = NULL;
    uid_t owner = 0;
    autofd folder_fd = control_open_runtime(state->path, &owner, &reason);

    reader->is_public = folder_fd >= 0 && owner == geteuid();
    if (reason)
        log_warning("%s", reason->message);
    if (!reader->is_public) {
        fd_clear(&folder_fd);
        folder_fd = fcntl(state->lock.folder_fd, F_DUPFD_CLOEXEC, 0);
    }
    if (folder_fd < 0) {
        error_set_errno(error, errno, "cannot open", state->path);
        return false;
    }
    /* The reader checks the peer's credentials: any user may connect to a public socket, but not
     * every user gets an answer. */
    int fd = control_listen(folder_fd, CONTROL_QUERY_NAME, reader->is_public ? 0666 : 0600,
                            reader->is_public ? path : state->path, error);
    if (fd < 0)
        return false;
    fd_clear(&reader->socket_fd);
    fd_clear(&reader->folder_fd);
    reader->file = stat_socket(folder_fd);
    reader->folder_fd = fd_steal(&folder_fd);
    reader->socket_fd = fd;
    return true;
}

/* Warns that the configured groups cannot reach the socket. */
static void warn_unreachable(const QueryReader *reader)
{
    const BucketState *state = reader->state;

    if (!reader->is_public && *state->config->access_readers)
        log_warning("[access] readers: nobody else reaches the query socket, because it lies in "
                    "'%s', which is closed to others; run thumbq as a service with its state in "
                    "/var/lib/thumbq ('thumbq setup'), or ask as this user",
                    state->path);
}

bool reader_is_in_place(const QueryReader *reader)
{
    /* The state folder may have been moved and made anew. */
    struct stat now =
        stat_socket(reader->is_public ? reader->folder_fd : reader->state->lock.folder_fd);

    return file_is_same(&now, &reader->file);
}

void reader_renew(QueryReader *reader)
{
    g_autoptr(GError) error = NULL;

    if (!reader)
        return;
    (void)stop(reader);
    if (!reader_is_in_place(reader) && !create_socket(reader, &error)) {
        log_warning("%s", error->message);
        return;
    }
    reader->again_ms = AGAIN_FIRST_MS;
    reader->is_logged = false;
    reader_committed(reader);
    start_again(reader);
}

QueryReader *reader_open(const BucketState *state, const DaemonRun *run, GError **error)
{
    QueryReader *reader = g_new0(QueryReader, 1);

    reader->state = state;
    reader->run = run;
    reader->folder_fd = reader->socket_fd = reader->link_fd = -1;
    reader->again_ms = AGAIN_FIRST_MS;
    reader->shared_fd = memfd_create("thumbq-reader", MFD_CLOEXEC);
    if (reader->shared_fd >= 0 && ftruncate(reader->shared_fd, sizeof(ReaderShared)) == 0)
        reader->shared = mmap(NULL, sizeof(ReaderShared), PROT_READ | PROT_WRITE, MAP_SHARED,
                              reader->shared_fd, 0);
    if (!reader->shared || reader->shared == MAP_FAILED) {
        reader->shared = NULL;
        error_set_errno(error, errno, "cannot make", "memory for the query reader");
        reader_free(reader);
        return NULL;
    }
    if (!create_socket(reader, error)) {
        reader_free(reader);
        return NULL;
    }
    warn_unreachable(reader);
    reader_committed(reader);
    start_again(reader);
    return reader;
}

void reader_free(QueryReader *reader)
{
    if (!reader)
        return;
    (void)stop(reader);
    /* The next daemon replaces a socket that stays. */
    if (reader->folder_fd >= 0)
        (void)unlinkat(reader->folder_fd, CONTROL_QUERY_NAME, 0);
    fd_clear(&reader->socket_fd);
    fd_clear(&reader->folder_fd);
    if (reader->shared)
        (void)munmap(reader->shared, sizeof(ReaderShared));
    fd_clear(&reader->shared_fd);
    g_free(reader);
}
