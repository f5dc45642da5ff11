/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a batch as one JSON object, for functions and for the files of dead letters. */
#pragma once

#include <jansson.h>
#include <stdint.h>

/* Collects the records of all events. `input`: an event per line, as a command gets them. The
 * caller has the reference. */
json_t *trigger_payload_records(const char *input);

/* Returns a hash of the sequencers of the records, in their order. */
uint64_t trigger_payload_hash(const json_t *records);

/* Makes {"Records":[...]} with all records, as S3 and Lambda send events. `input`: at least one
 * event per line. Owner: the caller frees with free(). */
char *trigger_payload_text(const char *input);
