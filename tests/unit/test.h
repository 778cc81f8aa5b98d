/* SPDX-License-Identifier: ISC */
/* What every unit suite includes: cmocka with the headers it needs first. */
#ifndef USHERD_TEST_H
#define USHERD_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
