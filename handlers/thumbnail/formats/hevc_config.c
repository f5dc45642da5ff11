/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/hevc_config.h"

/* Places in the body. */
#define AT_DEPTH   17
#define AT_LENGTHS 21
#define AT_ARRAYS  22

bool hevc_config_open(Bytes body, HevcConfig *ret_config)
{
    if (bytes_left(&body) <= AT_ARRAYS)
        return false;
    *ret_config = (HevcConfig){.len_bytes = (body.at[AT_LENGTHS] & 3U) + 1U,
                               .bits = (body.at[AT_DEPTH] & 7) + 8,
                               .n_arrays = body.at[AT_ARRAYS],
                               .rest = {body.at + AT_ARRAYS + 1, body.end}};
    return true;
}

bool hevc_config_next(HevcConfig *config, Bytes *ret_nal)
{
    while (config->n_units == 0) {
        if (config->n_arrays == 0 || bytes_left(&config->rest) == 0)
            return false;
        config->n_arrays--;
        /* The type of its units. */
        bytes_read(&config->rest, 1);
        config->n_units = bytes_read(&config->rest, 2);
    }
    config->n_units--;
    return hevc_next_unit(&config->rest, 2, ret_nal);
}

bool hevc_next_unit(Bytes *data, size_t len_bytes, Bytes *ret_nal)
{
    if (bytes_left(data) < len_bytes)
        return false;
    uint64_t len = bytes_read(data, len_bytes);
    if (len > bytes_left(data))
        return false;
    *ret_nal = (Bytes){data->at, data->at + len};
    data->at += len;
    return true;
}
