/* SPDX-License-Identifier: Apache-2.0 */
/* The price of a month as JSON, as `thumbq bill --json` prints it. */
#pragma once

#include "model/bill.h"

#include <jansson.h>

/* Makes {"month":"2026-11","requests":...,"gb_seconds":...,...}. The caller has the reference. */
json_t *bill_json(const char *month, const BillPrice *price);
