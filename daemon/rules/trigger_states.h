/* SPDX-License-Identifier: Apache-2.0 */
/* The state of triggers in memory, and how it is read from the store and written. For triggers.c
 * alone. */
#pragma once

#include "config/config.h"
#include "rules/trigger_parts.h"
#include "rules/trigger_run.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Triggers Triggers;

/* The waits of batches that nothing can take now; see trigger_wait.h. */
typedef struct {
    /* Number of waits since a batch was taken. */
    unsigned n;
    /* The log has the warning of their begin. */
    bool is_logged;
    /* Monotonic: no batch is sent before. */
    int64_t until_us;
} TriggerWait;

typedef struct {
    Triggers *triggers;
    char name[CONFIG_NAME_MAX];
    /* Borrowed from the configuration in force. */
    const TriggerConfig *config;
    TriggerState state;
    bool is_unsaved;
    /* Sequencer of the newest event that was counted. */
    uint64_t seen;
    /* Number of counted events behind the cursor that the trigger asks for. */
    uint64_t n_ahead;
    /* Number of events in waiting deliveries that have failed since they were last dead, and the
     * time when the first of all waiting ones is due. */
    uint64_t n_waiting;
    int64_t due_us;
    /* No waiting delivery has a smaller id; UINT64_MAX: none waits. */
    uint64_t first_waiting;
    /* Waiting deliveries have their turns in rounds, by their ids: the id of the one that was tried
     * last, and the largest id of the round. */
    uint64_t tried_last, round_end;
    /* A failed batch had the last turn: the next one belongs to new events. */
    bool is_log_turn;
    /* The newest range of skipped events, to which further ones are added; id 0: none. */
    Delivery range;
    /* Deliveries were changed in the batch: the snapshots of committed data are behind. */
    bool is_ahead_of_store;
    /* Monotonic: last time that the age of its events was measured. */
    int64_t measured_us;
    /* The waits of all batches, and further ones of the waiting deliveries. */
    TriggerWait wait, retry_wait;
    /* Sequencer of the last event of the batch that was sent to a function last. While the
     * cursor is before it, the receiver may have that batch, and gets the same one again. */
    uint64_t sent_last;
    /* The delivery under way; NULL: none. */
    TriggerRun *run;
    /* The batch that it delivers; id 0: events of the log, up to `upto`. */
    Delivery delivery;
    uint64_t upto;
    /* n_waiting has the events of the delivery. */
    bool is_counted;
    /* The delivery was handed over under another configuration. */
    bool is_of_old_config;
    /* The state was read anew since its start: `n_ahead` may have more or fewer of its events. */
    bool is_of_old_count;
    char *input;
    /* journal_generation at its start. */
    uint64_t generation;
} Trigger;

struct Triggers {
    TriggerParts parts;
    /* Delay before the first retry. */
    int64_t retry_delay_us;
    /* Trigger, owned. Commands under way hold pointers to them. */
    GPtrArray *rows;
    /* Index of the trigger that is checked first. */
    guint first;
    /* Number of running commands. */
    int n_running;
    bool is_loaded;
    /* Monotonic: time of the check under way. One check reads the clock once, so that a wait has
     * ended either for all of it or for none. */
    int64_t checked_us;
    /* Another part has changed the states in the batch. */
    bool is_yielded;
    /* The next check, and whether it comes at once. */
    guint source;
    bool is_check_due;
};

/* Finds the trigger of that name; NULL if there is none. */
Trigger *trigger_states_find(const Triggers *triggers, const char *name);

/* Moves the cursor. */
void trigger_states_move(Trigger *trigger, uint64_t cursor);

/* Counts the deliveries of the trigger anew, from the id `from` on. 0: all of them; else no waiting
 * delivery has a smaller id, and the range that is known stays if there is no newer one. */
bool trigger_states_count(StoreSnapshot *snapshot, Trigger *trigger, uint64_t from, GError **error);

/* Finds the first delivery that is due, and makes it that of the next command. *ret_input: its
 * events, owned by the caller. NULL: none is due, and the deliveries were counted anew. */
bool trigger_states_find_due(StoreSnapshot *snapshot, Trigger *trigger, int64_t now_us,
                             char **ret_input, GError **error);

/* Puts the cursors that have moved into the batch. */
bool trigger_states_save(Triggers *triggers, GError **error);

/*
 * Reads the states of all triggers. A trigger without a state begins with the next event. Removes
 * the states of triggers that are not configured.
 */
bool trigger_states_load(Triggers *triggers, GError **error);
