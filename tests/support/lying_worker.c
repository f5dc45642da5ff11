/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A first handler program that answers for every file that the second one reads it, and spoils what
 * it was given: the files of the thumbnails, and the position in the source. It replaces
 * worker_order_run (the linker's --wrap) in a real worker in its real sandbox.
 */
#include "worker_order.h"

#include <string.h>
#include <unistd.h>

void __wrap_worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                             WireResult *ret_result);

void __wrap_worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                             WireResult *ret_result)
{
    for (size_t i = 0; order->own_files && i < order->n_renditions; i++)
        (void)!write(delivery->files[i], "spoilt", strlen("spoilt"));
    (void)lseek(source_fd, 5, SEEK_SET);
    *ret_result = (WireResult){.serial = order->serial,
                               .error = ERROR_UNSUPPORTED_TYPE,
                               .message = "it is for another program",
                               .needs = "second",
                               .facts = {.type = IMAGE_QOI, .orientation = 1},
                               .memory_fd = -1};
    delivery_end(delivery, ret_result);
}
