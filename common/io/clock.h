/* The only place that asks the time. */
#ifndef COMMON_IO_CLOCK_H
#define COMMON_IO_CLOCK_H

#include "common/base/mono.h"

struct mono clock_mono(void);
/* Seconds, milliseconds and microseconds since 1970. */
int64_t clock_wall_s(void);
int64_t clock_wall_ms(void);
int64_t clock_wall_us(void);

#endif
