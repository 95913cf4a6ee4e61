#!/usr/bin/env python
"""Django's command line: `manage.py serve`, `manage.py migrate` and so on; each takes `--configFilePath PATH`."""

import sys

from roundtable.commandline import main

if __name__ == "__main__":
    main(sys.argv)
