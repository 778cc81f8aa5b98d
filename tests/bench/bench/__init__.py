# SPDX-License-Identifier: ISC
"""The benchmark of usherd: what tests/bench/run is made of."""
