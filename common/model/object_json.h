/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information about an object as JSON: the line of `thumbq list --json`, and the further members of
 * `thumbq show --json`.
 */
#pragma once

#include "model/object_info.h"

#include <jansson.h>

/*
 * Converts the members that `list` prints. `prefix` is the folder of the thumbnails, as in Context.
 * Owner: the caller has the reference.
 */
json_t *object_json(const ObjectInfo *object, const char *prefix);

/* Adds the further members that `show` prints: version, etag, attempts, place in the queue. */
void object_json_add_details(json_t *json, const ObjectInfo *object);

/* Converts the list of the object's thumbnails alone. The caller has the reference. */
json_t *object_thumbnails_json(const ObjectInfo *object, const char *prefix);
