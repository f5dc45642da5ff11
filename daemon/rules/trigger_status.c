/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/trigger_status.h"

#include "rules/trigger_batch.h"

static void note_time(TriggerStatus *status, int64_t time_us)
{
    if (status->oldest_us == 0 || time_us < status->oldest_us)
        status->oldest_us = time_us;
}

static bool count_delivery(const char *trigger, const Delivery *delivery, void *data)
{
    TriggerStatus *status = data;

    (void)trigger;
    if (delivery->state == DELIVERY_WAITING) {
        status->n_retrying += delivery->n_events;
        note_time(status, delivery->time_us);
    } else {
        status->n_dead += delivery->n_events;
        status->n_letters++;
    }
    return true;
}

bool trigger_status_read(StoreSnapshot *snapshot, const TriggerConfig *config,
                         TriggerStatus *ret_status, GError **error)
{
    TriggerBatch batch = {0};

    *ret_status = (TriggerStatus){0};
    if (!store_get_trigger(snapshot, config->name, &ret_status->is_known, &ret_status->state,
                           error) ||
        !store_deliveries(snapshot, config->name, 0, count_delivery, ret_status, error))
        return false;
    if (!ret_status->is_known)
        return true;
    if (!trigger_batch_count(snapshot, config, ret_status->state.cursor, &batch, error))
        return false;
    ret_status->n_ahead = batch.n_events;
    if (batch.n_events > 0)
        note_time(ret_status, batch.time_us);
    return true;
}
