/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/jpeg_source.h"

#include <jerror.h>

/* Called by libjpeg before the first byte is read, and after the last one. */
static void ignore_call(j_decompress_ptr cinfo)
{
    (void)cinfo;
}

/* Called by libjpeg when it has read a part: goes on with the next one, or with an end marker. */
static boolean on_empty(j_decompress_ptr cinfo)
{
    static const JOCTET end[] = {0xff, JPEG_EOI};
    JpegSource *source = (JpegSource *)cinfo->src;
    if (source->next < source->parts.n) {
        const JpegPart *part = &source->parts.items[source->next++];
        source->base.next_input_byte = part->data;
        source->base.bytes_in_buffer = part->size;
        return TRUE;
    }
    WARNMS(cinfo, JWRN_JPEG_EOF);
    source->base.next_input_byte = end;
    source->base.bytes_in_buffer = sizeof end;
    return TRUE;
}

static void on_skip(j_decompress_ptr cinfo, long n)
{
    while (n > (long)cinfo->src->bytes_in_buffer) {
        n -= (long)cinfo->src->bytes_in_buffer;
        (void)on_empty(cinfo);
    }
    if (n > 0) {
        cinfo->src->next_input_byte += (size_t)n;
        cinfo->src->bytes_in_buffer -= (size_t)n;
    }
}

void jpeg_source_set(JpegSource *source, const JpegParts *parts,
                     struct jpeg_decompress_struct *cinfo)
{
    *source = (JpegSource){.parts = *parts};
    source->base.init_source = ignore_call;
    source->base.fill_input_buffer = on_empty;
    source->base.skip_input_data = on_skip;
    source->base.resync_to_restart = jpeg_resync_to_restart;
    source->base.term_source = ignore_call;
    cinfo->src = &source->base;
}
