"""``python -m idp_analytics`` is ``idp``."""

from idp_analytics.cli import main

if __name__ == "__main__":
    main()
