/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include "clock.h"
#include "error.h"
#include "file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RETRY_MS   100
#define UNSENT_MAX 4096 /* bytes; a manager that takes nothing for so long has gone */

/* How long a start may take from now on, and how often that is said. */
#define EXTEND_TEXT     "60000000"
#define EXTEND_EVERY_US (20 * CLOCK_US_PER_SEC)

struct Service {
    int fd;
    struct sockaddr_un address;
    socklen_t address_len;
    bool ready;
    bool has_watchdog;
    GString *unsent; /* what the manager had no room for: lines that it must have */
    char *status;    /* as it was last */
    bool status_is_unsent;
    ServiceDescribe *describe;
    void *data;
    guint life_source, status_source, retry_source;
};

/* ---- sending ------------------------------------------------------------------------------------
 */

/* False: there is no room now. Whatever else goes wrong would go wrong again. */
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

/* What the manager must hear, in this order. `lines` ends without a line feed. */
static void tell(Service *service, const char *lines)
{
    if (service->unsent->len == 0 && send_text(service, lines, strlen(lines)))
        return;
    if (service->unsent->len + strlen(lines) < UNSENT_MAX)
        g_string_append_printf(service->unsent, "%s%s", service->unsent->len > 0 ? "\n" : "",
                               lines);
    send_soon(service);
}

/* Only the newest one matters. */
static void tell_status(Service *service, const char *text)
{
    if (g_strcmp0(text, service->status) == 0)
        return;
    g_free(service->status);
    service->status = g_strdup(text);
    service->status_is_unsent = service->unsent->len > 0 || !send_status(service);
    if (service->status_is_unsent)
        send_soon(service);
}

/* ---- signs of life ------------------------------------------------------------------------------
 */

/* From the loop: one that hangs is found out. Where there is no room, the next one will do. */
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
        tell_status(service, text);
    return G_SOURCE_CONTINUE;
}

/* Microseconds between two pings as the manager wants them; 0 if it does not want any. */
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

/* ---- opening ------------------------------------------------------------------------------------
 */

/* A path, or the name of an abstract socket after '@'. */
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

/* The variable's value, which is in the environment no more. */
static char *take_variable(const char *name)
{
    char *value = g_strdup(g_getenv(name));

    g_unsetenv(name);
    return value;
}

bool service_open(ServiceDescribe *describe, void *data, Service **ret_service, GError **error)
{
    g_autofree char *name = take_variable("NOTIFY_SOCKET");
    g_autofree char *usec = take_variable("WATCHDOG_USEC");
    g_autofree char *pid = take_variable("WATCHDOG_PID");

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

/* ---- what the daemon says -----------------------------------------------------------------------
 */

void service_ready(Service *service)
{
    if (!service || service->ready)
        return;
    service->ready = true;
    tell(service, "READY=1");
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
    tell_status(service, text);
}

void service_reloading(Service *service)
{
    if (!service)
        return;
    service->ready = false;
    g_autofree char *lines =
        g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, clock_monotonic_us());
    tell(service, lines);
}

void service_stopping(Service *service)
{
    if (!service)
        return;
    tell(service, "STOPPING=1");
    tell_status(service, "stopping when the running handlers have finished");
    g_clear_handle_id(&service->status_source, g_source_remove); /* that is the last word */
}
