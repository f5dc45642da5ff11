/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/plain_text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* Units: `end_us` is on the monotonic clock; INT64_MAX means no deadline. */
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

/* Replaces control characters: text from the other process is printed, and must not drive a
 * terminal or forge a line. */
static void make_harmless(char *line)
{
    bool is_utf8 = g_utf8_validate(line, -1, NULL);

    for (char *at = line, *next; *at; at = next) {
        next = is_utf8 ? g_utf8_next_char(at) : at + 1;
        gunichar c = is_utf8 ? g_utf8_get_char(at) : (unsigned char)*at;
        if (c == '\t' || !(plain_text_is_hidden(c) || (c >= 0x80 && !is_utf8)))
            continue;
        memset(at, '?', (size_t)(next - at));
    }
}

/* Processes a frame that precedes the answer: progress or an item. Returns false for any other
 * frame. */
static bool handle_early_frame(const ControlFrame *frame, const ControlWait *wait)
{
    char text[CONTROL_TEXT_MAX];
    ProgressCount count;

    if (control_progress_parse(frame, &count)) {
        if (wait->progress)
            wait->progress(&count, wait->progress_data);
        return true;
    }
    if (control_item_parse(frame, text)) {
        make_harmless(text);
        if (wait->item)
            wait->item(text, wait->item_data);
        return true;
    }
    return false;
}

/* Turns an error frame into *error. Returns false for any other frame. */
static bool parse_refusal(ControlType type, const ControlFrame *frame, GError **error)
{
    char text[CONTROL_SENTENCE_MAX];
    ErrorCode code;

    if (!control_error_parse(frame, &code, text))
        return false;
    make_harmless(text);
    /* Another version of the program can send an error code that is unknown here. Its text is shown
     * all the same. */
    if (strcmp(error_name(code), "unknown") == 0)
        code = ERROR_USAGE;
    g_set_error(error, THUMBQ_ERROR, (int)code, "%s%s",
                type == CONTROL_QUESTION ? "" : "the daemon refuses: ", text);
    return true;
}

/* Sets *error for a packet that is no frame of this version. */
static void explain_version(const ControlReceived *received, GError **error)
{
    g_autofree char *text = g_strndup((const char *)received->data, received->len);

    make_harmless(text);
    g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL,
                "the daemon is of another version of thumbq than this command: restart it%s%s",
                g_str_has_prefix(text, "error ") ? "; it says: " : "",
                g_str_has_prefix(text, "error ") ? text + strlen("error ") : "");
}

/* Receives the next frame; the frame borrows from `received`. */
static bool receive(int fd, ControlReceived *received, ControlFrame *ret_frame, GError **error)
{
    g_autoptr(GError) reason = NULL;
    bool got;

    if (!control_receive(fd, received, &got, error))
        return false;
    if (!got || received->len == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "the daemon ended before it answered");
        return false;
    }
    if (control_received_frame(received, ret_frame, &reason))
        return true;
    if (error_code(reason) == ERROR_PROTOCOL)
        g_propagate_prefixed_error(error, g_steal_pointer(&reason), "from the daemon: ");
    else
        explain_version(received, error);
    return false;
}

static bool parse_answer(const ControlRequest *request, const ControlFrame *frame,
                         ControlAnswer *ret_answer, GError **error)
{
    if (parse_refusal(request->type, frame, error))
        return false;
    if (!control_answer_parse(request->type, frame, ret_answer, error))
        return false;
    if (request->type == CONTROL_SWEEP)
        make_harmless(ret_answer->sweep.text);
    if (request->type == CONTROL_JOB_SUBMIT || request->type == CONTROL_JOB_WAIT ||
        request->type == CONTROL_JOB_CANCEL)
        make_harmless(ret_answer->job.filter);
    return true;
}

/* Waits for the daemon's answer to a request; frames that come before it, like progress, are
 * handled. */
static bool await(int fd, const ControlRequest *request, const ControlWait *wait,
                  ControlReceived *received, ControlAnswer *ret_answer, GError **error)
{
    int64_t end_us = wait->timeout_us > 0 ? clock_monotonic_us() + wait->timeout_us : INT64_MAX;
    ControlFrame frame;

    do {
        if (!wait_readable(fd, wait, end_us, error) || !receive(fd, received, &frame, error))
            return false;
    } while (handle_early_frame(&frame, wait));
    return parse_answer(request, &frame, ret_answer, error);
}

bool control_ask(int fd, const ControlRequest *request, const ControlWait *wait,
                 ControlAnswer *ret_answer, GError **error)
{
    const ControlWait nothing = {0};
    ControlPacket packet;

    if (!control_request_format(request, &packet, error))
        return false;
    /* The server may have sent a refusal before the request and closed the connection. Sending
     * fails then, and the refusal is the answer. */
    ControlSent sent = control_packet_send(&packet, fd, 0);
    control_packet_clear(&packet);
    if (sent == CONTROL_FULL) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot ask the daemon: %s", g_strerror(errno));
        return false;
    }
    ControlReceived *received = g_new0(ControlReceived, 1);
    bool ok = await(fd, request, wait ? wait : &nothing, received, ret_answer, error);
    control_received_clear(received);
    g_free(received);
    return ok;
}
