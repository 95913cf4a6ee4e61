"""The option that every command of manage.py takes, and none sees."""

from django.core.management.base import CommandParser


def explain_config_path(parser: CommandParser) -> None:
    """Lets `--help` name it; roundtable/commandline.py takes it before Django reads its settings."""
    parser.add_argument(
        "--configFilePath",
        metavar="PATH",
        help="the configuration file (default: config.yaml in this directory, if there is one)",
    )
