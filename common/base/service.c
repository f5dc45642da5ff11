/* SPDX-License-Identifier: Apache-2.0 */
#include "base/service.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RETRY_MS 100
/* Bytes; a manager that reads nothing until this is full has gone. */
#define UNSENT_MAX 4096

/* The requested time for the start from now on, microseconds, and the interval of the requests. */
#define EXTEND_TEXT     "60000000"
#define EXTEND_EVERY_US (20 * CLOCK_US_PER_SEC)

struct Service {
    int fd;
    struct sockaddr_un address;
    socklen_t address_len;
    bool ready;
    bool has_watchdog;
    /* Lines that must reach the manager and that it had no room for. */
    GString *unsent;
    /* The last status. */
    char *status;
    bool status_is_unsent;
    ServiceDescribe *describe;
    void *data;
    guint life_source, status_source, retry_source;
};

/* Sends the text. Returns false if there is no room now. Any other error would happen again, and is
 * ignored. */
static bool send_text(const Service *service, const char *text, size_t len)
{
    return sendto(service->fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&service->address,
                  service->address_len) >= 0 ||
           (errno != EAGAIN && errno != ENOBUFS);
}

static bool send_status(const Service *service)
{
    /* A line feed would begin another assignment. */
    g_autofree char *line = g_strdup_printf("STATUS=%s", service->status);
    g_strdelimit(line, "\n\r", ' ');
    return send_text(service, line, strlen(line));
}

/* Sends systemd the text and status that it could not receive before. */
static gboolean send_unsent(gpointer data)
{
    Service *service = data;

    if (service->unsent->len > 0 && !send_text(service, service->unsent->str, service->unsent->len))
        return G_SOURCE_CONTINUE;
    g_string_truncate(service->unsent, 0);
    if (service->status_is_unsent && !send_status(service))
        return G_SOURCE_CONTINUE;
    service->status_is_unsent = false;
    service->retry_source = 0;
    return G_SOURCE_REMOVE;
}

static void send_soon(Service *service)
{
    if (!service->retry_source)
        service->retry_source = g_timeout_add(RETRY_MS, send_unsent, service);
}

/* Sends lines that must reach the manager, in this order. `lines` ends without a line feed. */
static void send_or_queue(Service *service, const char *lines)
{
    if (service->unsent->len == 0 && send_text(service, lines, strlen(lines)))
        return;
    if (service->unsent->len + strlen(lines) < UNSENT_MAX)
        g_string_append_printf(service->unsent, "%s%s", service->unsent->len > 0 ? "\n" : "",
                               lines);
    send_soon(service);
}

/* Sends the status if it is another one. Only the newest one matters. */
static void change_status(Service *service, const char *text)
{
    if (g_strcmp0(text, service->status) == 0)
        return;
    g_free(service->status);
    service->status = g_strdup(text);
    service->status_is_unsent = service->unsent->len > 0 || !send_status(service);
    if (service->status_is_unsent)
        send_soon(service);
}

/* Sends a ping from the loop, so that the manager detects a loop that hangs. Without room the next
 * ping is enough. */
static gboolean show_life(gpointer data)
{
    static const char ping[] = "WATCHDOG=1", wait[] = "EXTEND_TIMEOUT_USEC=" EXTEND_TEXT;
    Service *service = data;

    if (service->has_watchdog)
        (void)send_text(service, ping, strlen(ping));
    if (!service->ready)
        (void)send_text(service, wait, strlen(wait));
    return G_SOURCE_CONTINUE;
}

static gboolean show_status(gpointer data)
{
    Service *service = data;
    g_autofree char *text = service->describe(service->data);

    if (text)
        change_status(service, text);
    return G_SOURCE_CONTINUE;
}

/* Returns the microseconds between two pings; 0 if the manager does not want pings. */
static int64_t watchdog_us(const char *usec, const char *pid)
{
    guint64 us, watched;

    if (!usec || !g_ascii_string_to_unsigned(usec, 10, 1, G_MAXINT64, &us, NULL))
        return 0;
    if (pid && (!g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT, &watched, NULL) ||
                (pid_t)watched != getpid()))
        return 0;
    return (int64_t)us;
}

static void start_timers(Service *service, int64_t watchdog)
{
    int64_t life_us = watchdog > 0 ? MIN(watchdog / 3, EXTEND_EVERY_US) : EXTEND_EVERY_US;
    int64_t status_us = MIN(life_us, SERVICE_STATUS_S * CLOCK_US_PER_SEC);

    service->has_watchdog = watchdog > 0;
    service->life_source =
        g_timeout_add((guint)MAX(life_us / CLOCK_US_PER_MS, 1), show_life, service);
    if (service->describe)
        service->status_source =
            g_timeout_add((guint)MAX(status_us / CLOCK_US_PER_MS, 1), show_status, service);
}

/* Sets a path, or the name of an abstract socket after '@'. */
static bool set_address(Service *service, const char *name, GError **error)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof service->address.sun_path) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "$NOTIFY_SOCKET: '%s' is neither a path nor '@' and a name", name);
        return false;
    }
    service->address.sun_family = AF_UNIX;
    memcpy(service->address.sun_path, name, len);
    if (name[0] == '@')
        service->address.sun_path[0] = '\0';
    service->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

/* Returns the variable's value, and removes it from the environment. */
static char *steal_variable(const char *name)
{
    char *value = g_strdup(g_getenv(name));

    g_unsetenv(name);
    return value;
}

bool service_open(ServiceDescribe *describe, void *data, Service **ret_service, GError **error)
{
    g_autofree char *name = steal_variable("NOTIFY_SOCKET");
    g_autofree char *usec = steal_variable("WATCHDOG_USEC");
    g_autofree char *pid = steal_variable("WATCHDOG_PID");

    if (!name || !*name) {
        *ret_service = NULL;
        return true;
    }
    g_autoptr(Service) service = g_new0(Service, 1);
    service->fd = -1;
    service->unsent = g_string_new(NULL);
    service->describe = describe;
    service->data = data;
    if (!set_address(service, name, error))
        return false;
    service->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (service->fd < 0) {
        error_set_errno(error, errno, "cannot speak to", name);
        return false;
    }
    start_timers(service, watchdog_us(usec, pid));
    *ret_service = g_steal_pointer(&service);
    return true;
}

int service_claim_sockets(void)
{
    g_autofree char *pid = steal_variable("LISTEN_PID");
    g_autofree char *fds = steal_variable("LISTEN_FDS");
    guint64 owner, n;

    g_unsetenv("LISTEN_FDNAMES");
    if (!pid || !fds || !g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT, &owner, NULL) ||
        (pid_t)owner != getpid() ||
        !g_ascii_string_to_unsigned(fds, 10, 0, SERVICE_SOCKETS_MAX, &n, NULL))
        return 0;
    for (int fd = SERVICE_FIRST_SOCKET; fd < SERVICE_FIRST_SOCKET + (int)n; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return (int)n;
}

void service_free(Service *service)
{
    if (!service)
        return;
    g_clear_handle_id(&service->life_source, g_source_remove);
    g_clear_handle_id(&service->status_source, g_source_remove);
    g_clear_handle_id(&service->retry_source, g_source_remove);
    fd_clear(&service->fd);
    g_string_free(service->unsent, TRUE);
    g_free(service->status);
    g_free(service);
}

void service_ready(Service *service)
{
    if (!service || service->ready)
        return;
    service->ready = true;
    send_or_queue(service, "READY=1");
    show_life(service);
    if (service->describe)
        show_status(service);
}

void service_status(Service *service, const char *format, ...)
{
    va_list args;

    if (!service)
        return;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    change_status(service, text);
}

void service_reloading(Service *service)
{
    if (!service)
        return;
    service->ready = false;
    g_autofree char *lines =
        g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, clock_monotonic_us());
    send_or_queue(service, lines);
}

void service_stopping(Service *service, const char *status)
{
    if (!service)
        return;
    send_or_queue(service, "STOPPING=1");
    change_status(service, status);
    /* No status follows this one. */
    g_clear_handle_id(&service->status_source, g_source_remove);
}
