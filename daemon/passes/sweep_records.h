/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a sweep that examines records: missing or stale thumbnails, expired objects, and
 * objects that are away. */
#pragma once

#include "passes/sweep_task.h"

extern const SweepPart sweep_records;
