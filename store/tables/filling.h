/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of filling: from the making of a store to the end of the first scan of its bucket. The
 * objects that the scan finds are older than the store, but for those that were uploaded while it
 * went on.
 */
#pragma once

#include "model/object.h"
#include "store/store.h"

#include <glib.h>
#include <lmdb.h>
#include <stdbool.h>

/* Begins the time of filling; a changing call, see store.h. */
bool filling_begin(Store *store, GError **error);

/* Reads from the store whether the time of filling goes on. */
bool filling_load(Store *store, MDB_txn *txn, GError **error);

/*
 * True if a scan that finds this version now finds an object that was there before the store.
 * Files of a local file system have the time of the kernel's clock. If that clock was set since
 * the store was made, or the machine was started anew, all objects count as older: otherwise
 * thousands of old files could count as new. On a network file system the server's clock decides:
 * if that is ahead, files count as new that were changed shortly before the store was made.
 */
bool filling_has_older(Store *store, const ObjectVersion *version);

/* A stage, see stage.h: the next batch reads the clocks again. */
void filling_clear(Store *store, bool is_committed);
