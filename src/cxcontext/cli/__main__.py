"""
``python -m cxcontext.cli``, for where the ``cxcontext`` command is not on the path.
"""

import sys

from cxcontext.cli.command_line import main

sys.exit(main())
