/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "clock.h"
#include "error.h"
#include "file.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void control_address(int folder_fd, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "/proc/self/fd/%d/control",
               folder_fd);
}

int control_connect(const char *state_path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd folder_fd = trusted_open_folder(AT_FDCWD, state_path, false, &reason);
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;

    if (folder_fd < 0 && error_code(reason) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return -1;
    }
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a socket for", state_path);
        return -1;
    }
    control_address(folder_fd, &address);
    errno = ENOENT;
    if (folder_fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return trusted_peer(fd, error) ? fd_steal(&fd) : -1;
    if (errno == ENOENT || errno == ECONNREFUSED)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "no daemon runs on '%s'", state_path);
    else
        error_set_errno(error, errno, "cannot reach the daemon of", state_path);
    return -1;
}

/* `end_us`: on the monotonic clock; INT64_MAX for never. */
static bool wait_readable(int fd, const ControlWait *wait, int64_t end_us, GError **error)
{
    struct pollfd waiting[] = {{.fd = fd, .events = POLLIN},
                               {.fd = wait->stop_fd > 0 ? wait->stop_fd : -1, .events = POLLIN}};

    for (;;) {
        int64_t left_ms = (end_us - clock_monotonic_us()) / CLOCK_US_PER_MS;
        int n = poll(waiting, G_N_ELEMENTS(waiting),
                     end_us == INT64_MAX ? -1 : (int)CLAMP(left_ms, 0, G_MAXINT));
        if (n > 0 && waiting[1].revents) {
            g_set_error(error, THUMBQ_ERROR, ERROR_INTERRUPTED, "interrupted; the daemon goes on");
            return false;
        }
        if (n > 0)
            return true;
        if (n == 0) {
            g_set_error(error, THUMBQ_ERROR, ERROR_TIMEOUT,
                        "the daemon has not finished within %.1f s; it goes on",
                        (double)wait->timeout_us / CLOCK_US_PER_SEC);
            return false;
        }
        if (errno != EINTR) {
            g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot wait for the daemon: %s",
                        g_strerror(errno));
            return false;
        }
    }
}

static bool parse_progress(const char *text, ProgressCount *ret_count)
{
    int is_growing;
    bool valid = sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %d", &ret_count->done,
                        &ret_count->total, &ret_count->failed, &is_growing) == 4;

    ret_count->is_growing = valid && is_growing;
    return valid;
}

/* Takes what comes before the answer. False if `line` is none of that. */
static bool take_news(const char *line, const ControlWait *wait)
{
    ProgressCount count;

    if (g_str_has_prefix(line, "progress ")) {
        if (wait->progress && parse_progress(line + strlen("progress "), &count))
            wait->progress(&count, wait->progress_data);
        return true;
    }
    if (g_str_has_prefix(line, "item ")) {
        if (wait->item)
            wait->item(line + strlen("item "), wait->item_data);
        return true;
    }
    return false;
}

/* What the other end has sent is printed: nothing in it may drive a terminal or forge a line. */
static void make_harmless(char *line)
{
    bool is_utf8 = g_utf8_validate(line, -1, NULL);

    for (char *at = line; *at; at++) {
        unsigned char byte = (unsigned char)at[0], next = (unsigned char)at[1];
        bool is_c1 = is_utf8 && byte == 0xc2 && next < 0xa0; /* U+0080 to U+009F, of two bytes */
        if (is_c1)
            *at++ = '?';
        if (is_c1 || (byte < ' ' && byte != '\t') || byte == 0x7f || (byte >= 0x80 && !is_utf8))
            *at = '?';
    }
}

/* The next packet. False at the end of all. */
static bool receive(int fd, char line[static CONTROL_LINE_MAX], GError **error)
{
    ssize_t len = recv(fd, line, CONTROL_LINE_MAX - 1, 0);

    if (len <= 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "the daemon ended before it answered");
        return false;
    }
    line[len] = '\0';
    make_harmless(line);
    return true;
}

char *control_ask(int fd, const char *request, const ControlWait *wait, GError **error)
{
    const ControlWait nothing = {0};
    char line[CONTROL_LINE_MAX];

    wait = wait ? wait : &nothing;
    int64_t end_us = wait->timeout_us > 0 ? clock_monotonic_us() + wait->timeout_us : INT64_MAX;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot ask the daemon: %s", g_strerror(errno));
        return NULL;
    }
    do {
        if (!wait_readable(fd, wait, end_us, error) || !receive(fd, line, error))
            return NULL;
    } while (take_news(line, wait));
    if (strcmp(line, "ok") == 0 || g_str_has_prefix(line, "ok "))
        return g_strdup(line[2] ? line + 3 : "");
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the daemon refuses: %s",
                g_str_has_prefix(line, "error ") ? line + 6 : line);
    return NULL;
}

char *control_request(const char *state_path, const char *request, const ControlWait *wait,
                      GError **error)
{
    autofd fd = control_connect(state_path, error);
    return fd < 0 ? NULL : control_ask(fd, request, wait, error);
}
