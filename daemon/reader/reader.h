/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of its query reader: starts the process, passes the durable state to it, and
 * restarts it when it dies or the store is replaced. Private to the daemon. */
#pragma once

#include "journal/bucket_state.h"
#include "run.h"

#include <glib.h>
#include <stdbool.h>

typedef struct QueryReader QueryReader;

/* Makes the query socket and starts the reader. NULL on error; the daemon continues without a
 * reader. Owner: reader_free. Errors: as control_listen, ERROR_SHORTAGE. */
QueryReader *reader_open(const BucketState *state, const DaemonRun *run, GError **error);
void reader_free(QueryReader *reader);

/* Call it after a commit of the store. */
void reader_committed(QueryReader *reader);

/* Restarts the reader after the store, the state folder or the configuration was replaced. */
void reader_renew(QueryReader *reader);

/* True if the socket has its name in the present folder. */
bool reader_is_in_place(const QueryReader *reader);
