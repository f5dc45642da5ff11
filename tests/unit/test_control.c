/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: news and answers, to peers that read and to peers that do not. */
#include "base/error.h"
#include "base/file.h"
#include "control/client.h"
#include "peer.h"

#include <string.h>
#include <sys/socket.h>

typedef struct {
    ControlPeer *peer;
    /* The client's end of the socket. */
    int fd;
    /* News that the client got before the answer. */
    GString *news;
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

/* Asks as a client. The answer was sent before the question. */
static bool ask(Line *line, ControlAnswer *ret_answer, GError **error)
{
    const ControlRequest request = {.type = CONTROL_SWEEP, .sweep = {.kinds = "all"}};
    const ControlWait wait = {.progress = note_progress,
                              .progress_data = line->news,
                              .item = note_item,
                              .item_data = line->news};

    return control_ask(line->fd, &request, &wait, ret_answer, error);
}

static void send_progress(Line *line, const ProgressCount *count)
{
    ControlPacket packet;

    g_assert_true(control_progress_format(count, &packet, NULL));
    control_peer_progress(line->peer, &packet);
    control_packet_clear(&packet);
}

static bool send_item(Line *line, const char *text, void (*ready)(void *data), void *data)
{
    ControlPacket packet;

    g_assert_true(control_item_format(text, &packet, NULL));
    bool sent = control_peer_item(line->peer, &packet, ready, data);
    control_packet_clear(&packet);
    return sent;
}

static void send_answer(Line *line, const char *text)
{
    ControlAnswer answer = {0};
    ControlPacket packet;

    g_strlcpy(answer.sweep.text, text, sizeof answer.sweep.text);
    g_assert_true(control_answer_format(CONTROL_SWEEP, &answer, &packet, NULL));
    control_peer_answer(line->peer, &packet);
}

static void test_news(void)
{
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    send_progress(&line, &(ProgressCount){1, 10, 0, true});
    g_assert_true(send_item(&line, "one thing", NULL, NULL));
    send_progress(&line, &(ProgressCount){2, 10, 1, false});
    send_answer(&line, "done");
    g_assert_true(ask(&line, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(answer.sweep.text, ==, "done");
    g_assert_cmpstr(line.news->str, ==, "1 of 10, 0, grows;one thing;2 of 10, 1;");
    line_clear(&line);
}

/* A client need not listen to news. */
static void test_news_unheard(void)
{
    const ControlRequest request = {.type = CONTROL_SWEEP, .sweep = {.kinds = "all"}};
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    send_progress(&line, &(ProgressCount){1, 10, 0, true});
    g_assert_true(send_item(&line, "one thing", NULL, NULL));
    send_answer(&line, "");
    g_assert_true(control_ask(line.fd, &request, NULL, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(answer.sweep.text, ==, "");
    line_clear(&line);
}

static void test_refused(void)
{
    g_autoptr(GError) error = NULL;
    ControlPacket packet;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    g_assert_true(control_error_format(ERROR_SHORTAGE, "not now", &packet, NULL));
    control_peer_answer(line.peer, &packet);
    g_assert_false(ask(&line, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_SHORTAGE);
    g_assert_cmpstr(error->message, ==, "the daemon refuses: not now");
    line_clear(&line);
}

/* A daemon of a version without frames answers with a line of text. */
static void test_older_daemon(void)
{
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    ControlPacket packet = {(uint8_t *)g_strdup("error unknown request"), 21, -1};
    control_peer_answer(line.peer, &packet);
    g_assert_false(ask(&line, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
    g_assert_cmpstr(error->message, ==,
                    "the daemon is of another version of thumbq than this command: restart it; it "
                    "says: unknown request");
    line_clear(&line);
}

/* The client refuses an answer to another request, and an answer of another version. */
static void test_wrong_answers(void)
{
    g_autoptr(GError) error = NULL;
    ControlPacket packet;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    g_assert_true(control_answer_format(CONTROL_COMMIT, &(ControlAnswer){0}, &packet, NULL));
    control_peer_answer(line.peer, &packet);
    g_assert_false(ask(&line, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
    g_clear_error(&error);
    g_assert_true(control_answer_format(CONTROL_SWEEP, &(ControlAnswer){0}, &packet, NULL));
    /* Version of the row. */
    packet.data[12]++;
    control_peer_answer(line.peer, &packet);
    g_assert_false(ask(&line, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    line_clear(&line);
}

static void test_daemon_ends(void)
{
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    send_progress(&line, &(ProgressCount){1, 10, 0, true});
    /* This is a daemon that was killed while the request was in its socket: no answer comes. */
    shutdown(control_peer_fd(line.peer), SHUT_WR);
    g_assert_false(ask(&line, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
    line_clear(&line);
}

static void test_stopped(void)
{
    const ControlRequest request = {.type = CONTROL_SYNC};
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    int fds[2];
    Line line;

    line_init(&line);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    g_assert_cmpint(send(fds[0], "x", 1, 0), ==, 1);
    const ControlWait wait = {.stop_fd = fds[1]};
    g_assert_false(control_ask(line.fd, &request, &wait, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_INTERRUPTED);
    fd_clear(&fds[0]);
    fd_clear(&fds[1]);
    line_clear(&line);
}

static void test_timeout(void)
{
    const ControlRequest request = {.type = CONTROL_SYNC};
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    const ControlWait wait = {.timeout_us = 1};
    g_assert_false(control_ask(line.fd, &request, &wait, &answer, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_TIMEOUT);
    line_clear(&line);
}

/* Sends items until the peer has to read first. Returns their number. */
static int fill(Line *line, void (*ready)(void *data), void *data)
{
    int n = 0;

    while (send_item(line, "x", ready, data))
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

/* A peer that does not read for a while loses no item and no answer. Of the progress, it loses only
 * old states. */
static void test_slow(void)
{
    g_autoptr(GError) error = NULL;
    char bytes[CONTROL_PACKET_MAX];
    ControlAnswer answer;
    bool is_ready = false;
    Line line;

    line_init(&line);
    g_assert_cmpint(control_peer_slow_since_us(line.peer), ==, 0);
    int n = fill(&line, set_flag, &is_ready);
    g_assert_cmpint(control_peer_slow_since_us(line.peer), >, 0);
    send_progress(&line, &(ProgressCount){1, 10, 0, false});
    for (; !is_ready; g_main_context_iteration(NULL, FALSE)) {
        g_assert_cmpint(recv(line.fd, bytes, sizeof bytes, 0), ==, CONTROL_HEADER + 4);
        n--;
    }
    n += fill(&line, set_flag, &is_ready);
    send_answer(&line, "done");
    while (recv(line.fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        n--;
    g_assert_cmpint(n, ==, 0);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(control_peer_slow_since_us(line.peer), ==, 0);
    g_assert_true(ask(&line, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(answer.sweep.text, ==, "done");
    g_assert_cmpint(n_items(line.news->str), ==, 0);
    line_clear(&line);
}

/* If the peer closes the connection, the waiting side is told. */
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
    g_assert_true(send_item(&line, "x", NULL, NULL));
    send_progress(&line, &(ProgressCount){0});
    send_answer(&line, "");
    line_clear(&line);
}

static void test_long_item(void)
{
    g_autofree char *text = g_strnfill(2 * CONTROL_TEXT_MAX, 'y');
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    Line line;

    line_init(&line);
    g_assert_true(send_item(&line, text, NULL, NULL));
    send_answer(&line, "");
    g_assert_true(ask(&line, &answer, &error));
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
    g_test_add_func("/control/older-daemon", test_older_daemon);
    g_test_add_func("/control/wrong-answers", test_wrong_answers);
    g_test_add_func("/control/daemon-ends", test_daemon_ends);
    g_test_add_func("/control/stopped", test_stopped);
    g_test_add_func("/control/timeout", test_timeout);
    g_test_add_func("/control/slow", test_slow);
    g_test_add_func("/control/slow-goes", test_slow_goes);
    g_test_add_func("/control/gone", test_gone);
    g_test_add_func("/control/long-item", test_long_item);
    return g_test_run();
}
