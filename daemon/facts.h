/* SPDX-License-Identifier: Apache-2.0 */
/* Passes facts to the modules in the table in facts.c. The journal gets this function as a
 * callback, because it knows none of the modules. */
#pragma once

#include "journal/journal.h"

typedef struct Daemon Daemon;

/* Passes the fact to each module that listens to it, in the order of the table. */
void facts_publish(Daemon *daemon, Fact fact);

/* Returns the callbacks of the journal into the daemon. */
JournalListener facts_journal_listener(Daemon *daemon);
