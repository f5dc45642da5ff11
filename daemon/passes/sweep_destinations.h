/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a sweep that drops destination records older than [destination] keep. */
#pragma once

#include "passes/sweep_task.h"

extern const SweepPart sweep_destinations;
