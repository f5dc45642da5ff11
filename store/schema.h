/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of the store: all tables and the modules that own them. Private to the store. */
#pragma once

#include "store/store.h"

/* Opens a store for reading that no process writes to, so that all of its tables can be checked. */
Store *schema_open_alone(int dir_fd, const char *directory, GError **error);
