/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "asking.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "base/wrap.h"
#include "filter_options.h"
#include "locate.h"
#include "model/object.h"
#include "views/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *bucket;
    const char *config;
} BucketArguments;

static const CommandOption bucket_options[] = {
    {"bucket", OPTION_TEXT, "DIR", offsetof(BucketArguments, bucket),
     "the bucket, instead of BUCKET; else $THUMBQ_BUCKET, else the one that a file\n"
     "in /etc/thumbq names and that holds this folder, else the nearest folder\n"
     "upward that holds a .thumbq of yours"},
    {"config", OPTION_TEXT, "FILE", offsetof(BucketArguments, config),
     "read FILE; else $THUMBQ_CONFIG, else the file in /etc/thumbq that names the\n"
     "bucket, else .thumbq/thumbq.conf in it"},
    {NULL},
};

typedef struct {
    bool help;
} GeneralOptions;

static const CommandOption general_options[] = {
    {"help", OPTION_FLAG, NULL, offsetof(GeneralOptions, help), "print this, and do nothing"},
    {NULL},
};

static const CommandOption no_options[] = {{NULL}};

/* The structs that a command line is read into. */
typedef struct {
    /* The command's own options: a struct of `values_size` bytes. */
    void *own;
    FilterOptions filter;
    BucketArguments bucket;
    GeneralOptions general;
    GPtrArray *arguments;
} CommandLine;

static size_t list_groups(const Command *command, CommandLine *line,
                          OptionGroup groups[COMMAND_TABLES_MAX])
{
    const CommandOption *own = command->usage->options;
    size_t n = 0;
    groups[n++] = (OptionGroup){"Options", own ? own : no_options, line->own};
    if (command->flags & COMMAND_FILTERS)
        groups[n++] = (OptionGroup){"Filters", filter_options, &line->filter};
    if (command->flags & COMMAND_BUCKET_FLAGS)
        groups[n++] = (OptionGroup){"Bucket", bucket_options, &line->bucket};
    groups[n++] = (OptionGroup){"General", general_options, &line->general};
    return n;
}

size_t command_list_options(const Command *command,
                            const CommandOption *ret_tables[COMMAND_TABLES_MAX])
{
    CommandLine line = {0};
    OptionGroup groups[COMMAND_TABLES_MAX];
    size_t n = list_groups(command, &line, groups);
    for (size_t i = 0; i < n; i++)
        ret_tables[i] = groups[i].options;
    return n;
}

static void print_usage(const Command *command)
{
    static const char indent[] = "       ";
    const char *words = command->usage->words;
    g_autofree char *rest = g_strconcat(
        "[options]", command->flags & COMMAND_FILTERS ? " [filters] " : " ", words ? words : "",
        command->flags & COMMAND_BUCKET_FLAGS ? " [BUCKET]" : "", NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_printf(text, "Usage: thumbq %s ", command->name);
    wrap_append(text, text->len, rest, indent, WRAP_WIDTH);
    printf("%s\n\n", text->str);
}

/* Appends an item of a list, such as "  list    prints them", and indents further lines of its
 * text. */
static void append_item(GString *text, const char *line)
{
    const char *word = line + strspn(line, " ");
    const char *gap = strstr(word, "  ");
    const char *rest = gap ? gap + strspn(gap, " ") : word;
    g_autofree char *indent = g_strnfill((gsize)(rest - line), ' ');
    g_string_append_len(text, line, rest - line);
    wrap_append(text, strlen(indent), rest, indent, WRAP_WIDTH);
    g_string_append_c(text, '\n');
}

/* Prints lines that begin with a blank as items of a list, and other lines as paragraphs. */
static void print_about(const char *about)
{
    g_auto(GStrv) lines = g_strsplit(about, "\n", 0);
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; lines[i];) {
        if (lines[i][0] == '\0') {
            g_string_append(text, lines[i++]);
            g_string_append_c(text, '\n');
            continue;
        }
        if (lines[i][0] == ' ') {
            append_item(text, lines[i++]);
            continue;
        }
        g_autoptr(GString) paragraph = g_string_new(NULL);
        for (; lines[i] && lines[i][0] != '\0' && lines[i][0] != ' '; i++)
            g_string_append_printf(paragraph, "%s ", lines[i]);
        wrap_append(text, 0, paragraph->str, "", WRAP_WIDTH);
        g_string_append_c(text, '\n');
    }
    fputs(text->str, stdout);
}

void command_print_help(const Command *command)
{
    const CommandUsage *usage = command->usage;
    print_usage(command);
    print_about(usage->about);
    CommandLine line = {0};
    OptionGroup groups[COMMAND_TABLES_MAX];
    size_t n_groups = list_groups(command, &line, groups);
    for (size_t i = 0; i < n_groups; i++) {
        if (groups[i].options->name)
            options_print(&groups[i], stdout);
    }
    printf("\nExamples:\n");
    g_auto(GStrv) examples = g_strsplit(usage->examples, "\n", 0);
    for (size_t i = 0; examples[i]; i++)
        printf("  %s\n", examples[i]);
}

/* Inserts the first choice if the first argument is none of the choices. Returns the argument that
 * stands in the place of the choice, or NULL if a choice was given. */
static const char *complete_choice(const CommandUsage *usage, GPtrArray *arguments)
{
    const char *first = arguments->len > 0 ? arguments->pdata[0] : "";
    if (!usage->choices || g_strv_contains(usage->choices, first))
        return NULL;
    g_ptr_array_insert(arguments, 0, (void *)usage->choices[0]);
    return arguments->len > 1 ? first : NULL;
}

/*
 * Reports a mistyped choice: a word that is neither a choice nor an existing bucket. A path that
 * does not exist is reported later, by the search for the bucket, unless the word resembles a
 * choice.
 */
static bool check_choice(const CommandUsage *usage, const char *word, bool has_bucket,
                         GError **error)
{
    const char *const *choices = usage->choices;
    if (!word || strchr(word, '/') || g_file_test(word, G_FILE_TEST_EXISTS))
        return true;
    const char *nearest = units_nearest(word, choices, g_strv_length((GStrv)choices));
    if (!nearest && !has_bucket)
        return true;
    g_autofree char *all = g_strjoinv(", ", (GStrv)choices);
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "unknown word '%s'; %s%s%s", word,
                nearest ? "did you mean '" : "it is one of: ", nearest ? nearest : all,
                nearest ? "'?" : "");
    return false;
}

/* Removes the number that may follow the words. A bucket whose name is a number can be given as
 * ./3. */
static void extract_number(const CommandUsage *usage, GPtrArray *arguments, Context *context)
{
    guint at = (guint)usage->n_words;
    const char *text = usage->accepts_number && arguments->len > at ? arguments->pdata[at] : "";
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &number, NULL))
        return;
    context->number = number;
    g_ptr_array_remove_index(arguments, at);
}

/* Removes the name that follows the words. */
static bool extract_name(const Command *command, GPtrArray *arguments, Context *context,
                         GError **error)
{
    const CommandUsage *usage = command->usage;
    guint at = (guint)usage->n_words;

    if (!usage->accepts_name || strcmp(arguments->pdata[0], usage->choices[0]) == 0)
        return true;
    if (arguments->len <= at) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "thumbq %s %s needs a NAME", command->name,
                    (const char *)arguments->pdata[0]);
        return false;
    }
    context->name = arguments->pdata[at];
    g_ptr_array_remove_index(arguments, at);
    return true;
}

/* Divides the arguments into words, number and bucket. */
static bool parse_arguments(const Command *command, const CommandLine *line, Context *context,
                            GError **error)
{
    GPtrArray *arguments = line->arguments;
    size_t n_words = command->usage->n_words;
    const char *in_its_place = complete_choice(command->usage, arguments);
    extract_number(command->usage, arguments, context);
    if (!extract_name(command, arguments, context, error))
        return false;
    if (arguments->len < n_words) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "thumbq %s needs %s", command->name,
                    command->usage->words);
        return false;
    }
    size_t n_most = n_words + (command->flags & COMMAND_BUCKET_FLAGS && !line->bucket.bucket);
    bool has_bucket = arguments->len > n_most || line->bucket.bucket;
    if (!check_choice(command->usage, in_its_place, has_bucket, error))
        return false;
    if (arguments->len > n_most) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is one argument too many",
                    (const char *)arguments->pdata[n_most]);
        return false;
    }
    context->words = (const char *const *)arguments->pdata;
    context->bucket_argument =
        arguments->len > n_words ? arguments->pdata[n_words] : line->bucket.bucket;
    if (context->bucket_argument && !*context->bucket_argument) {
        /* `thumbq stats "$DIR"` with an unset DIR must not silently use another bucket. */
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the name of the bucket is empty");
        return false;
    }
    context->config_path = line->bucket.config;
    return true;
}

/*
 * Returns the words of the command line without those that name bucket and configuration. Borrowed.
 */
static GPtrArray *words_to_ask(const Command *command, char *const *args, const Context *context,
                               const CommandLine *line)
{
    GPtrArray *words = g_ptr_array_new();
    bool ended = false;
    g_ptr_array_add(words, (void *)command->name);
    for (; *args; args++) {
        bool is_option = !ended && g_str_has_prefix(*args, "--") && (*args)[2];
        if (is_option && (strcmp(*args, "--bucket") == 0 || strcmp(*args, "--config") == 0))
            args++;
        else if (is_option &&
                 (g_str_has_prefix(*args, "--bucket=") || g_str_has_prefix(*args, "--config=")))
            continue;
        else if (is_option || *args != context->bucket_argument || line->bucket.bucket)
            g_ptr_array_add(words, *args);
        ended = ended || (*args && strcmp(*args, "--") == 0);
    }
    g_ptr_array_add(words, NULL);
    return words;
}

/* Asks for each object that KEY may mean, until one exists. */
static int ask_for_key(Context *context, GPtrArray *words, GError **error)
{
    const char *text = context->words[0];
    g_autofree char *directory = g_get_current_dir();
    g_auto(GStrv) keys = locate_keys(text, context->bucket, directory);
    guint at = 0;
    for (guint i = 1; i + 1 < words->len; i++)
        at = words->pdata[i] == text ? i : at;
    for (size_t i = 0; at > 0 && keys[i]; i++) {
        g_autoptr(GError) failure = NULL;
        g_autofree char *encoded = object_key_to_text(keys[i], NULL);
        words->pdata[at] = encoded;
        int status = asking_print(context->asking, &failure);
        words->pdata[at] = (void *)text;
        if (status >= 0)
            return status;
        if (error_code(failure) != ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return -1;
        }
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                "no such object: '%s' in '%s'; 'thumbq list' prints the names", text,
                context->bucket);
    return -1;
}

/* Sends the command to the daemon's reader because another user owns the store. `reason` says who
 * owns it, and is the error if there is no reader. */
static int ask(const Command *command, char *const *args, const CommandLine *line, Context *context,
               GError *reason, GError **error)
{
    g_autoptr(GError) failure = NULL;
    autofd fd = context->config ? asking_connect(context, &failure) : -1;
    if (fd < 0) {
        bool has_socket =
            failure && error_code(failure) != ERROR_NOT_FOUND && !context_is_closed(failure);
        g_propagate_error(error, has_socket ? g_steal_pointer(&failure) : g_steal_pointer(&reason));
        g_clear_error(&reason);
        return -1;
    }
    g_error_free(reason);
    g_autoptr(GPtrArray) words = words_to_ask(command, args, context, line);
    Asking asking = {context, fd_steal(&fd), (const char *const *)words->pdata};
    context->asking = &asking;
    bool has_key = command->usage->n_words == 1 && !command->usage->choices;
    int status = command->flags & COMMAND_PAGED ? command->run(context, error)
                 : has_key                      ? ask_for_key(context, words, error)
                                                : asking_print(&asking, error);
    context->asking = NULL;
    fd_clear(&asking.fd);
    return status;
}

int command_answer(const Command *command, char *const *args, Context *context, GError **error)
{
    CommandLine line = {
        .own = g_malloc0(MAX(command->usage->values_size, 1)),
        .arguments = g_ptr_array_new(),
    };
    OptionGroup groups[COMMAND_TABLES_MAX];
    size_t n_groups = 0;
    int status = -1;
    groups[n_groups++] = (OptionGroup){
        "Options", command->usage->options ? command->usage->options : no_options, line.own};
    if (command->flags & COMMAND_FILTERS)
        groups[n_groups++] = (OptionGroup){"Filters", filter_options, &line.filter};
    context->options = line.own;
    if (options_parse(groups, n_groups, args, line.arguments, error) &&
        parse_arguments(command, &line, context, error) &&
        filter_parse(&line.filter, context->now_us, &context->filter, error)) {
        if (!context->bucket_argument)
            status = command->run(context, error);
        else
            g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is one argument too many",
                        context->bucket_argument);
    }
    g_ptr_array_free(line.arguments, TRUE);
    g_free(line.own);
    return status;
}

static int run_here(const Command *command, Context *context, GError **error)
{
    if (command->flags & COMMAND_NEEDS_BUCKET && !context_open_bucket(context, error))
        return -1;
    if (command->flags & COMMAND_NEEDS_STORE && !context_open_store(context, error))
        return -1;
    return command->run(context, error);
}

/* Runs a command up to its exit status: parses its words, and asks the daemon's reader if another
 * user owns the store. Returns -1 with *error set on failure. */
static int run(const Command *command, char *const *args, CommandLine *line, GError **error)
{
    OptionGroup groups[COMMAND_TABLES_MAX];
    size_t n_groups = list_groups(command, line, groups);
    if (command->flags & COMMAND_FORWARDS && g_strcmp0(args[0], "--help") != 0) {
        g_auto(Context) forwarding = {.words = (const char *const *)args};
        return command->run(&forwarding, error);
    }
    if (!options_parse(groups, n_groups, args, line->arguments, error))
        return -1;
    if (line->general.help) {
        command_print_help(command);
        return 0;
    }
    g_auto(Context) context = {.options = line->own,
                               .now_us = clock_wall_us(),
                               .stays_root = command->flags & COMMAND_STAYS_ROOT};
    if (!parse_arguments(command, line, &context, error))
        return -1;
    if (!filter_parse(&line->filter, context.now_us, &context.filter, error))
        return -1;
    GError *reason = NULL;
    int status = run_here(command, &context, &reason);
    if (status < 0 && command->flags & COMMAND_ASKED && !context.changes &&
        context_is_closed(reason))
        return ask(command, args, line, &context, reason, error);
    if (status < 0)
        g_propagate_error(error, reason);
    return status;
}

int command_finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    /* In `thumbq list | head`, head closes the pipe early. That is no error. */
    if (errno == EPIPE || terminal_reader_gone())
        return status;
    log_error("cannot write to the standard output: %s",
              errno ? g_strerror(errno) : "a write failed");
    return error_exit_status(ERROR_IO);
}

int command_run(const Command *command, char *const *args)
{
    CommandLine line = {
        .own = g_malloc0(MAX(command->usage->values_size, 1)),
        .arguments = g_ptr_array_new(),
    };
    g_autoptr(GError) error = NULL;
    int status = run(command, args, &line, &error);
    if (status < 0) {
        ErrorCode code = error_code(error);
        log_error("%s", error->message);
        if (code == ERROR_USAGE)
            log_info("see 'thumbq %s --help'", command->name);
        status = error_exit_status(code);
    }
    g_ptr_array_free(line.arguments, TRUE);
    g_free(line.own);
    return command_finish_output(status);
}
