/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include "control/connect.h"
#include "handler_path.h"
#include "views/terminal.h"

int attach_connect(const Context *context, int64_t patience_us, GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);

    return control_connect_patiently(state, patience_us, error);
}

typedef struct {
    const Context *context;
    const DaemonOptions *options;
} OwnWork;

/* Does the work of a request in this process, as no daemon serves the bucket. */
static bool do_it(const ControlRequest *request, ControlAnswer *ret_answer, void *data,
                  GError **error)
{
    const OwnWork *own = data;
    g_autofree char *handler = handler_path(error);
    DaemonOptions options = *own->options;
    uint64_t dead;

    (void)request;
    (void)ret_answer;
    options.bucket = own->context->bucket;
    options.handler_program = handler;
    /* REPORT lines are for programs. On a terminal a progress line is shown instead. */
    options.quiet |= terminal_error_is_interactive();
    return handler && daemon_run(&options, own->context->config, &dead, error);
}

bool attach_work(const Context *context, const AttachOrder *order, ControlDoer *ret_doer,
                 ControlAnswer *ret_answer, GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    OwnWork own = {context, &order->own_work};
    ControlOrder whole = order->order;

    whole.locked_us = CONTROL_PATIENCE_US;
    whole.own_work = do_it;
    whole.own_data = &own;
    return control_work(state, &whole, ret_doer, ret_answer, error);
}
