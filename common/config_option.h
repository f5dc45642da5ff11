/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One option's value: text to field and back, as its row in config_table.h says. Private to common.
 */
#pragma once

#include "config_table.h"

/*
 * Parses `text` into the field at `base`, which replaces what was there. Errors: ERROR_USAGE,
 * without the option's name.
 */
bool config_option_parse(const Option *option, const char *text, void *base, GError **error);

/* The field at `base` as text that config_option_parse takes. Owner: the caller frees. */
char *config_option_format(const Option *option, const void *base);

/* Sets all options of a section that have a default. */
void config_option_set_defaults(SectionType section, void *base);

/* Frees what the options of a section own. */
void config_option_clear_all(SectionType section, void *base);
