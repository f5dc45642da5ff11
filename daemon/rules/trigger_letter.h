/* SPDX-License-Identifier: Apache-2.0 */
/* `on_failure` of a trigger: a JSON file, in the form of Lambda's destinations, for each delivery
 * that was given up or skipped. */
#pragma once

#include "config/config.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Refuses a folder of dead letters that lies in the bucket, but not in its state folder: each
 * letter would be an object, and its event could make the next letter. Errors: ERROR_CONFIG.
 */
bool trigger_letter_check(const char *bucket, const Config *config, GError **error);

/* Formats the file's text. Owner: free(). */
char *trigger_letter_text(const char *trigger, const Delivery *delivery, int64_t now_us);

/*
 * Writes the file TRIGGER-SEQUENCER.json into the folder, which is below the state folder or
 * absolute, and made if it is missing. The file appears whole; one of that name is replaced. Blocks
 * for the disk.
 */
bool trigger_letter_write(int state_fd, const char *folder, const char *trigger,
                          const Delivery *delivery, int64_t now_us, GError **error);
