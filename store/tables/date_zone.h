/* SPDX-License-Identifier: Apache-2.0 */
/* The zone of the dates of files. Private to the store. */
#pragma once

#include "store/store.h"

/* True if the index of dates and the totals of days and months are in the local zone. */
bool date_zone_is_local(StoreSnapshot *snapshot, bool *ret_are, GError **error);
