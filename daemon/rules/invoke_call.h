/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call at invoke.sock: sends a batch of events to the program that runs functions, and waits
 * beside the event loop until that program has it in its own queue.
 *
 * The receiver is not trusted to answer, or to answer for this batch. A call ends with the first
 * packet, with the end of the connection, or at its time limit. Each call has a connection of its
 * own, so that no late answer counts for another call.
 */
#pragma once

#include "control/control_request.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdint.h>

typedef enum {
    /* The batch is in the receiver's queue, on disk. */
    INVOKE_ACCEPTED,
    /* The receiver has no room now. */
    INVOKE_THROTTLED,
    /* The receiver can never take the batch. */
    INVOKE_REFUSED,
    /* No valid answer came. The receiver may have the batch or not. */
    INVOKE_LOST,
} InvokeEnd;

typedef struct {
    InvokeEnd end;
    /* INVOKE_THROTTLED: time until the next call, up to CONTROL_INVOKE_RETRY_MAX_MS; 0: the caller
     * decides. */
    int64_t retry_us;
    /* The reason, without hidden characters; "" if accepted. */
    char text[DELIVERY_ERROR_MAX];
} InvokeOutcome;

typedef struct InvokeCall InvokeCall;

/* `outcome` is borrowed for the call. The InvokeCall is freed before the call. */
typedef void (*InvokeDone)(const InvokeOutcome *outcome, void *data);

/*
 * Connects and sends the request, whose type is CONTROL_INVOKE. `request` is used during the call
 * only. `done` is called once, never from within this function. Errors: those of
 * control_connect_invoke; ERROR_IO; those of control_request_format. Owner: the call itself, or
 * invoke_call_cancel.
 */
InvokeCall *invoke_call_start(const ControlRequest *request, int64_t timeout_us, InvokeDone done,
                              void *data, GError **error);

/* Closes the connection; `done` is not called. The receiver may have the batch already. NULL is
 * accepted. */
void invoke_call_cancel(InvokeCall *call);

/* Reads the first packet that came after the request `sent`. Any bytes give an outcome: a packet
 * that is no answer to this request gives INVOKE_LOST. */
void invoke_outcome_read(const ControlInvoke *sent, const ControlReceived *received,
                         InvokeOutcome *ret_outcome);
