# SPDX-License-Identifier: Apache-2.0
list(APPEND needs treeline_cli_formats treeline_frontend)
