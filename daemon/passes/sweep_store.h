/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a sweep that drops expired data from the store (store_upkeep). */
#pragma once

#include "passes/sweep_task.h"

extern const SweepPart sweep_store;
