/* SPDX-License-Identifier: Apache-2.0 */
/* Logs which files the lifecycle rules of the configuration in force delete: see
 * lifecycle_notice.c. */
#pragma once

#include "config/config.h"
#include "store/store.h"

/* Logs the rules. `now_us` is the time by which files are old (clock_guard_now_us). Blocks for some
 * tenths of a second per rule. */
void lifecycle_notice(const Config *config, Store *store, int64_t now_us);
