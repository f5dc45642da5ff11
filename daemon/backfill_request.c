/* SPDX-License-Identifier: Apache-2.0 */
#include "backfill.h"

#include "control.h"
#include "daemon_private.h"
#include "error.h"
#include "file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A descriptor of the daemon's socket, or -1: with *ret_none true because none runs. */
static int connect_daemon(const char *bucket, const Config *config, bool *ret_none, GError **error)
{
    g_autofree char *state = daemon_state_path(bucket, config);
    g_autoptr(GError) failure = NULL;
    int fd = control_connect(state, &failure);

    *ret_none = fd < 0 && error_code(failure) == ERROR_NOT_FOUND;
    if (fd < 0 && !*ret_none)
        g_propagate_error(error, g_steal_pointer(&failure));
    return fd;
}

/* ---- submitting ---------------------------------------------------------------------------------
 */

typedef struct {
    const char *filter;
    uint64_t total;
    uint32_t id;
    bool is_new;
} Order;

static bool submit_offline(Daemon *daemon, void *data, GError **error)
{
    Order *order = data;

    return backfill_add(daemon, order->filter, order->total, &order->id, &order->is_new, error);
}

static bool ask_submit(int fd, Order *order, GError **error)
{
    g_autofree char *request =
        g_strdup_printf("job submit %" PRIu64 " %s", order->total, order->filter);
    g_autofree char *answer = control_ask(fd, request, NULL, error);
    char word[8];

    if (!answer)
        return false;
    if (sscanf(answer, "%" SCNu32 " %7s", &order->id, word) != 2) {
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "the daemon answered '%s'", answer);
        return false;
    }
    order->is_new = strcmp(word, "new") == 0;
    return true;
}

bool backfill_submit(const char *bucket, const Config *config, const char *filter, uint64_t total,
                     uint32_t *ret_id, bool *ret_is_new, GError **error)
{
    Order order = {.filter = filter, .total = total};
    bool none;
    autofd fd = connect_daemon(bucket, config, &none, error);

    if (fd < 0 && !none)
        return false;
    if (!(fd >= 0 ? ask_submit(fd, &order, error)
                  : offline_run(bucket, config, submit_offline, &order, error)))
        return false;
    *ret_id = order.id;
    *ret_is_new = order.is_new;
    return true;
}

/* ---- cancelling ---------------------------------------------------------------------------------
 */

typedef struct {
    uint32_t id;
    bool cancelled;
} Cancel;

static bool cancel_offline(Daemon *daemon, void *data, GError **error)
{
    Cancel *cancel = data;

    return backfill_end(daemon, cancel->id, &cancel->cancelled, error);
}

static bool ask_cancel(int fd, Cancel *cancel, GError **error)
{
    g_autofree char *request = g_strdup_printf("job cancel %" PRIu32, cancel->id);
    g_autofree char *answer = control_ask(fd, request, NULL, error);

    cancel->cancelled = answer && strcmp(answer, "changed") == 0;
    return answer != NULL;
}

bool backfill_cancel(const char *bucket, const Config *config, uint32_t id, bool *ret_cancelled,
                     GError **error)
{
    Cancel cancel = {.id = id};
    bool none;
    autofd fd = connect_daemon(bucket, config, &none, error);

    if (fd < 0 && !none)
        return false;
    if (!(fd >= 0 ? ask_cancel(fd, &cancel, error)
                  : offline_run(bucket, config, cancel_offline, &cancel, error)))
        return false;
    *ret_cancelled = cancel.cancelled;
    return true;
}
