/* SPDX-License-Identifier: Apache-2.0 */
/* The place of the store: its folder and its files. Private to the store. */
#pragma once

#include "store/store.h"

/* Opens the folder and checks the files in it. Errors: as trusted.h; ERROR_NOT_FOUND. */
bool store_folder_open(Store *store, int dir_fd, const char *directory, GError **error);

/* Stores the identity of the files. Call it after LMDB has opened them. */
void store_folder_record_files(Store *store);
void place_close(Store *store);
