/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State beside the objects: schedules and alarms, mounts below the bucket, the wall clock, and the
 * zone of the dates. Changing calls gather in a batch, see store.h.
 */
#pragma once

#include "base/clock_trust.h"
#include "model/alarm.h"
#include "model/schedule.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreSnapshot StoreSnapshot;

bool store_put_schedule(Store *store, const char *name, const ScheduleState *schedule,
                        GError **error);

bool store_put_alarm(Store *store, const char *name, const AlarmStatus *alarm, GError **error);

/* A mount below the bucket: the key of its place, and the identity of its file system. */
typedef struct {
    const char *path;
    uint64_t identity;
} StoreMountPoint;

typedef struct {
    /* Borrowed for the call. */
    const char *path;
    /* The mount is missing, or another mount hides it. */
    bool is_away;
    /* Wall clock. */
    int64_t since_us;
    /* Number of objects that were seen on the mount, or that it hides. */
    uint64_t objects;
} StoreMount;

typedef void (*StoreVisitMount)(const StoreMount *mount, void *data);

/*
 * Sets the mounts that are below the bucket now. Each object remembers the mount that it was seen
 * on; while its place belongs to another mount, the object is away (Record.away). `changed` is
 * called for each mount that was added or removed. The bucket itself is not a mount here.
 */
bool store_set_mounts(Store *store, const StoreMountPoint *points, size_t n, int64_t now_us,
                      StoreVisitMount changed, void *data, GError **error);

/* Counts an object as hidden by a mount, if this is the reason why it is away. */
bool store_count_hidden(Store *store, const char *key, int64_t now_us, GError **error);

/* Stores the state of the wall clock's check. */
bool store_put_clock(Store *store, const ClockTrust *trust, GError **error);

/*
 * store_set_zone records whether all dates of files are in the local zone of this process: with
 * false, some may be in another zone until store_redate was called for each object.
 */
bool store_set_zone(Store *store, bool is_local, GError **error);

/* Moves the object to its place in the present local zone; does nothing if it is there. */
bool store_redate(Store *store, const char *key, GError **error);

/* Reads the state of a schedule. *ret_found: the store has one. */
bool store_get_schedule(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                        ScheduleState *ret_schedule, GError **error);

/* Reads the state of an alarm. *ret_found: the alarm was evaluated before. */
bool store_get_alarm(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                     AlarmStatus *ret_alarm, GError **error);

/* Reads whether all dates of files are in the local zone of this process. */
bool store_zone_is_local(StoreSnapshot *snapshot, bool *ret_is, GError **error);

/* Reads the state of the wall clock's check; all zero if nothing was stored. */
bool store_get_clock(StoreSnapshot *snapshot, ClockTrust *ret_trust, GError **error);

/* Visits the known mounts below the bucket. */
void store_mounts(StoreSnapshot *snapshot, StoreVisitMount visit, void *data);

/* True if exactly these mounts are recorded as present. */
bool store_mounts_are(StoreSnapshot *snapshot, const StoreMountPoint *points, size_t n);
