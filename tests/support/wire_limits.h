/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that handlers/include/handlers/wire.h promises for a decoded frame. The unit test and
 * the fuzz target check them. */
#pragma once

#include "handlers/wire.h"

/* End the program if a field is outside of its limits. */
void wire_limits_check_order(const WireOrder *order);
void wire_limits_check_result(const WireResult *result);
