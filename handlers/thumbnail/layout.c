#include "layout.h"

#include <math.h>

static int scaled(int size, double scale)
{
    return MAX(1, (int)lrint(size * scale));
}

Layout layout_for(const Rendition *rendition, int width, int height)
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
    Layout layout = {.scaled_width = scaled(width, x), .scaled_height = scaled(height, y)};
    layout.width = MIN(layout.scaled_width, rendition->width);
    layout.height = MIN(layout.scaled_height, rendition->height);
    return layout;
}
