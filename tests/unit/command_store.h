/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket for the tests of commands: its store has an object of each state, at fixed times. */
#pragma once

/* Makes the store of the bucket `folder`, with the objects of the table `uploads`. */
void command_store_make(const char *folder);

/* Commits a new object that is pending. */
void command_store_add(const char *folder, const char *key);
