/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/invoke_call.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/plain_text.h"
#include "control/invoke_socket.h"

#include <glib-unix.h>
#include <sys/socket.h>

struct InvokeCall {
    int fd;
    guint source;
    guint timer_source;
    /* The facts that the answer repeats; its texts are NULL. */
    ControlInvoke sent;
    InvokeDone done;
    void *data;
};

static void set_outcome(InvokeOutcome *outcome, InvokeEnd end, const char *text)
{
    g_autoptr(GString) shown = g_string_new(text);

    plain_text_show(shown, 0);
    *outcome = (InvokeOutcome){.end = end};
    /* A long text is cut off. */
    g_strlcpy(outcome->text, shown->str, sizeof outcome->text);
}

/* Converts an answer frame to the outcome of the call. An answer about another batch counts as
 * none. */
static void read_answer(const ControlInvoke *sent, const ControlFrame *frame,
                        InvokeOutcome *ret_outcome)
{
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;

    if (!control_answer_parse(CONTROL_INVOKE, frame, &answer, &error)) {
        set_outcome(ret_outcome, INVOKE_LOST, error->message);
        return;
    }
    if (answer.invoke.first != sent->first || answer.invoke.last != sent->last ||
        answer.invoke.generation != sent->generation) {
        set_outcome(ret_outcome, INVOKE_LOST, "the answer is about another batch");
        return;
    }
    switch ((ControlInvokeVerdict)answer.invoke.verdict) {
    case CONTROL_INVOKE_ACCEPTED:
    case CONTROL_INVOKE_KNOWN:
        set_outcome(ret_outcome, INVOKE_ACCEPTED, "");
        return;
    case CONTROL_INVOKE_THROTTLED:
        set_outcome(ret_outcome, INVOKE_THROTTLED, answer.invoke.text);
        ret_outcome->retry_us = answer.invoke.retry_ms * CLOCK_US_PER_MS;
        return;
    case CONTROL_INVOKE_REFUSED:
        break;
    }
    set_outcome(ret_outcome, INVOKE_REFUSED, answer.invoke.text);
}

void invoke_outcome_read(const ControlInvoke *sent, const ControlReceived *received,
                         InvokeOutcome *ret_outcome)
{
    g_autoptr(GError) error = NULL;
    char text[CONTROL_SENTENCE_MAX];
    ControlFrame frame;
    ErrorCode code;

    if (received->len == 0)
        set_outcome(ret_outcome, INVOKE_LOST, "it closed the connection");
    else if (!control_received_frame(received, &frame, &error))
        set_outcome(ret_outcome, INVOKE_LOST, error->message);
    else if (control_error_parse(&frame, &code, text))
        set_outcome(ret_outcome, INVOKE_LOST, text);
    else
        read_answer(sent, &frame, ret_outcome);
}

static void call_free(InvokeCall *call)
{
    g_clear_handle_id(&call->source, g_source_remove);
    g_clear_handle_id(&call->timer_source, g_source_remove);
    fd_clear(&call->fd);
    g_free(call);
}

/* Takes `call`. */
static void end(InvokeCall *call, const InvokeOutcome *outcome)
{
    InvokeDone done = call->done;
    void *data = call->data;

    call_free(call);
    done(outcome, data);
}

/* Reads the answer to the call, which ends by it. */
static gboolean on_packet(gint fd, GIOCondition condition, gpointer data)
{
    InvokeCall *call = data;
    g_autofree ControlReceived *received = g_new0(ControlReceived, 1);
    g_autoptr(GError) error = NULL;
    InvokeOutcome outcome;
    bool got;

    (void)condition;
    if (!control_receive(fd, received, &got, &error))
        set_outcome(&outcome, INVOKE_LOST, error->message);
    else if (!got)
        return G_SOURCE_CONTINUE;
    else
        invoke_outcome_read(&call->sent, received, &outcome);
    control_received_clear(received);
    /* The return value removes the source. */
    call->source = 0;
    end(call, &outcome);
    return G_SOURCE_REMOVE;
}

static gboolean on_timeout(gpointer data)
{
    InvokeCall *call = data;
    InvokeOutcome outcome;

    set_outcome(&outcome, INVOKE_LOST, "it does not answer");
    call->timer_source = 0;
    end(call, &outcome);
    return G_SOURCE_REMOVE;
}

static bool send_request(int fd, const ControlRequest *request, GError **error)
{
    ControlPacket packet;

    if (!control_request_format(request, &packet, error))
        return false;
    ControlSent sent = control_packet_send(&packet, fd, MSG_DONTWAIT);
    control_packet_clear(&packet);
    if (sent == CONTROL_SENT)
        return true;
    /* A new connection has room for a packet. */
    g_set_error(error, THUMBQ_ERROR, ERROR_IO,
                "the program that runs functions closed the connection");
    return false;
}

InvokeCall *invoke_call_start(const ControlRequest *request, int64_t timeout_us, InvokeDone done,
                              void *data, GError **error)
{
    autofd fd = control_connect_invoke(error);

    g_assert(request->type == CONTROL_INVOKE);
    if (fd < 0 || !send_request(fd, request, error))
        return NULL;
    InvokeCall *call = g_new(InvokeCall, 1);
    *call = (InvokeCall){.fd = fd_steal(&fd), .sent = request->invoke, .done = done, .data = data};
    call->sent.function = call->sent.bucket = call->sent.trigger = NULL;
    call->source = g_unix_fd_add(call->fd, G_IO_IN, on_packet, call);
    call->timer_source = g_timeout_add((guint)(timeout_us / CLOCK_US_PER_MS), on_timeout, call);
    return call;
}

void invoke_call_cancel(InvokeCall *call)
{
    if (call)
        call_free(call);
}
