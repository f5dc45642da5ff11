/* SPDX-License-Identifier: Apache-2.0 */
#include "control/work.h"

#include "base/error.h"
#include "base/file.h"
#include "control/connect.h"

/* Sends the request to the daemon. *ret_asked is false if no daemon listened in time. */
static bool ask(const char *state_path, const ControlOrder *order, int64_t patience_us,
                bool *ret_asked, ControlAnswer *ret_answer, GError **error)
{
    g_autoptr(GError) failure = NULL;
    autofd fd = control_connect_patiently(state_path, patience_us, &failure);

    *ret_asked = fd >= 0;
    if (failure) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    return fd < 0 || control_ask(fd, &order->request, &order->wait, ret_answer, error);
}

bool control_work(const char *state_path, const ControlOrder *order, ControlDoer *ret_doer,
                  ControlAnswer *ret_answer, GError **error)
{
    g_autoptr(GError) failure = NULL;
    bool asked;

    *ret_answer = (ControlAnswer){0};
    *ret_doer = CONTROL_BY_DAEMON;
    bool ok = ask(state_path, order, order->patience_us, &asked, ret_answer, error);
    if (!ok || asked)
        return ok;
    *ret_doer = CONTROL_BY_NONE;
    if (order->only_daemon)
        return true;
    *ret_doer = CONTROL_BY_OURSELVES;
    if (order->own_work(&order->request, ret_answer, order->own_data, &failure))
        return true;
    /* Another process has just taken the lock, and will listen soon. */
    if (error_code(failure) == ERROR_LOCKED && order->locked_us > 0) {
        *ret_doer = CONTROL_BY_DAEMON;
        ok = ask(state_path, order, order->locked_us, &asked, ret_answer, error);
        if (!ok || asked)
            return ok;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}
