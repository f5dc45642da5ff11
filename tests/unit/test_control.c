/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the control socket: news and answers, to those who read and those who do not. */
#include "control.h"
#include "control_peer.h"
#include "error.h"
#include "file.h"

#include <string.h>
#include <sys/socket.h>

typedef struct {
    ControlPeer *peer;
    int fd;        /* the client's end */
    GString *news; /* what it was told before the answer */
} Line;

static void line_init(Line *line)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
    *line = (Line){control_peer_new(fds[0]), fds[1], g_string_new(NULL)};
}

static void line_clear(Line *line)
{
    g_clear_pointer(&line->peer, control_peer_free);
    fd_clear(&line->fd);
    g_string_free(line->news, TRUE);
}

static void note_progress(const ProgressCount *count, void *data)
{
    g_string_append_printf(data, "%d of %d, %d%s;", (int)count->done, (int)count->total,
                           (int)count->failed, count->is_growing ? ", grows" : "");
}

static void note_item(const char *text, void *data)
{
    g_string_append_printf(data, "%s;", text);
}

/* What the client makes of what was sent before it asked. */
static char *ask(Line *line, GError **error)
{
    const ControlWait wait = {.progress = note_progress,
                              .progress_data = line->news,
                              .item = note_item,
                              .item_data = line->news};
    return control_ask(line->fd, "request", &wait, error);
}

static void test_news(void)
{
    g_autoptr(GError) error = NULL;
    Line line;

    line_init(&line);
    control_peer_progress(line.peer, &(ProgressCount){1, 10, 0, true});
    g_assert_true(control_peer_item(line.peer, "one thing", NULL, NULL));
    control_peer_progress(line.peer, &(ProgressCount){2, 10, 1, false});
    control_peer_answer(line.peer, "ok done");
    g_autofree char *answer = ask(&line, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(answer, ==, "done");
    g_assert_cmpstr(line.news->str, ==, "1 of 10, 0, grows;one thing;2 of 10, 1;");
    line_clear(&line);
}

/* Nobody has to listen. */
static void test_news_unheard(void)
{
    g_autoptr(GError) error = NULL;
    Line line;

    line_init(&line);
    control_peer_progress(line.peer, &(ProgressCount){1, 10, 0, true});
    g_assert_true(control_peer_item(line.peer, "one thing", NULL, NULL));
    control_peer_answer(line.peer, "ok");
    g_autofree char *answer = control_ask(line.fd, "request", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(answer, ==, "");
    line_clear(&line);
}

static void test_refused(void)
{
    g_autoptr(GError) error = NULL;
    Line line;

    line_init(&line);
    control_peer_answer(line.peer, "error not now");
    g_assert_null(ask(&line, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_assert_nonnull(strstr(error->message, "not now"));
    line_clear(&line);
}

static void test_daemon_ends(void)
{
    g_autoptr(GError) error = NULL;
    Line line;

    line_init(&line);
    control_peer_progress(line.peer, &(ProgressCount){1, 10, 0, true});
    /* As a daemon does that is killed with the request in its socket: no answer ever. */
    shutdown(control_peer_fd(line.peer), SHUT_WR);
    g_assert_null(ask(&line, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
    line_clear(&line);
}

static void test_stopped(void)
{
    g_autoptr(GError) error = NULL;
    int fds[2];
    Line line;

    line_init(&line);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    g_assert_cmpint(send(fds[0], "x", 1, 0), ==, 1);
    const ControlWait wait = {.stop_fd = fds[1]};
    g_assert_null(control_ask(line.fd, "request", &wait, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_INTERRUPTED);
    fd_clear(&fds[0]);
    fd_clear(&fds[1]);
    line_clear(&line);
}

static void test_timeout(void)
{
    g_autoptr(GError) error = NULL;
    Line line;

    line_init(&line);
    const ControlWait wait = {.timeout_us = 1};
    g_assert_null(control_ask(line.fd, "request", &wait, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_TIMEOUT);
    line_clear(&line);
}

/* Items until the peer has to read first. Their number. */
static int fill(Line *line, void (*ready)(void *data), void *data)
{
    int n = 0;

    while (control_peer_item(line->peer, "x", ready, data))
        g_assert_cmpint(++n, <, 1000000);
    return n;
}

static void set_flag(void *data)
{
    *(bool *)data = true;
}

static int n_items(const char *news)
{
    int n = 0;

    for (; *news; news++)
        n += *news == 'x';
    return n;
}

/* One who does not read for a while loses no item and no answer; of progress, only what is old. */
static void test_slow(void)
{
    g_autoptr(GError) error = NULL;
    char packet[CONTROL_LINE_MAX];
    bool is_ready = false;
    Line line;

    line_init(&line);
    int n = fill(&line, set_flag, &is_ready);
    control_peer_progress(line.peer, &(ProgressCount){1, 10, 0, false});
    for (; !is_ready; g_main_context_iteration(NULL, FALSE)) {
        g_assert_cmpint(recv(line.fd, packet, sizeof packet, 0), ==, strlen("item x"));
        n--;
    }
    n += fill(&line, set_flag, &is_ready);
    control_peer_answer(line.peer, "ok done");
    while (recv(line.fd, packet, sizeof packet, MSG_DONTWAIT) > 0)
        n--;
    g_assert_cmpint(n, ==, 0);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_autofree char *answer = ask(&line, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(answer, ==, "done");
    g_assert_cmpint(n_items(line.news->str), ==, 0);
    line_clear(&line);
}

/* Who waits for a peer that goes away is told. */
static void test_slow_goes(void)
{
    bool is_ready = false;
    Line line;

    line_init(&line);
    (void)fill(&line, set_flag, &is_ready);
    g_clear_pointer(&line.peer, control_peer_free);
    g_assert_true(is_ready);
    line_clear(&line);
}

static void test_gone(void)
{
    Line line;

    line_init(&line);
    fd_clear(&line.fd);
    g_assert_true(control_peer_item(line.peer, "x", NULL, NULL));
    control_peer_progress(line.peer, &(ProgressCount){0});
    control_peer_answer(line.peer, "ok");
    line_clear(&line);
}

static void test_long_item(void)
{
    g_autofree char *text = g_strnfill(2 * CONTROL_LINE_MAX, 'y');
    g_autoptr(GError) error = NULL;
    Line line;

    line_init(&line);
    g_assert_true(control_peer_item(line.peer, text, NULL, NULL));
    control_peer_answer(line.peer, "ok");
    g_autofree char *answer = ask(&line, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(line.news->str, "yyyy"));
    line_clear(&line);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control/news", test_news);
    g_test_add_func("/control/news-unheard", test_news_unheard);
    g_test_add_func("/control/refused", test_refused);
    g_test_add_func("/control/daemon-ends", test_daemon_ends);
    g_test_add_func("/control/stopped", test_stopped);
    g_test_add_func("/control/timeout", test_timeout);
    g_test_add_func("/control/slow", test_slow);
    g_test_add_func("/control/slow-goes", test_slow_goes);
    g_test_add_func("/control/gone", test_gone);
    g_test_add_func("/control/long-item", test_long_item);
    return g_test_run();
}
