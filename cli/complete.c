/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include "model/image.h"
#include "model/object.h"
#include "store/record.h"

#include <stdio.h>
#include <string.h>

/* Keys printed for one folder. A longer list is of no use. */
#define KEYS_MAX 1000

/* Prints a word that can complete the line, and what it is about. */
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

/* Returns true for an entry that begins with `typed`, is not ignored by the configuration, and is
 * not the folder of the thumbnails. */
static bool is_shown(const Context *context, const char *key, const char *name, const char *typed)
{
    return g_str_has_prefix(name, typed) && strcmp(key, context->prefix) != 0 &&
           !config_ignores_entry(context->config, name, key);
}

/* Prints the keys in a folder of the bucket, one step of the path at a time. Keys come from the
 * folders, not from the store: the bucket is the truth. */
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

static const char *type_name(int type)
{
    return image_type_name((ImageType)type);
}

static const char *state_name_of(int state)
{
    return state_name((ObjectState)state);
}

/* The values of an option, by the name that the help gives its value. */
static const struct {
    const char *value;
    const char *(*name_of)(int number);
    int first, end;
} lists[] = {
    {"TYPE[,...]", type_name, 0, IMAGE_TYPES},
    {"STATE[,...]", state_name_of, STATE_PENDING, STATES_END},
};

/* Prints the values of an option that takes a list with commas. `head` is the part of the word
 * before the last comma. */
static void offer_value(const CommandOption *option, const char *head, const char *typed)
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

typedef struct {
    const Command *command;
    const CommandOption *tables[COMMAND_TABLES_MAX];
    size_t n_tables;
    size_t n_arguments;
    /* A `--` was read: no options follow. */
    bool ended;
    /* Option whose value is the next word. NULL means none. */
    const CommandOption *open;
    /* Value of --bucket. */
    const char *bucket;
} CommandWords;

static const CommandOption *find_option(const CommandWords *line, const char *word)
{
    size_t len = strcspn(word, "=");
    for (size_t i = 0; i < line->n_tables; i++) {
        for (const CommandOption *option = line->tables[i]; option->name; option++) {
            if (strlen(option->name) == len - 2 && !strncmp(option->name, word + 2, len - 2))
                return option;
        }
    }
    return NULL;
}

static bool is_option(const CommandWords *line, const char *word)
{
    return !line->ended && g_str_has_prefix(word, "--");
}

static void set_value(CommandWords *line, const CommandOption *option, const char *value)
{
    if (!strcmp(option->name, "bucket"))
        line->bucket = value;
}

/* Reads a complete word of the line. */
static void parse_word(CommandWords *line, const char *word)
{
    const CommandOption *open = g_steal_pointer(&line->open);
    const char *equals = strchr(word, '=');
    if (open) {
        set_value(line, open, word);
    } else if (!is_option(line, word)) {
        line->n_arguments++;
    } else if (!strcmp(word, "--")) {
        line->ended = true;
    } else {
        const CommandOption *option = find_option(line, word);
        if (option && equals)
            set_value(line, option, equals + 1);
        else if (option && option->value)
            line->open = option;
    }
}

static void offer_options(const CommandWords *line, const char *typed)
{
    for (size_t i = 0; i < line->n_tables; i++) {
        for (const CommandOption *option = line->tables[i]; option->name; option++) {
            g_autofree char *word = g_strconcat("--", option->name, NULL);
            if (option->help)
                offer_if(typed, word, option->help);
        }
    }
}

static void offer_argument(const CommandWords *line, const char *typed)
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

/* Prints what can complete the word that the user has begun: a value, an option or an argument. */
static void offer_word(const CommandWords *line, const char *typed)
{
    const char *equals = strchr(typed, '=');
    const CommandOption *option =
        is_option(line, typed) && equals ? find_option(line, typed) : NULL;
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
    CommandWords line = {0};
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
        parse_word(&line, words[0]);
    offer_word(&line, words[0]);
}
