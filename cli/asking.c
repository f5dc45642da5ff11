/* SPDX-License-Identifier: Apache-2.0 */
#include "asking.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "views/terminal.h"

#include <stdio.h>
#include <string.h>

int asking_connect(const Context *context, GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);

    return control_connect_query(state, error);
}

/* Logs a message of the reader here, as the command itself would have logged it. */
static void log_item(const char *line, void *unused_data)
{
    g_autofree char *whole = g_strconcat(line, "\n", NULL);

    (void)unused_data;
    log_write(whole, strlen(whole));
}

static uint32_t style_bits(const TerminalStyle *style)
{
    return (style->is_interactive ? CONTROL_STYLE_INTERACTIVE : 0) |
           (style->has_color ? CONTROL_STYLE_COLOR : 0) |
           (style->has_truecolor ? CONTROL_STYLE_TRUECOLOR : 0) |
           (style->is_unicode ? CONTROL_STYLE_UNICODE : 0);
}

/* Times that a question is sent before the command gives up. */
#define ATTEMPTS 3

/* Connects to the reader again in place of the connection that was lost. */
static bool reconnect(Asking *asking)
{
    int fd = asking_connect(asking->context, NULL);

    if (fd < 0)
        return false;
    fd_clear(&asking->fd);
    asking->fd = fd;
    return true;
}

bool asking_page(Asking *asking, const char *after, uint64_t rows, bool wait,
                 ControlAnswer *ret_answer, GError **error)
{
    const TerminalStyle style = terminal_style();
    const ControlWait wait_for = {.item = log_item};
    g_autoptr(GString) words = g_string_new(NULL);

    for (size_t i = 0; asking->words[i]; i++)
        g_string_append_len(words, asking->words[i], (gssize)strlen(asking->words[i]) + 1);
    const ControlRequest request = {.type = CONTROL_QUESTION,
                                    .question = {.after = after,
                                                 .rows = (uint32_t)MIN(rows, CONTROL_ROWS_MAX),
                                                 .style = style_bits(&style),
                                                 .width = (uint32_t)MIN(style.width, UINT16_MAX),
                                                 .wait = wait},
                                    .payload = words->str,
                                    .payload_len = words->len};

    for (int attempt = 1;; attempt++) {
        g_autoptr(GError) failure = NULL;
        if (control_ask(asking->fd, &request, &wait_for, ret_answer, &failure))
            return true;
        /* The reader has ended. The daemon starts another one, also after a change of
         * configuration. */
        if (error_code(failure) != ERROR_IO || attempt == ATTEMPTS || !reconnect(asking)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
    }
}

/* Passes the lines of a page to `visit`. *ret_rows is the number of lines passed. Returns false if
 * `visit` stopped. */
static bool visit_lines(char *output, AskingLine visit, void *data, uint64_t *ret_rows)
{
    *ret_rows = 0;
    for (char *line = output, *end; *line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        ++*ret_rows;
        if (!visit(line, data))
            return false;
    }
    return true;
}

bool asking_lines(Asking *asking, uint64_t limit, AskingLine visit, void *data, GError **error)
{
    uint64_t left = limit > 0 ? limit : UINT64_MAX;
    g_autofree char *after = g_strdup("");
    bool goes_on = true;

    while (goes_on && left > 0) {
        ControlAnswer answer;
        uint64_t rows;
        if (!asking_page(asking, after, left, false, &answer, error))
            return false;
        goes_on = visit_lines(answer.question.output, visit, data, &rows) &&
                  *answer.question.next != '\0' && strcmp(answer.question.next, after) != 0;
        left -= MIN(rows, left);
        g_free(after);
        after = g_strdup(answer.question.next);
        control_answer_clear(CONTROL_QUESTION, &answer);
    }
    return true;
}

int asking_print(Asking *asking, GError **error)
{
    ControlAnswer answer;

    if (!asking_page(asking, "", CONTROL_ROWS_MAX, false, &answer, error))
        return -1;
    int status = (int)answer.question.status;
    (void)fwrite(answer.question.output, 1, answer.question.output_len, stdout);
    control_answer_clear(CONTROL_QUESTION, &answer);
    return status;
}
