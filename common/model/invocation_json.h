/* SPDX-License-Identifier: Apache-2.0 */
/* An invocation as JSON: one line of the attempts that `thumbq show --json` prints. */
#pragma once

#include "model/invocation.h"

#include <jansson.h>

/* Converts to {"request_id":...,"start":...,...}. The caller has the reference. */
json_t *invocation_json(const Attempt *attempt);
