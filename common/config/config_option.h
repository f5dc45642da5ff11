/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts the value of one option between text and field, as its row in config_table.h says.
 */
#pragma once

#include "config/config_table.h"

/*
 * Parses `text` and replaces the field at `base`. Errors: ERROR_USAGE, without the option's name.
 */
bool config_option_parse(const ConfigOption *option, const char *text, void *base, GError **error);

/* Formats the field at `base` so that config_option_parse can read it. Owner: the caller frees. */
char *config_option_format(const ConfigOption *option, const void *base);

/* Sets all options of a section that have a default. */
void config_option_set_defaults(const ConfigSchema *schema, int section, void *base);

/* Frees the memory that the options of a section own. */
void config_option_clear_all(const ConfigSchema *schema, int section, void *base);

/* Frees the memory that the options of all sections of the configuration `base` own. */
void config_schema_clear(const ConfigSchema *schema, void *base);
