/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the worker pool, from the configuration in force and the brake. */
#pragma once

#include "handlers/pool.h"
#include "queue/brake.h"

/* Fills in the options. `ret_options` borrows `handler_program`. */
void workers_options(const Config *config, const char *handler_program, const Brake *brake,
                     ExecutorOptions *ret_options);
