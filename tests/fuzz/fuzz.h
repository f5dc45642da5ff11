/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libFuzzer calls, over and over, with bytes of its own making. Each target returns 0, and
 * ends the program where something is wrong.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
