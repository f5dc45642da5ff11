/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What handlers/wire.h promises of a frame that a decoder has let through: checked by the unit test
 * and the fuzz target.
 */
#pragma once

#include "wire.h"

/* End the program where a field is outside of its limits. */
void wire_limits_check_job(const WireJob *job);
void wire_limits_check_result(const WireResult *result);
