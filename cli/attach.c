/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include "clock.h"
#include "error.h"
#include "file.h"
#include "handler_path.h"

#define LOOK_AGAIN_US (50 * CLOCK_US_PER_MS)

int attach_connect(const Context *context, int64_t patience_us, GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    int64_t end_us = clock_monotonic_us() + patience_us;
    for (;;) {
        g_autoptr(GError) failure = NULL;
        int fd = control_connect(state, &failure);
        if (fd >= 0)
            return fd;
        if (error_code(failure) != ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return -1;
        }
        if (clock_monotonic_us() >= end_us)
            return -1;
        g_usleep(LOOK_AGAIN_US);
    }
}

/* *ret_asked false: no daemon came. */
static bool ask(const Context *context, const AttachOrder *order, int64_t patience_us,
                bool *ret_asked, GError **error)
{
    g_autoptr(GError) failure = NULL;
    autofd fd = attach_connect(context, patience_us, &failure);
    *ret_asked = fd >= 0;
    if (fd < 0 && !failure)
        return true;
    g_autofree char *answer =
        fd >= 0 ? control_ask(fd, order->request, &order->wait, &failure) : NULL;
    if (!answer)
        g_propagate_error(error, g_steal_pointer(&failure));
    return answer != NULL;
}

static bool do_it(const Context *context, const AttachOrder *order, GError **error)
{
    g_autofree char *handler = handler_path(error);
    DaemonOptions options = order->own_work;
    uint64_t dead;
    options.bucket = context->bucket;
    options.handler_program = handler;
    return handler && daemon_run(&options, context->config, &dead, error);
}

bool attach_work(const Context *context, const AttachOrder *order, AttachDoer *ret_doer,
                 GError **error)
{
    g_autoptr(GError) failure = NULL;
    bool asked;
    *ret_doer = ATTACH_DAEMON;
    bool ok = ask(context, order, order->patience_us, &asked, error);
    if (!ok || asked)
        return ok;
    *ret_doer = ATTACH_NOBODY;
    if (order->only_daemon)
        return true;
    *ret_doer = ATTACH_OURSELVES;
    if (do_it(context, order, &failure))
        return true;
    /* Somebody was faster, and is about to listen. */
    if (error_code(failure) == ERROR_LOCKED) {
        *ret_doer = ATTACH_DAEMON;
        ok = ask(context, order, ATTACH_PATIENCE_US, &asked, error);
        if (!ok || asked)
            return ok;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}
