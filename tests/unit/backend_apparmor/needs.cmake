# SPDX-License-Identifier: Apache-2.0
list(APPEND needs treeline_passes)
list(APPEND needs treeline_closing)
