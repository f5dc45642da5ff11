/* SPDX-License-Identifier: Apache-2.0 */
/* Does one invocation from start to end: reads a source, makes its renditions and facts. */
#pragma once

#include "delivery.h"
#include "handlers/wire.h"

/*
 * Does `order` with the picture that `source_fd` reads, which stays the caller's. `delivery`
 * was begun for the order, and is ended. *ret_result gets the result or the error; its payload
 * is borrowed from `delivery`. The process keeps nothing of the invocation.
 */
void worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                      WireResult *ret_result);
