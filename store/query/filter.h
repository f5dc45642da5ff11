/* SPDX-License-Identifier: Apache-2.0 */
/* Applies filters to objects. Private to the store. */
#pragma once

#include "store/store.h"

/* Applies the part of a filter that concerns names alone. Pure. */
bool filter_matches_name(const StoreFilter *filter, const char *key);
