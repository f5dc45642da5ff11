/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query reader, a child process of the daemon (daemon/reader_link.h). It answers questions at
 * the query socket with the output of commands. It only reads the store, and enters its sandbox
 * before the first question.
 */
#pragma once

#include "command.h"
#include "daemon/reader_link.h"

/* Runs until the daemon ends. `args` is the bucket. Returns the exit status. */
int reader_main(const Command *commands, size_t n_commands, char *const *args);
