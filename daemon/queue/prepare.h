/* SPDX-License-Identifier: Apache-2.0 */
/* Prepares a work item before it is handed out: opens and checks its source, and sets its group.
 * The kind of the work item defines the product (kinds/kind.h). */
#pragma once

#include "queue/work_item.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Opens the object, and checks that it may be processed. If the object is another version by now,
 * the store is updated. Errors: ERROR_SOURCE_GONE, ERROR_MADE_BY_THUMBQ, ERROR_EMPTY_FILE,
 * ERROR_FILE_TOO_LARGE, those of bucket_open_object.
 */
bool prepare_source(WorkItem *item, GError **error);

/*
 * Prepares a work item for another handler program: opens the source anew, as the last worker can
 * move the position in its descriptor, and makes the output files if the program gets its own.
 * Errors: ERROR_SOURCE_CHANGED, those of bucket_open_object and of the kind's open_outputs.
 */
bool prepare_again(WorkItem *item, bool own_files, GError **error);

/* Sets the group of the work item: work items of one group may share a worker. The serial must be
 * set. */
void prepare_group(WorkItem *item);
