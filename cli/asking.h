/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of users who may not open the store. The daemon's query reader runs the command, and
 * returns its output page by page (control/connect.h).
 */
#pragma once

#include "context.h"
#include "control/client.h"
#include "control/connect.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A connection to the query reader, and the words of the command line that do not name a bucket. */
struct Asking {
    /* Borrowed. */
    const Context *context;
    /* Owned: the creator of the struct closes it. asking_page replaces it when the reader was
     * restarted. */
    int fd;
    /* Borrowed, NULL-terminated. The first word is the command's name. */
    const char *const *words;
};

/* Connects to the query reader of the context's bucket, which is open. Returns -1 on error. Owner:
 * the caller closes. Errors: those of control_connect_query. */
int asking_connect(const Context *context, GError **error);

/*
 * Asks for one page of the command's output, which begins after `after` and has at most `rows`
 * rows. With `wait`, a page of events is answered when there is an event. Owner:
 * control_answer_clear. Errors: those of control_ask, and of the command.
 */
bool asking_page(Asking *asking, const char *after, uint64_t rows, bool wait,
                 ControlAnswer *ret_answer, GError **error);

/* Called with each line of a page, without its line feed. Returns false to stop. */
typedef bool (*AskingLine)(char *line, void *data);

/* Asks for all pages, and passes their lines to `visit`. Limits: `limit` rows at most; 0 means no
 * limit. Errors: as asking_page. */
bool asking_lines(Asking *asking, uint64_t limit, AskingLine visit, void *data, GError **error);

/* Asks for the command's output, which is a single page, and prints it to stdout. Returns the
 * command's exit status, or -1 with *error set. */
int asking_print(Asking *asking, GError **error);
