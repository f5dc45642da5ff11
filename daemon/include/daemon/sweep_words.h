/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds and the results of sweeps as text. */
#pragma once

#include "daemon/sweep.h"

/* The names that sweep_kinds_from_name accepts. */
#define SWEEP_KIND_NAMES "orphans, missing, stale, expire, store, all"

/* Parses "orphans", "missing", "stale", "expire", "store" or "all". Returns false for any other
 * name. */
bool sweep_kinds_from_name(const char *name, SweepKinds *ret_kinds);

/* Formats "all" or "orphans+missing". Owner: the caller frees. */
char *sweep_kinds_name(SweepKinds kinds);

/* Formats "3 orphaned thumbnails removed, ..." for people. Owner: the caller frees. */
char *sweep_describe(const SweepCounts *counts, bool dry_run);
