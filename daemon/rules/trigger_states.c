/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_states.h"

#include "store/epoch.h"

#include <string.h>

Trigger *trigger_states_find(const Triggers *triggers, const char *name)
{
    for (guint i = 0; i < triggers->rows->len; i++) {
        Trigger *trigger = g_ptr_array_index(triggers->rows, i);
        if (strcmp(trigger->name, name) == 0)
            return trigger;
    }
    return NULL;
}

void trigger_states_move(Trigger *trigger, uint64_t cursor)
{
    trigger->state.cursor = cursor;
    trigger->is_unsaved = true;
}

/* Counts a stored delivery in its trigger: whether it waits, and when it is due. */
static bool count_delivery(const char *name, const Delivery *delivery, void *data)
{
    Trigger *trigger = data;

    (void)name;
    if (delivery->state == DELIVERY_WAITING) {
        /* A dead letter that is retried on request pushes no event out of the backlog. */
        trigger->n_waiting += delivery->attempts > 0 ? delivery->n_events : 0;
        trigger->due_us = MIN(trigger->due_us, delivery->due_us);
        trigger->first_waiting = MIN(trigger->first_waiting, delivery->id);
    }
    if (delivery->state == DELIVERY_RANGE) {
        trigger->range = *delivery;
        trigger->range.input = "";
    }
    return true;
}

bool trigger_states_count(StoreSnapshot *snapshot, Trigger *trigger, uint64_t from, GError **error)
{
    trigger->n_waiting = 0;
    trigger->due_us = INT64_MAX;
    trigger->first_waiting = UINT64_MAX;
    if (from == 0)
        trigger->range = (Delivery){.input = ""};
    return store_deliveries(snapshot, trigger->name, from, count_delivery, trigger, error);
}

typedef struct {
    int64_t now_us;
    /* The search ends before a larger id. */
    uint64_t last;
    /* Id of the first waiting delivery that was seen; 0: none. */
    uint64_t first_waiting;
    Delivery found;
    /* Owned. */
    char *input;
} DueSearch;

/* Finds the first delivery that is due, and the first that waits at all. */
static bool find_due(const char *name, const Delivery *delivery, void *data)
{
    DueSearch *search = data;

    (void)name;
    if (delivery->id > search->last)
        return false;
    if (delivery->state != DELIVERY_WAITING)
        return true;
    if (search->first_waiting == 0)
        search->first_waiting = delivery->id;
    if (delivery->due_us > search->now_us)
        return true;
    search->found = *delivery;
    search->input = g_strdup(delivery->input);
    return false;
}

bool trigger_states_find_due(StoreSnapshot *snapshot, Trigger *trigger, int64_t now_us,
                             char **ret_input, GError **error)
{
    const char *name = trigger->name;
    uint64_t first = trigger->first_waiting < UINT64_MAX ? trigger->first_waiting : 0;
    DueSearch search = {.now_us = now_us, .last = trigger->round_end};

    *ret_input = NULL;
    if (!store_deliveries(snapshot, name, MAX(first, trigger->tried_last + 1), find_due, &search,
                          error))
        return false;
    if (!search.input) {
        search = (DueSearch){.now_us = now_us, .last = UINT64_MAX};
        if (!store_deliveries(snapshot, name, first, find_due, &search, error))
            return false;
        trigger->first_waiting = search.first_waiting;
        trigger->round_end = store_last_sequencer(*trigger->triggers->parts.store);
    }
    if (!search.input)
        return trigger_states_count(snapshot, trigger, first, error);
    trigger->tried_last = search.found.id;
    trigger->delivery = search.found;
    trigger->is_counted = search.found.attempts > 0;
    *ret_input = search.input;
    return true;
}

/* Reads the trigger's state from the store. A new trigger begins behind the last event. */
static bool load_one(StoreSnapshot *snapshot, Trigger *trigger, uint64_t last, GError **error)
{
    bool found;

    if (!store_get_trigger(snapshot, trigger->name, &found, &trigger->state, error))
        return false;
    if (!found)
        trigger->state = (TriggerState){.cursor = last};
    trigger->is_unsaved = !found;
    trigger->seen = trigger->state.cursor;
    trigger->n_ahead = 0;
    trigger->is_ahead_of_store = false;
    trigger->is_of_old_count = trigger->run != NULL;
    return trigger_states_count(snapshot, trigger, 0, error);
}

typedef struct {
    const Triggers *triggers;
    /* char, owned. */
    GPtrArray *gone;
} GoneSearch;

static bool note_gone(const char *name, const TriggerState *state, void *data)
{
    const GoneSearch *search = data;

    (void)state;
    if (!trigger_states_find(search->triggers, name))
        g_ptr_array_add(search->gone, g_strdup(name));
    return true;
}

/* Reads the states of all triggers; `gone` gets the names of those that are no longer configured.
 * */
static bool read_all(Triggers *triggers, GPtrArray *gone, GError **error)
{
    Store *store = *triggers->parts.store;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(store, error);
    GoneSearch search = {triggers, gone};

    if (!snapshot || !store_triggers(snapshot, note_gone, &search, error))
        return false;
    for (guint i = 0; i < triggers->rows->len; i++) {
        if (!load_one(snapshot, g_ptr_array_index(triggers->rows, i), store_last_sequencer(store),
                      error))
            return false;
    }
    return true;
}

bool trigger_states_save(Triggers *triggers, GError **error)
{
    for (guint i = 0; triggers->is_loaded && i < triggers->rows->len; i++) {
        Trigger *trigger = g_ptr_array_index(triggers->rows, i);
        if (!trigger->is_unsaved)
            continue;
        if (!store_put_trigger(*triggers->parts.store, trigger->name, &trigger->state, error))
            return false;
        trigger->is_unsaved = false;
    }
    return true;
}

bool trigger_states_load(Triggers *triggers, GError **error)
{
    Store *store = *triggers->parts.store;
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);

    if (!read_all(triggers, gone, error))
        return false;
    for (guint i = 0; i < gone->len; i++) {
        if (!store_remove_trigger(store, g_ptr_array_index(gone, i), error))
            return false;
    }
    triggers->is_loaded = true;
    return trigger_states_save(triggers, error);
}
