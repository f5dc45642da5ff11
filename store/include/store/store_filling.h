/* SPDX-License-Identifier: Apache-2.0 */
/* The time of filling: the first scan of a bucket fills a new store. */
#pragma once

#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Ends the time of filling, in which a scan may find objects that are older than the store. The
 * time begins when the epoch of an empty store is made. A changing call. No error if the time has
 * ended.
 */
bool store_end_filling(Store *store, GError **error);
