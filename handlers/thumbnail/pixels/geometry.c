/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/geometry.h"

#include <math.h>

static int scaled(int size, double scale)
{
    return MAX(1, (int)lrint(size * scale));
}

Geometry geometry_for(const Rendition *rendition, int width, int height)
{
    double x = MIN(1.0, (double)rendition->width / width);
    double y = MIN(1.0, (double)rendition->height / height);
    switch (rendition->fit) {
    case FIT_INSIDE:
        x = y = MIN(x, y);
        break;
    case FIT_COVER:
    case FIT_ATTENTION:
    case FIT_ENTROPY:
        x = y = MAX(x, y);
        break;
    case FIT_FILL:
        break;
    }
    Geometry geometry = {.scaled_width = scaled(width, x), .scaled_height = scaled(height, y)};
    geometry.width = MIN(geometry.scaled_width, rendition->width);
    geometry.height = MIN(geometry.scaled_height, rendition->height);
    return geometry;
}
