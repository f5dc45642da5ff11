/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include "image.h"
#include "object.h"
#include "record.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MAX 1000 /* printed of one folder; more are no help */

static void offer(const char *candidate, const char *about)
{
    if (about && *about)
        printf("%s\t%.*s\n", candidate, (int)strcspn(about, "\n"), about);
    else
        puts(candidate);
}

static void offer_if(const char *typed, const char *candidate, const char *about)
{
    if (g_str_has_prefix(candidate, typed))
        offer(candidate, about);
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

/* Whether people would put a picture there. */
static bool is_shown(const Context *context, const char *key, const char *name, const char *typed)
{
    return g_str_has_prefix(name, typed) && strcmp(key, context->prefix) != 0 &&
           !config_ignores_entry(context->config, name, key);
}

/* The bucket is the truth: its folders tell what keys there are, one step of the path at a time. */
static void offer_keys(Context *context, const char *typed)
{
    if (!context_open_bucket(context, NULL)) {
        puts(":files");
        return;
    }
    const char *slash = strrchr(typed, '/');
    g_autofree char *folder = g_strndup(typed, slash ? (size_t)(slash + 1 - typed) : 0);
    g_autofree char *path = g_build_filename(context->bucket, folder, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    for (int n = 0; dir && n < KEYS_MAX && (name = g_dir_read_name(dir));) {
        g_autofree char *key = g_strconcat(folder, name, NULL);
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (!is_shown(context, key, name, slash ? slash + 1 : typed))
            continue;
        g_autofree char *text = object_key_to_text(key, NULL);
        printf("%s%s\n", text, g_file_test(file, G_FILE_TEST_IS_DIR) ? "/" : "");
        n++;
    }
}

/* ---- values of options --------------------------------------------------------------------------
 */

static const char *type_name(int type)
{
    return image_type_name((ImageType)type);
}

static const char *state_name_of(int state)
{
    return state_name((ObjectState)state);
}

/* What the help calls a value, and what it may be. */
static const struct {
    const char *value;
    const char *(*name_of)(int number);
    int first, end;
} lists[] = {
    {"TYPE[,...]", type_name, 0, IMAGE_TYPES},
    {"STATE[,...]", state_name_of, STATE_PENDING, STATES_END},
};

/* The last of a list with commas: `head` is what stands before it in the word. */
static void offer_value(const Option *option, const char *head, const char *typed)
{
    if (!strcmp(option->value, "DIR"))
        puts(":folders");
    if (!strcmp(option->value, "FILE"))
        puts(":files");
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (strcmp(lists[i].value, option->value) != 0)
            continue;
        const char *comma = strrchr(typed, ',');
        int len = comma ? (int)(comma + 1 - typed) : 0;
        for (int number = lists[i].first; number < lists[i].end; number++) {
            const char *name = lists[i].name_of(number);
            if (g_str_has_prefix(name, typed + len))
                printf("%s%.*s%s\n", head, len, typed, name);
        }
    }
    if (!strchr(option->value, '|'))
        return;
    g_auto(GStrv) names = g_strsplit(option->value, "|", 0);
    for (char **name = names; *name; name++) {
        if (g_str_has_prefix(*name, typed))
            printf("%s%s\n", head, *name);
    }
}

/* ---- the line so far ----------------------------------------------------------------------------
 */

typedef struct {
    const Command *command;
    const Option *tables[COMMAND_TABLES_MAX];
    size_t n_tables;
    size_t n_arguments;
    bool ended;         /* by `--`: no option comes any more */
    const Option *open; /* the option whose value comes next; NULL: none */
    const char *bucket; /* of --bucket */
} Line;

static const Option *find_option(const Line *line, const char *word)
{
    size_t len = strcspn(word, "=");
    for (size_t i = 0; i < line->n_tables; i++) {
        for (const Option *option = line->tables[i]; option->name; option++) {
            if (strlen(option->name) == len - 2 && !strncmp(option->name, word + 2, len - 2))
                return option;
        }
    }
    return NULL;
}

static bool is_option(const Line *line, const char *word)
{
    return !line->ended && g_str_has_prefix(word, "--");
}

static void take_value(Line *line, const Option *option, const char *value)
{
    if (!strcmp(option->name, "bucket"))
        line->bucket = value;
}

/* A word that is typed out. */
static void take_word(Line *line, const char *word)
{
    const Option *open = g_steal_pointer(&line->open);
    const char *equals = strchr(word, '=');
    if (open) {
        take_value(line, open, word);
    } else if (!is_option(line, word)) {
        line->n_arguments++;
    } else if (!strcmp(word, "--")) {
        line->ended = true;
    } else {
        const Option *option = find_option(line, word);
        if (option && equals)
            take_value(line, option, equals + 1);
        else if (option && option->value)
            line->open = option;
    }
}

static void offer_options(const Line *line, const char *typed)
{
    for (size_t i = 0; i < line->n_tables; i++) {
        for (const Option *option = line->tables[i]; option->name; option++) {
            g_autofree char *word = g_strconcat("--", option->name, NULL);
            if (option->help)
                offer_if(typed, word, option->help);
        }
    }
}

static void offer_argument(const Line *line, const char *typed)
{
    const CommandUsage *usage = line->command->usage;
    bool takes_bucket = line->command->flags & COMMAND_BUCKET_FLAGS && !line->bucket;
    if (usage->choices && line->n_arguments == 0) {
        for (const char *const *choice = usage->choices; *choice; choice++)
            offer_if(typed, *choice, NULL);
    }
    if (usage->words && !strcmp(usage->words, "KEY") && line->n_arguments == 0) {
        g_auto(Context) context = {.bucket_argument = line->bucket};
        offer_keys(&context, typed);
    } else if (takes_bucket && line->n_arguments <= usage->n_words) {
        puts(":folders");
    }
}

static void offer_word(const Line *line, const char *typed)
{
    const char *equals = strchr(typed, '=');
    const Option *option = is_option(line, typed) && equals ? find_option(line, typed) : NULL;
    if (line->open) {
        offer_value(line->open, "", typed);
    } else if (option && option->value) {
        g_autofree char *head = g_strndup(typed, (size_t)(equals + 1 - typed));
        offer_value(option, head, equals + 1);
    } else if (!line->ended && typed[0] == '-') {
        offer_options(line, typed);
    } else {
        offer_argument(line, typed);
    }
}

static void offer_commands(const Command *commands, size_t n_commands, const char *typed)
{
    for (size_t i = 0; i < n_commands; i++)
        offer_if(typed, commands[i].name, commands[i].summary);
}

void complete_print(const Command *commands, size_t n_commands, char *const *words)
{
    Line line = {0};
    if (!words[0])
        return;
    if (!words[1] || (!strcmp(words[0], "help") && !words[2])) {
        offer_commands(commands, n_commands, words[1] ? words[1] : words[0]);
        if (!words[1]) {
            offer_if(words[0], "help", "What a command takes");
            offer_if(words[0], "version", "The version of thumbq");
        }
        return;
    }
    for (size_t i = 0; i < n_commands && !line.command; i++) {
        if (!strcmp(commands[i].name, words[0]))
            line.command = &commands[i];
    }
    if (!line.command)
        return;
    line.n_tables = command_list_options(line.command, line.tables);
    for (words++; words[1]; words++)
        take_word(&line, words[0]);
    offer_word(&line, words[0]);
}
