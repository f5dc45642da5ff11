/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers one question: runs the command that its words name, and returns the output. Private to
 * the reader.
 */
#pragma once

#include "command.h"
#include "control/control_request.h"
#include "disk_space.h"

#include <glib.h>
#include <stdbool.h>

/* The commands, and the open bucket and store that they read. */
typedef struct {
    const Command *commands;
    size_t n_commands;
    /* Absolute path. */
    const char *bucket;
    /* Folder of the thumbnails. */
    char *prefix;
    Config *config;
    Store *store;
    int disk_fds[DISK_SPACE_FOLDERS];
} AnswerSource;

/*
 * Answers `question`, with events up to the sequencer `durable`. Holds a snapshot only during the
 * call. `messages` gets the lines that the command logs. Owner: control_answer_clear. Errors:
 * ERROR_USAGE for words that are no question; those of the command.
 */
bool answer_question(const AnswerSource *source, const ControlRequest *question, uint64_t durable,
                     GPtrArray *messages, ControlAnswer *ret_answer, GError **error);
