/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destination records, in the form of Lambda, for objects that are done or dead: one file each, in
 * the configured folder. A record that cannot be written is logged.
 *
 * A record is written when the outcome is known, under a name that readers ignore. Before the
 * commit that makes the outcome true, all records of the batch are synced together and get their
 * names. So none is lost, and the loop waits for the disk once a batch.
 */
#pragma once

#include "journal/bucket_state.h"
#include "queue/work_item.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

/* The records of the batch under way. */
typedef struct DestinationBatch DestinationBatch;

/* Makes an empty batch of records. `state` is borrowed. Owner: destination_batch_free. */
DestinationBatch *destination_batch_new(const BucketState *state);

/* Removes the records, as destination_forget. NULL is accepted. */
void destination_batch_free(DestinationBatch *batch);

/* Writes a record for an object that is done or dead, if configured. A failure is logged and
 * counted, and delays no other work. */
void destination_write(DestinationBatch *batch, const WorkItem *item, const Record *record);

/*
 * Syncs the records of the batch and gives them their names. Call it before the commit of the
 * batch. After a crash in between, the same object gets a second record. Blocks: a sync of the file
 * system and one of the folder, for each of two folders.
 */
void destination_sync(DestinationBatch *batch);

/* Removes the records of a batch that was lost. */
void destination_forget(DestinationBatch *batch);

/*
 * After a crash, removes the records without a name that the last daemon has left. Call it before
 * any record is written. Time in proportion to the files in the two folders.
 */
void destination_clean(const BucketState *state);

/* The form of the id in the names of these files. */
#define DESTINATION_ID "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

/* True if the name has this form, in which each x stands for a hexadecimal digit. */
bool destination_has_form(const char *name, const char *form);

/* The first bytes of each of these files. */
#define DESTINATION_START "{\"version\":\"1.0\",\"timestamp\":"

/* Opens the configured folder. An absolute folder may be read by all users; one below the state
 * folder may not. `make`: makes a missing folder. Returns -1 on error. Owner: the caller closes. */
int destination_open_folder(int state_fd, const char *setting, bool make, GError **error);
