/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of jobs, and the number of objects in each. Private to the store. */
#pragma once

#include "model/job.h"
#include "store/store.h"

#include <lmdb.h>

/* Decodes a row; false for invalid bytes. The id is not part of the row. */
bool job_rows_decode(const void *row, size_t len, BatchJob *ret_job);

/* Reads a job. Its pointers are valid until the transaction ends or the next change. */
bool job_rows_get(Store *store, MDB_txn *txn, uint32_t id, bool *ret_found, BatchJob *ret_job,
                  GError **error);

/* Writes a job within the batch. */
bool job_rows_put(Store *store, const BatchJob *job, GError **error);
bool job_rows_delete(Store *store, uint32_t id, GError **error);

/* Visits the rows with ids above `after`, in order, until `visit` returns false. */
bool job_rows_walk(Store *store, MDB_txn *txn, uint32_t after,
                   bool (*visit)(const BatchJob *job, void *data), void *data, GError **error);

/* Counts an object that has left a job or has become part of one. */
bool job_rows_change(Store *store, const Record *old, const Record *new, GError **error);
