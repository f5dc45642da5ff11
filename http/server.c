/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "server_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define BACKLOG          1024
#define CONNECTION_BYTES ((size_t)64 * 1024)
#define TICK_MS          1000

/* TLS 1.2 and later. */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

typedef struct {
    GSource source;
    HttpServer *server;
    /* Tag of the epoll descriptor in the source. */
    void *tag;
} LoopSource;

/* Milliseconds until the library has to run; -1: no timeout is set. */
static gint wait_ms(const HttpServer *server)
{
    MHD_UNSIGNED_LONG_LONG wait;

    if (server->is_running || MHD_get_timeout(server->daemon, &wait) != MHD_YES)
        return -1;
    return (gint)MIN(wait, (MHD_UNSIGNED_LONG_LONG)G_MAXINT);
}

static gboolean prepare(GSource *source, gint *timeout)
{
    *timeout = wait_ms(((LoopSource *)source)->server);
    return *timeout == 0;
}

/* The descriptor and the timeout decide: GLib also calls this when another source was ready. */
static gboolean check(GSource *source)
{
    const LoopSource *loop = (LoopSource *)source;

    if (loop->server->is_running)
        return FALSE;
    return g_source_query_unix_fd(source, loop->tag) || wait_ms(loop->server) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    HttpServer *server = ((LoopSource *)source)->server;

    (void)callback;
    (void)data;
    /* GLib dispatches a source by its ready time, too, whatever check() returns. */
    if (server->is_running)
        return G_SOURCE_CONTINUE;
    /* The end of an exchange's work sets the ready time, and GLib does not reset it. */
    g_source_set_ready_time(source, -1);
    server->is_running = true;
    /* At the limit of connections, the library accepts again only in the run after the one that has
     * closed a connection. So it runs once more after each closed connection. */
    do {
        server->has_closed = false;
        /* MHD_run fails only while the library stops. */
        (void)MHD_run(server->daemon);
    } while (server->has_closed);
    server->is_running = false;
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs loop_functions = {.prepare = prepare, .check = check, .dispatch = dispatch};

static GSource *watch(HttpServer *server, int epoll_fd)
{
    GSource *source = g_source_new(&loop_functions, sizeof(LoopSource));

    ((LoopSource *)source)->server = server;
    ((LoopSource *)source)->tag = g_source_add_unix_fd(source, epoll_fd, G_IO_IN);
    /* GLib takes the descriptor of a source that may not recurse out of the loop during each
     * dispatch, and wakes the loop twice for that. `is_running` keeps this source from recursion.
     */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, NULL);
    return source;
}

static void name_address(const struct sockaddr *address, char text[static HTTP_ADDRESS_MAX])
{
    socklen_t len = address->sa_family == AF_INET6  ? sizeof(struct sockaddr_in6)
                    : address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                    : 0;

    if (!len || getnameinfo(address, len, text, HTTP_ADDRESS_MAX, NULL, 0, NI_NUMERICHOST) != 0)
        g_strlcpy(text, "-", HTTP_ADDRESS_MAX);
}

static void see_connection(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode code)
{
    HttpServer *server = cls;
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        server->has_closed = true;
        g_hash_table_remove(server->peers, *context);
        *context = NULL;
        return;
    }
    Peer *peer = g_new0(Peer, 1);
    peer->server = server;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    peer->fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr)
        name_address(info->client_addr, peer->address);
    peer->deadline_us = clock_monotonic_us() + server->limits.header_deadline_us;
    g_hash_table_add(server->peers, peer);
    *context = peer;
}

static gboolean tick(void *data)
{
    http_server_cut_slow(data, clock_monotonic_us());
    return G_SOURCE_CONTINUE;
}

static void save_message(void *cls, const char *format, va_list arguments) G_GNUC_PRINTF(2, 0);

/* The first message of the library is the reason if the start fails. Later ones are about single
 * connections, and of no use. */
static void save_message(void *cls, const char *format, va_list arguments)
{
    HttpServer *server = cls;

    if (!server->message)
        server->message = g_strstrip(g_strdup_vprintf(format, arguments));
}

/* Leaves the escapes in the target: http_target_parse decodes them. */
static size_t leave_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(HttpServer *server, int listen_fd, const HttpTls *tls)
{
    const HttpLimits *limits = &server->limits;
    const unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem secure[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? (void *)tls->certificate : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? (void *)tls->key : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};

    return MHD_start_daemon(
        flags, 0, NULL, NULL, http_server_handle, server, MHD_OPTION_EXTERNAL_LOGGER, save_message,
        server, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT, limits->max_connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits->max_connections_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(limits->idle_us / CLOCK_US_PER_SEC),
        MHD_OPTION_URI_LOG_CALLBACK, http_server_see_target, server, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escapes, NULL, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_NOTIFY_COMPLETED,
        http_server_end_request, server, MHD_OPTION_NOTIFY_CONNECTION, see_connection, server,
        MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_ARRAY, tls ? secure : plain, MHD_OPTION_END);
}

/* A server has many connections and files open at once: the soft limit, often 1024, is too low. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        /* The server runs with a lower limit, too. */
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Starts the library with a copy of the listening socket, which it closes. */
static bool start(HttpServer *server, const HttpTls *tls, GError **error)
{
    int fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        error_set_errno(error, errno, "cannot use", "the listening socket");
        return false;
    }
    server->daemon = start_daemon(server, fd, tls);
    const union MHD_DaemonInfo *info =
        server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info) {
        server->source = watch(server, info->epoll_fd);
        return true;
    }
    if (!server->daemon)
        (void)close(fd);
    const char *message = server->message ? server->message : "the library gives no reason";
    g_set_error(error, THUMBQ_ERROR, tls ? ERROR_CONFIG : ERROR_IO, "cannot start the server%s: %s",
                tls ? " with this certificate and key" : "", message);
    return false;
}

HttpServer *http_server_new(int listen_fd, const HttpLimits *limits, const HttpTls *tls,
                            const HttpHandler *handler, void *data, GError **error)
{
    HttpServer *server = g_new0(HttpServer, 1);

    raise_file_limit();
    server->limits = *limits;
    server->handler = handler;
    server->data = data;
    server->listen_fd = listen_fd;
    /* Without random bytes, the wall clock is the first number: an id need not be secret. */
    if (getrandom(&server->next_number, sizeof server->next_number, GRND_NONBLOCK) !=
        (ssize_t)sizeof server->next_number)
        server->next_number = (uint64_t)clock_wall_us();
    server->peers = g_hash_table_new_full(NULL, NULL, g_free, NULL);
    server->exchanges = g_hash_table_new(NULL, NULL);
    http_work_init(server);
    if (!start(server, tls, error)) {
        http_server_free(server);
        return NULL;
    }
    server->tick = g_timeout_add(TICK_MS, tick, server);
    return server;
}

int http_server_socket(const HttpServer *server)
{
    return server->listen_fd;
}

void http_server_stop_accepting(HttpServer *server)
{
    if (server->has_stopped)
        return;
    server->has_stopped = true;
    int fd = MHD_quiesce_daemon(server->daemon);
    fd_clear(&fd);
}

void http_server_stop(HttpServer *server)
{
    http_server_stop_accepting(server);
    server->is_ending = true;
    http_work_give_up(server);
}

unsigned http_server_connections(const HttpServer *server)
{
    return g_hash_table_size(server->peers);
}

unsigned http_server_exchanges(const HttpServer *server)
{
    return g_hash_table_size(server->exchanges);
}

void http_server_free(HttpServer *server)
{
    if (!server)
        return;
    if (server->daemon)
        http_server_stop(server);
    while (server->n_working > 0)
        (void)g_main_context_iteration(NULL, TRUE);
    if (server->tick)
        g_source_remove(server->tick);
    if (server->source) {
        g_source_destroy(server->source);
        g_source_unref(server->source);
    }
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    fd_clear(&server->listen_fd);
    http_work_clear(server);
    g_hash_table_destroy(server->exchanges);
    g_hash_table_destroy(server->peers);
    g_free(server->message);
    g_free(server);
}

static int listen_at(const struct addrinfo *info)
{
    const int on = 1;
    autofd fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (info->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return -1;
    return fd_steal(&fd);
}

int http_listen(const char *address, GError **error)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(address, ':');
    bool is_bracketed = address[0] == '[' && colon && colon > address && colon[-1] == ']';
    g_autofree char *host =
        colon ? g_strndup(address + is_bracketed, (size_t)(colon - address) - 2 * is_bracketed)
              : NULL;
    struct addrinfo *info = NULL;

    if (!colon || !*host || getaddrinfo(host, colon + 1, &hints, &info) != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' is no address to listen at: 127.0.0.1:8333, [::1]:8333, 0.0.0.0:8333",
                    address);
        return -1;
    }
    int fd = listen_at(info);
    if (fd < 0)
        error_set_errno(error, errno, "cannot listen at", address);
    freeaddrinfo(info);
    return fd;
}

char *http_format_address(const struct sockaddr *address)
{
    char host[HTTP_ADDRESS_MAX], port[8];
    const bool is_6 = address->sa_family == AF_INET6;
    const socklen_t len = is_6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    if ((!is_6 && address->sa_family != AF_INET) ||
        getnameinfo(address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;
    return g_strdup_printf(is_6 ? "[%s]:%s" : "%s:%s", host, port);
}
