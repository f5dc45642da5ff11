/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/reader_answer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "views/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Words of a question, at most. */
#define WORDS_MAX 256

/*
 * Bytes of output for one question, at most. The rest of the payload is for the next page's place.
 */
#define OUTPUT_MAX (CONTROL_PAYLOAD_MAX - CONTROL_TEXT_MAX)

static ssize_t append_output(void *cookie, const char *bytes, size_t n)
{
    GByteArray *output = cookie;

    if (n > OUTPUT_MAX - output->len) {
        errno = EFBIG;
        /* Reports a write error to stdio. The command checks stdout for errors. */
        return 0;
    }
    g_byte_array_append(output, (const guint8 *)bytes, (guint)n);
    return (ssize_t)n;
}

/*
 * Runs the command with `output` in place of stdout. *ret_fits is false if the output is too long.
 */
static int run_into(const Command *command, char *const *args, Context *context, GByteArray *output,
                    bool *ret_fits, GError **error)
{
    const cookie_io_functions_t functions = {.write = append_output};
    FILE *before = stdout;
    FILE *stream = fopencookie(output, "w", functions);

    if (!stream) {
        error_set_errno(error, errno, "cannot capture", "stdout");
        return -1;
    }
    stdout = stream;
    int status = command_answer(command, args, context, error);
    *ret_fits = fflush(stream) == 0 && !ferror(stream);
    stdout = before;
    /* ferror has been checked before. */
    (void)fclose(stream);
    return status;
}

static const Command *find_command(const AnswerSource *source, const char *name)
{
    for (size_t i = 0; name && i < source->n_commands; i++) {
        const Command *command = &source->commands[i];
        if (strcmp(command->name, name) == 0)
            return command->flags & COMMAND_ASKED ? command : NULL;
    }
    return NULL;
}

static TerminalStyle style_of(const ControlQuestion *question)
{
    return (TerminalStyle){
        .is_interactive = question->style & CONTROL_STYLE_INTERACTIVE,
        .has_color = question->style & CONTROL_STYLE_COLOR,
        .has_truecolor = question->style & CONTROL_STYLE_TRUECOLOR,
        .is_unicode = question->style & CONTROL_STYLE_UNICODE,
        .width = question->width,
    };
}

/* Runs the command that was asked for. The store belongs to the daemon's reader and stays open,
 * whatever the command closes. */
static bool run_command(const AnswerSource *source, const Command *command, char *const *args,
                        ContextPage *page, int *ret_status, GError **error)
{
    g_autofree char *bucket = g_strdup(source->bucket);
    Context context = {.now_us = clock_wall_us(),
                       .page = page,
                       .bucket = bucket,
                       .prefix = source->prefix,
                       .config = source->config,
                       .disk_fds = source->disk_fds,
                       .store = source->store};
    bool fits = true;

    if (!context_renew_snapshot(&context, error))
        return false;
    *ret_status = run_into(command, args, &context, page->output, &fits, error);
    g_clear_pointer(&context.snapshot, store_snapshot_end);
    if (*ret_status >= 0 && !fits) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "the answer is longer than a megabyte: select fewer objects with filters");
        return false;
    }
    return *ret_status >= 0;
}

/* Messages of one question, at most; further messages are dropped. */
#define MESSAGES_MAX 16

static void append_message(const char *bytes, size_t len, void *messages)
{
    if (((GPtrArray *)messages)->len < MESSAGES_MAX && len > 0)
        g_ptr_array_add(messages, g_strndup(bytes, len - 1));
}

bool answer_question(const AnswerSource *source, const ControlRequest *question, uint64_t durable,
                     GPtrArray *messages, ControlAnswer *ret_answer, GError **error)
{
    const char *name = control_request_next(question, NULL);
    const Command *command = find_command(source, name);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(GByteArray) output = g_byte_array_new();
    g_autoptr(GString) next = g_string_new(NULL);
    const TerminalStyle style = style_of(&question->question);
    ContextPage page = {.after = question->question.after,
                        .rows = question->question.rows,
                        .durable = durable,
                        .output = output,
                        .next = next};
    int status;

    for (const char *word = name; word && (word = control_request_next(question, word));)
        g_ptr_array_add(words, (void *)word);
    if (!command || words->len > WORDS_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "the query socket does not answer such a command");
        return false;
    }
    g_ptr_array_add(words, NULL);
    terminal_set_style(&style);
    log_set_sink(append_message, messages);
    bool ok = run_command(source, command, (char *const *)words->pdata, &page, &status, error);
    log_set_sink(NULL, NULL);
    terminal_set_style(NULL);
    if (!ok)
        return false;
    guint len = output->len;
    g_byte_array_append(output, (const guint8 *)"", 1);
    *ret_answer = (ControlAnswer){
        .question = {.status = (uint32_t)status, .reset = page.reset, .output_len = len}};
    ret_answer->question.next = g_strdup(next->str);
    ret_answer->question.output = (char *)g_byte_array_free(g_steal_pointer(&output), FALSE);
    return true;
}
