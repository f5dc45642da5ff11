/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of triggers: a cursor in the event log for each, and deliveries: batches of
 * events that failed and wait, batches that were given up, and ranges of events that were skipped.
 *
 * The event log keeps each event that a cursor has not passed, however many there are. So a cursor
 * that stays where it is makes the store grow: its owner moves it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreSnapshot StoreSnapshot;

typedef struct {
    /* Sequencer: all events up to it were delivered, or are in deliveries. */
    uint64_t cursor;
    /* Raised when events are delivered once more on request. */
    uint32_t generation;
    bool is_paused;
} TriggerState;

/* Writes the state of the trigger; a changing call. */
bool store_put_trigger(Store *store, const char *name, const TriggerState *state, GError **error);

/* Removes the state, but no deliveries; a changing call. No error if there is none. */
bool store_remove_trigger(Store *store, const char *name, GError **error);

bool store_get_trigger(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                       TriggerState *ret_state, GError **error);

/* As store_get_trigger, as the batch sees it. */
bool store_peek_trigger(Store *store, const char *name, bool *ret_found, TriggerState *ret_state,
                        GError **error);

/* `name` and `state` are borrowed for the call. */
typedef bool (*StoreVisitTrigger)(const char *name, const TriggerState *state, void *data);

/* Visits the states of all triggers, by name. The walk ends when `visit` returns false. */
bool store_triggers(StoreSnapshot *snapshot, StoreVisitTrigger visit, void *data, GError **error);

/* States of a delivery. Stored: added to, never renumbered. */
typedef enum {
    /* The row is tried again at `due_us`. */
    DELIVERY_WAITING = 1,
    /* Given up after its last attempt. */
    DELIVERY_DEAD = 2,
    /* Events that were skipped and never tried; there is no input. The log may have them still. */
    DELIVERY_RANGE = 3,
} DeliveryState;

/* Bytes, with the final NUL. */
#define DELIVERY_ERROR_MAX 128

/* Bytes of the input of a delivery. */
#define DELIVERY_INPUT_MAX ((size_t)1 << 20)

typedef struct {
    /* Larger than those of all older deliveries, and never used again. */
    uint64_t id;
    DeliveryState state;
    uint32_t attempts;
    uint32_t generation;
    /* Wall clock: time of the first event. */
    int64_t time_us;
    /* Wall clock, while waiting. */
    int64_t due_us;
    /* Sequencers of the first and the last event. */
    uint64_t first, last;
    /* Number of events. */
    uint64_t n_events;
    /* How the last attempt failed, or why the events were skipped. */
    char error[DELIVERY_ERROR_MAX];
    /* The events as the command gets them; "" for a range. Borrowed. */
    const char *input;
} Delivery;

/*
 * Writes a delivery of the trigger; a changing call. An id of 0 makes a new row and sets the id.
 */
bool store_put_delivery(Store *store, const char *trigger, Delivery *delivery, GError **error);

/* Removes a delivery; a changing call. No error if there is none. */
bool store_remove_delivery(Store *store, const char *trigger, uint64_t id, GError **error);

/* Reads a delivery; its input is borrowed from the snapshot. */
bool store_get_delivery(StoreSnapshot *snapshot, const char *trigger, uint64_t id, bool *ret_found,
                        Delivery *ret_delivery, GError **error);

/* As store_get_delivery, as the batch sees it. The input is borrowed until the next change. */
bool store_peek_delivery(Store *store, const char *trigger, uint64_t id, bool *ret_found,
                         Delivery *ret_delivery, GError **error);

/* `trigger` and `delivery` are borrowed for the call. */
typedef bool (*StoreVisitDelivery)(const char *trigger, const Delivery *delivery, void *data);

/*
 * Visits the deliveries of the trigger by their ids, from the id `from` on; of all triggers, by
 * name, if `trigger` is NULL. The walk ends when `visit` returns false.
 */
bool store_deliveries(StoreSnapshot *snapshot, const char *trigger, uint64_t from,
                      StoreVisitDelivery visit, void *data, GError **error);

/* A place among the rows of triggers. All zero: before the first row. */
typedef struct {
    uint8_t bytes[64 + 1 + 8];
    size_t len;
} DeliveryPlace;

/* Largest number of changes that one call of store_edit_deliveries makes. */
#define DELIVERY_EDITS_MAX 256

typedef struct {
    /* "": all triggers. */
    const char *trigger;
    /* Else they are retried. */
    bool drops;
    /* Wall clock. */
    int64_t now_us;
    /* The last row that was examined. All zero at first. */
    DeliveryPlace after;
    /* Number of dead letters that were changed. */
    uint64_t changed;
    /* No rows are left. */
    bool has_ended;
} DeliveryEdit;

/*
 * Makes the dead letters of the trigger wait for a new first attempt at `now_us`, with the next
 * generation; a range stays. With `drops`, removes them, ranges, and waiting batches of triggers
 * without a state. Examines DELIVERY_EDITS_MAX rows at most: the next call goes on behind them. A
 * changing call; the caller sees to it that the batch has room for DELIVERY_EDITS_MAX changes.
 */
bool store_edit_deliveries(Store *store, DeliveryEdit *edit, GError **error);
