/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a sweep that examines thumbnail files and removes those without an object. */
#pragma once

#include "passes/sweep_task.h"

extern const SweepPart sweep_files;
