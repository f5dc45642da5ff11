/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server that repeats its requests, for tests from outside.
 *
 * Usage: http_driver [HEADER_DEADLINE_MS [BODY_RATE [MAX_CONNECTIONS [PER_ADDRESS]]]]
 *
 * It prints its port. Each answer is "METHOD TARGET TAKEN\n". /refuse is answered before its body,
 * /work by a thread, /file with the program's own first 64 KiB. /long/OWNER is long work of OWNER,
 * which ends after /release. Each request that has ended is a
 * line of the access log on stdout. The server ends when its standard input ends.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "http/access_log.h"
#include "http/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(HttpExchange *exchange)
{
    const HttpHead *head = http_exchange_head(exchange);
    const int64_t *taken = http_exchange_state(exchange);
    g_autofree char *text = g_strdup_printf("%s %s %" G_GINT64_FORMAT "\n", head->method,
                                            head->target.path, taken ? *taken : 0);

    http_exchange_answer(exchange, 200, "text/plain", text, strlen(text));
}

static void begin(HttpExchange *exchange, void *data)
{
    (void)data;
    http_exchange_set_state(exchange, g_new0(int64_t, 1), g_free);
    if (strcmp(http_exchange_head(exchange)->target.path, "/refuse") == 0)
        http_exchange_answer(exchange, 403, "text/plain", "no\n", 3);
}

static void take(HttpExchange *exchange, const void *bytes, size_t len, void *data)
{
    int64_t *taken = http_exchange_state(exchange);

    (void)bytes;
    (void)data;
    *taken += (int64_t)len;
}

static void work(void *data)
{
    int *number = data;

    ++*number;
}

static GMutex mutex;
static GCond changed;
static bool is_released;

static void release(void)
{
    g_mutex_lock(&mutex);
    is_released = true;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&mutex);
}

/* Says on stdout that the work has begun. */
static void work_long(void *data)
{
    printf("begins %s\n", (const char *)data);
    fflush(stdout);
    g_mutex_lock(&mutex);
    while (!is_released)
        g_cond_wait(&changed, &mutex);
    g_mutex_unlock(&mutex);
}

static void done(HttpExchange *exchange, void *data)
{
    (void)data;
    answer(exchange);
}

static void end(HttpExchange *exchange, void *data)
{
    static int works;
    const char *path = http_exchange_head(exchange)->target.path;

    (void)data;
    if (strcmp(path, "/release") == 0)
        release();
    if (g_str_has_prefix(path, "/long/"))
        http_exchange_work_long(exchange, work_long, done, (char *)path, path);
    else if (strcmp(path, "/work") == 0)
        http_exchange_work(exchange, work, done, &works);
    else if (strcmp(path, "/file") == 0)
        http_exchange_answer_file(exchange, 200, "application/octet-stream",
                                  open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 0, 65536);
    else
        answer(exchange);
}

static void finish(HttpExchange *exchange, const HttpOutcome *outcome, void *data)
{
    const HttpHead *head = http_exchange_head(exchange);
    g_autoptr(GString) line = g_string_new(NULL);
    const AccessLogEntry entry = {
        .peer = http_exchange_peer(exchange),
        .id = http_exchange_id(exchange),
        .method = head->method,
        .target = head->target.raw_path,
        .agent = http_head_get(head, "User-Agent"),
        .outcome = *outcome,
        .now_us = clock_wall_us(),
    };

    (void)data;
    access_log_append(line, ACCESS_LOG_COMBINED, &entry);
    fputs(line->str, stdout);
    fflush(stdout);
}

static gboolean stop(GIOChannel *channel, GIOCondition condition, void *loop)
{
    (void)channel;
    (void)condition;
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static int64_t argument(char **argv, int argc, int i, int64_t fallback)
{
    return i < argc ? g_ascii_strtoll(argv[i], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
    static const HttpHandler handler = {begin, take, end, finish};
    const HttpLimits limits = {
        .header_deadline_us = argument(argv, argc, 1, 10000) * CLOCK_US_PER_MS,
        .body_rate_bytes = argument(argv, argc, 2, 1024),
        .max_connections = (unsigned)argument(argv, argc, 3, 1000),
        .max_connections_per_address = (unsigned)argument(argv, argc, 4, 0),
        .idle_us = 60 * CLOCK_US_PER_SEC,
    };
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN);
    int fd = http_listen("127.0.0.1:0", &error);
    g_assert_no_error(error);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
    HttpServer *server = http_server_new(fd, &limits, NULL, &handler, NULL, &error);
    g_assert_no_error(error);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);

    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    GIOChannel *input = g_io_channel_unix_new(STDIN_FILENO);
    g_io_add_watch(input, G_IO_HUP, stop, loop);
    g_main_loop_run(loop);
    g_io_channel_unref(input);
    g_main_loop_unref(loop);
    http_server_free(server);
    return 0;
}
