/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the daemons of the buckets, at their query sockets. They wait for the answer, so
 * they run in a thread. */
#pragma once

#include <glib.h>

/*
 * Asks the daemon of a state folder for its metrics in the format of Prometheus. NULL: no daemon
 * answers this user. Blocks for two seconds at the most. Owner: the caller frees.
 */
char *daemons_ask_metrics(const char *state_path);
