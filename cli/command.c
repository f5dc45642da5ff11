/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "clock.h"
#include "error.h"
#include "filter.h"
#include "log.h"
#include "terminal.h"
#include "units.h"
#include "wrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *bucket;
    const char *config;
} BucketOptions;

static const Option bucket_options[] = {
    {"bucket", OPTION_TEXT, "DIR", offsetof(BucketOptions, bucket),
     "the bucket, instead of BUCKET; else $THUMBQ_BUCKET, else the one that a file\n"
     "in /etc/thumbq names and that holds this folder, else the nearest folder\n"
     "upward that holds a .thumbq of yours"},
    {"config", OPTION_TEXT, "FILE", offsetof(BucketOptions, config),
     "read FILE; else $THUMBQ_CONFIG, else the file in /etc/thumbq that names the\n"
     "bucket, else .thumbq/thumbq.conf in it"},
    {NULL},
};

typedef struct {
    bool help;
} GeneralOptions;

static const Option general_options[] = {
    {"help", OPTION_FLAG, NULL, offsetof(GeneralOptions, help), "print this, and do nothing"},
    {NULL},
};

static const Option no_options[] = {{NULL}};

/* All that a command line is read into. */
typedef struct {
    void *own; /* the command's struct */
    FilterOptions filter;
    BucketOptions bucket;
    GeneralOptions general;
    GPtrArray *arguments;
} CommandLine;

static size_t list_groups(const Command *command, CommandLine *line,
                          OptionGroup groups[COMMAND_TABLES_MAX])
{
    const Option *own = command->usage->options;
    size_t n = 0;
    groups[n++] = (OptionGroup){"Options", own ? own : no_options, line->own};
    if (command->flags & COMMAND_FILTERS)
        groups[n++] = (OptionGroup){"Filters", filter_options, &line->filter};
    if (command->flags & COMMAND_BUCKET_FLAGS)
        groups[n++] = (OptionGroup){"Bucket", bucket_options, &line->bucket};
    groups[n++] = (OptionGroup){"General", general_options, &line->general};
    return n;
}

size_t command_list_options(const Command *command, const Option *ret_tables[COMMAND_TABLES_MAX])
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

/* "  list    prints them": the text hangs below itself. */
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

/* Lines that begin with a blank are items of a list; the others are one paragraph. */
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

/* The choice that was left out. Returns what stood in its place: NULL if there is a choice. */
static const char *complete_choice(const CommandUsage *usage, GPtrArray *arguments)
{
    const char *first = arguments->len > 0 ? arguments->pdata[0] : "";
    if (!usage->choices || g_strv_contains(usage->choices, first))
        return NULL;
    g_ptr_array_insert(arguments, 0, (void *)usage->choices[0]);
    return arguments->len > 1 ? first : NULL;
}

/*
 * A word that stands where a choice may, and is no bucket either: the choice is mistyped. A path
 * that only is not there is left to whoever looks for the bucket, unless it is nearly a choice.
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

/* Takes the number that may stand after the words. A bucket of that name can be written as ./3. */
static void take_number(const CommandUsage *usage, GPtrArray *arguments, Context *context)
{
    guint at = (guint)usage->n_words;
    const char *text = usage->takes_number && arguments->len > at ? arguments->pdata[at] : "";
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &number, NULL))
        return;
    context->number = number;
    g_ptr_array_remove_index(arguments, at);
}

/* Sorts the arguments into words and bucket. */
static bool take_arguments(const Command *command, const CommandLine *line, Context *context,
                           GError **error)
{
    GPtrArray *arguments = line->arguments;
    size_t n_words = command->usage->n_words;
    const char *in_its_place = complete_choice(command->usage, arguments);
    take_number(command->usage, arguments, context);
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
        /* `thumbq stats "$DIR"` with DIR unset must not silently mean another bucket. */
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the name of the bucket is empty");
        return false;
    }
    context->config_path = line->bucket.config;
    return true;
}

static int run(const Command *command, char *const *args, CommandLine *line, GError **error)
{
    OptionGroup groups[COMMAND_TABLES_MAX];
    size_t n_groups = list_groups(command, line, groups);
    if (command->flags & COMMAND_HANDS_ON && g_strcmp0(args[0], "--help") != 0) {
        g_auto(Context) handing_on = {.words = (const char *const *)args};
        return command->run(&handing_on, error);
    }
    if (!options_parse(groups, n_groups, args, line->arguments, error))
        return -1;
    if (line->general.help) {
        command_print_help(command);
        return 0;
    }
    g_auto(Context) context = {.options = line->own,
                               .now_us = clock_wall_us(),
                               .keeps_user = command->flags & COMMAND_KEEPS_USER};
    if (!take_arguments(command, line, &context, error))
        return -1;
    if (!filter_parse(&line->filter, context.now_us, &context.filter, error))
        return -1;
    if (command->flags & COMMAND_NEEDS_BUCKET && !context_open_bucket(&context, error))
        return -1;
    if (command->flags & COMMAND_NEEDS_STORE && !context_open_store(&context, error))
        return -1;
    return command->run(&context, error);
}

int command_finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    /* `thumbq list | head`: the reader has had enough, which is no error. */
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
